// traffic-lights: red, yellow and green on three lines of a GPIO chip.
//
//   traffic-lights [--chip PATH] [--lines R,Y,G] [--times MS,MS,MS,MS] [--active-low] [--cycles N]
//
// The times are those of red, red and yellow, green, yellow. SIGTERM and SIGINT switch all lights
// off and end it with 0.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trafficgpio.h"

#define RED 1u
#define YELLOW 2u
#define GREEN 4u
#define LIGHTS 3
#define PHASES 4

static const struct phase {
	const char *name;
	unsigned lights;
} phases[PHASES] = {
	{"red", RED},
	{"red and yellow", RED | YELLOW},
	{"green", GREEN},
	{"yellow", YELLOW},
};

struct config {
	const char *chip;
	unsigned lines[LIGHTS];
	unsigned ms[PHASES];
	int active_low;
	unsigned cycles; // 0: until a signal comes
};

static const struct option options[] = {
	{"chip", required_argument, NULL, 'c'},
	{"lines", required_argument, NULL, 'l'},
	{"times", required_argument, NULL, 't'},
	{"active-low", no_argument, NULL, 'a'},
	{"cycles", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char usage[] =
	"usage: traffic-lights [OPTIONS]\n"
	"  --chip PATH            GPIO chip (/dev/gpiochip0)\n"
	"  --lines R,Y,G          its lines for red, yellow, green (17,27,22)\n"
	"  --times MS,MS,MS,MS    red, red and yellow, green, yellow (3000,1000,3000,1000)\n"
	"  --active-low           lights are on at the lower voltage\n"
	"  --cycles N             end after N cycles\n";

// Exactly n numbers of at most `max`, with commas between them.
static bool numbers(const char *text, unsigned *out, int n, unsigned long max)
{
	for (int i = 0; i < n; i++) {
		char *end;
		unsigned long number;

		if (*text < '0' || *text > '9')
			return false;
		errno = 0;
		number = strtoul(text, &end, 10);
		if (errno || number > max || *end != (i + 1 < n ? ',' : '\0'))
			return false;
		out[i] = (unsigned)number;
		text = end + 1;
	}
	return true;
}

// 0, or the status to end with.
static int wrong(const char *option, const char *wanted, const char *value)
{
	fprintf(stderr, "traffic-lights: %s: %s, not %s\n", option, wanted, value);
	return 2;
}

static int configure(struct config *c, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			c->chip = optarg;
			break;
		case 'l':
			if (!numbers(optarg, c->lines, LIGHTS, 1023))
				return wrong("--lines", "three numbers as in 17,27,22", optarg);
			break;
		case 't':
			if (!numbers(optarg, c->ms, PHASES, 3600000))
				return wrong(
					"--times", "four times in ms, an hour at most", optarg);
			break;
		case 'a':
			c->active_low = 1;
			break;
		case 'n':
			if (!numbers(optarg, &c->cycles, 1, 1000000))
				return wrong("--cycles", "a number", optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc)
		return wrong("argument", "options only", argv[optind]);
	return 0;
}

// The signals that end it are blocked and taken here: none is lost between two phases, and they
// reach a process 1, to which the kernel sends none that has no handler. True: one came.
static bool wait_ms(const sigset_t *ends, unsigned ms)
{
	struct timespec end, now, left;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += (long)(ms % 1000) * 1000000;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left.tv_sec = end.tv_sec - now.tv_sec;
		left.tv_nsec = end.tv_nsec - now.tv_nsec;
		while (left.tv_nsec < 0) {
			left.tv_sec--;
			left.tv_nsec += 1000000000;
		}
		while (left.tv_nsec >= 1000000000) {
			left.tv_sec++;
			left.tv_nsec -= 1000000000;
		}
		if (left.tv_sec < 0)
			left = (struct timespec){0}; // looks once more whether a signal is waiting
		if (sigtimedwait(ends, NULL, &left) > 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}

static int run(struct gpio_outputs *lights, const struct config *c, const sigset_t *ends)
{
	for (unsigned cycle = 0; !c->cycles || cycle < c->cycles; cycle++) {
		for (int i = 0; i < PHASES; i++) {
			if (gpio_outputs_set(lights, phases[i].lights)) {
				fprintf(stderr, "traffic-lights: %s: %s\n", c->chip,
					strerror(errno));
				return 1;
			}
			printf("%s\n", phases[i].name);
			if (wait_ms(ends, c->ms[i]))
				return 0;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct config c = {"/dev/gpiochip0", {17, 27, 22}, {3000, 1000, 3000, 1000}, 0, 0};
	struct gpio_outputs *lights;
	sigset_t ends;
	char why[256];
	int status = configure(&c, argc, argv);

	if (status)
		return status;
	setvbuf(stdout, NULL, _IOLBF, 0); // a log shows each light when it changes
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);

	lights = gpio_outputs_open(
		c.chip, c.lines, LIGHTS, c.active_low, "traffic-lights", why, sizeof(why));
	if (!lights) {
		fprintf(stderr, "traffic-lights: %s\n", why);
		return 1;
	}
	status = run(lights, &c, &ends);
	gpio_outputs_close(lights);
	puts("off");
	return status;
}
