// libtrafficgpio on the kernel's GPIO character device (Documentation/userspace-api/gpio, v2).
#include "trafficgpio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct gpio_outputs {
	int fd; // of the request: its lines are ours as long as it is open
	size_t n;
};

static int set(int fd, size_t n, unsigned bits)
{
	struct gpio_v2_line_values values = {.bits = bits, .mask = (1u << n) - 1};

	return ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values);
}

// Says which line it is that somebody else holds, or that the chip lacks.
static void explain(
	int chip_fd, const char *chip, const unsigned *lines, size_t n, char *why, size_t why_size)
{
	int error = errno;
	struct gpiochip_info info;

	if (ioctl(chip_fd, GPIO_GET_CHIPINFO_IOCTL, &info)) {
		snprintf(why, why_size, "%s: not a GPIO chip", chip);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct gpio_v2_line_info line = {.offset = lines[i]};

		if (lines[i] >= info.lines) {
			snprintf(why, why_size, "%s: no line %u, the last is %u", chip, lines[i],
				info.lines - 1);
			return;
		}
		if (ioctl(chip_fd, GPIO_V2_GET_LINEINFO_IOCTL, &line)) {
			snprintf(
				why, why_size, "%s: %s; Linux before 5.10?", chip, strerror(errno));
			return;
		}
		if (line.flags & GPIO_V2_LINE_FLAG_USED) {
			snprintf(why, why_size, "%s: line %u is in use by %s", chip, lines[i],
				*line.consumer ? line.consumer : "the kernel");
			return;
		}
	}
	snprintf(why, why_size, "%s: %s", chip, strerror(error));
}

struct gpio_outputs *gpio_outputs_open(const char *chip, const unsigned *lines, size_t n,
	int active_low, const char *consumer, char *why, size_t why_size)
{
	struct gpio_v2_line_request request = {.num_lines = (unsigned)n};
	struct gpio_outputs *outputs;
	int chip_fd;

	if (n < 1 || n > GPIO_LINES_MAX) {
		snprintf(why, why_size, "%s: 1 to %d lines, not %zu", chip, GPIO_LINES_MAX, n);
		return NULL;
	}
	chip_fd = open(chip, O_RDWR | O_CLOEXEC);
	if (chip_fd < 0) {
		snprintf(why, why_size, "%s: %s", chip, strerror(errno));
		return NULL;
	}
	memcpy(request.offsets, lines, n * sizeof(*lines));
	snprintf(request.consumer, sizeof(request.consumer), "%s", consumer);
	// Lines that are requested as outputs start off: attributes that say so are not needed.
	request.config.flags =
		GPIO_V2_LINE_FLAG_OUTPUT | (active_low ? GPIO_V2_LINE_FLAG_ACTIVE_LOW : 0);
	outputs = malloc(sizeof(*outputs));
	if (!outputs || ioctl(chip_fd, GPIO_V2_GET_LINE_IOCTL, &request)) {
		explain(chip_fd, chip, lines, n, why, why_size);
		close(chip_fd);
		free(outputs);
		return NULL;
	}
	close(chip_fd);
	*outputs = (struct gpio_outputs){.fd = request.fd, .n = n};
	return outputs;
}

int gpio_outputs_set(struct gpio_outputs *outputs, unsigned bits)
{
	return set(outputs->fd, outputs->n, bits);
}

void gpio_outputs_close(struct gpio_outputs *outputs)
{
	if (!outputs)
		return;
	set(outputs->fd, outputs->n, 0);
	close(outputs->fd);
	free(outputs);
}
