// libtrafficgpio: a few output lines of a GPIO chip, switched together.
#pragma once
#include <stddef.h>

#define GPIO_LINES_MAX 16

struct gpio_outputs;

// Requests the lines of a chip (/dev/gpiochip0) as outputs, all of them off. NULL where that fails;
// `why` then holds one line that names chip and line. active_low: off is the higher voltage.
struct gpio_outputs *gpio_outputs_open(const char *chip, const unsigned *lines, size_t n,
	int active_low, const char *consumer, char *why, size_t why_size);

// Bit i is line i of those requested. 0, or -1 with errno.
int gpio_outputs_set(struct gpio_outputs *outputs, unsigned bits);

// Switches all lines off and gives them back; NULL does nothing.
void gpio_outputs_close(struct gpio_outputs *outputs);
