// A light sensor: the kernel's one where the device has it, a simulated one elsewhere.
#pragma once
#include <stdbool.h>

struct light;

// Reads `path`, or the first iio device where path is NULL; without either it simulates a day that
// lasts a minute. NULL when memory ran out.
struct light *light_open(const char *path);
bool light_is_simulated(const struct light *l);
// In lux; negative where the sensor did not answer.
double light_read(struct light *l);
void light_close(struct light *l);
