#include "light.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define IIO "/sys/bus/iio/devices/iio:device0/in_illuminance_"

struct light {
	char *path; // NULL: simulated
	double scale;
};

static double number_in(const char *path, double otherwise)
{
	double number;
	FILE *f = fopen(path, "r");

	if (!f)
		return otherwise;
	if (fscanf(f, "%lf", &number) != 1)
		number = otherwise;
	fclose(f);
	return number;
}

struct light *light_open(const char *path)
{
	struct light *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	if (!path && !access(IIO "raw", R_OK))
		path = IIO "raw";
	l->scale = number_in(IIO "scale", 1.0);
	if (path && asprintf(&l->path, "%s", path) < 0) {
		free(l);
		return NULL;
	}
	return l;
}

bool light_is_simulated(const struct light *l)
{
	return !l->path;
}

static double simulated(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	double second = (double)(now.tv_sec % 60) + (double)now.tv_nsec / 1e9;
	double sun = fmax(0.0, sin(second / 60.0 * 2.0 * M_PI));

	return 0.3 + 20000.0 * pow(sun, 1.5) * (1.0 + 0.02 * sin(second * 37.0));
}

double light_read(struct light *l)
{
	return l->path ? l->scale * number_in(l->path, -1.0) : simulated();
}

void light_close(struct light *l)
{
	if (l)
		free(l->path);
	free(l);
}
