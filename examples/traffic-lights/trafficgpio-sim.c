// libtrafficgpio without a chip: the same interface under the same soname, which tells on stderr
// what the lines would do. For machines without pins; no image for a device holds it.
#include "trafficgpio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gpio_outputs {
	unsigned lines[GPIO_LINES_MAX];
	size_t n;
};

static void tell(const struct gpio_outputs *outputs, unsigned bits)
{
	fputs("gpio-sim:", stderr);
	for (size_t i = 0; i < outputs->n; i++)
		fprintf(stderr, " %u=%u", outputs->lines[i], bits >> i & 1);
	fputc('\n', stderr);
}

struct gpio_outputs *gpio_outputs_open(const char *chip, const unsigned *lines, size_t n,
	int active_low, const char *consumer, char *why, size_t why_size)
{
	struct gpio_outputs *outputs;

	if (n < 1 || n > GPIO_LINES_MAX) {
		snprintf(why, why_size, "%s: 1 to %d lines, not %zu", chip, GPIO_LINES_MAX, n);
		return NULL;
	}
	outputs = malloc(sizeof(*outputs));
	if (!outputs) {
		snprintf(why, why_size, "%s: no memory", chip);
		return NULL;
	}
	memcpy(outputs->lines, lines, n * sizeof(*lines));
	outputs->n = n;
	fprintf(stderr, "gpio-sim: %s, %zu lines for %s%s\n", chip, n, consumer,
		active_low ? ", active low" : "");
	tell(outputs, 0);
	return outputs;
}

int gpio_outputs_set(struct gpio_outputs *outputs, unsigned bits)
{
	tell(outputs, bits);
	return 0;
}

void gpio_outputs_close(struct gpio_outputs *outputs)
{
	if (!outputs)
		return;
	tell(outputs, 0);
	free(outputs);
}
