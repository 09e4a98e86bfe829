// sensor: prints how bright it is, as small daemons on a device do.
//
//   sensor [--once]
//
// One thread samples, the other prints the mean of each window. /etc/sensor.conf may hold lines
// «interval = SECONDS» (between two lines of output) and «source = FILE» (the sensor's value).
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "light.h"

#define WINDOW 8

struct config {
	double interval;
	char source[256]; // empty: the device's own
};

struct window {
	pthread_mutex_t lock;
	pthread_cond_t sampled;
	struct light *light;
	double pause;
	double sum, sum_of_squares;
	int n;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static struct config read_config(const char *path)
{
	struct config c = {.interval = 2.0};
	char line[300];
	FILE *f = fopen(path, "r");

	if (!f)
		return c;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, " interval = %lf", &c.interval);
		sscanf(line, " source = %255s", c.source);
	}
	fclose(f);
	if (!(c.interval > 0.0 && c.interval <= 3600.0))
		c.interval = 2.0;
	return c;
}

static void *sample(void *arg)
{
	struct window *w = arg;
	struct timespec pause = {.tv_sec = (time_t)w->pause};

	pause.tv_nsec = (long)((w->pause - (double)pause.tv_sec) * 1e9);
	while (!stopped) {
		double lux = light_read(w->light);

		pthread_mutex_lock(&w->lock);
		if (lux >= 0.0) {
			w->sum += lux;
			w->sum_of_squares += lux * lux;
		}
		w->n++;
		pthread_cond_signal(&w->sampled);
		pthread_mutex_unlock(&w->lock);
		nanosleep(&pause, NULL);
	}
	pthread_mutex_lock(&w->lock); // who waits for a sample now learns that none will come
	pthread_cond_signal(&w->sampled);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static const char *word_for(double lux)
{
	// The eye judges by ratios: a step of the scale is a factor of ten.
	static const char *words[] = {"dark", "dim", "a lit room", "an overcast day", "daylight"};
	int step = (int)floor(log10(fmax(lux, 1.0)));

	return words[step > 4 ? 4 : step];
}

// Waits for a full window, prints it and begins the next; false when it is time to end.
static bool print_window(struct window *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->n < WINDOW && !stopped)
		pthread_cond_wait(&w->sampled, &w->lock);
	if (w->n >= WINDOW) {
		double mean = w->sum / w->n;
		double noise = sqrt(fmax(0.0, w->sum_of_squares / w->n - mean * mean));

		printf("light: %.1f lux +- %.1f, %s%s\n", mean, noise, word_for(mean),
			light_is_simulated(w->light) ? " (simulated: no sensor here)" : "");
		fflush(stdout);
	}
	w->sum = w->sum_of_squares = 0.0;
	w->n = 0;
	pthread_mutex_unlock(&w->lock);
	return !stopped;
}

int main(int argc, char **argv)
{
	bool once = argc == 2 && !strcmp(argv[1], "--once");
	struct config config = read_config("/etc/sensor.conf");
	struct window w = {.lock = PTHREAD_MUTEX_INITIALIZER, .sampled = PTHREAD_COND_INITIALIZER};
	pthread_t sampler;

	if (argc > 1 && !once) {
		fprintf(stderr, "usage: sensor [--once]\n");
		return 2;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	w.light = light_open(*config.source ? config.source : NULL);
	w.pause = (once ? 0.1 : config.interval) / WINDOW;
	if (!w.light || pthread_create(&sampler, NULL, sample, &w)) {
		fprintf(stderr, "sensor: cannot start\n");
		return 1;
	}
	while (print_window(&w) && !once)
		;
	stopped = 1;
	pthread_join(sampler, NULL);
	light_close(w.light);
	return 0;
}
