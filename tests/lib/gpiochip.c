// A GPIO chip for programs of machines without one, as the kernel's character device answers
// (drivers/gpio/gpiolib-cdev.c, v2). LD_PRELOAD it: the chip is /dev/gpiochip-test and has 54
// lines, of which the kernel itself uses line 5. What happens to them is told in $GPIOCHIP_LOG.
// With $GPIOCHIP_OLD it is a kernel before 5.10, which knows no v2.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINES 54
#define USED 5

static int chip_fd = -1, request_fd = -1;
static unsigned offsets[GPIO_V2_LINES_MAX], n_offsets;

static void tell(const char *format, ...)
{
	const char *path = getenv("GPIOCHIP_LOG");
	FILE *log = path ? fopen(path, "a") : NULL;
	va_list args;

	if (!log)
		return;
	va_start(args, format);
	vfprintf(log, format, args);
	va_end(args);
	fputc('\n', log);
	fclose(log);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, int) : 0;
	va_end(args);
	if (strcmp(path, "/dev/gpiochip-test"))
		return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(
			path, flags, mode);
	chip_fd = memfd_create("gpiochip", MFD_CLOEXEC);
	return chip_fd;
}

int close(int fd)
{
	if (fd >= 0 && fd == request_fd) {
		tell("released");
		request_fd = -1;
	}
	return ((int (*)(int))dlsym(RTLD_NEXT, "close"))(fd);
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int is_zero(const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n && !*p)
		p++, n--;
	return !n;
}

static int tell_line(struct gpio_v2_line_info *line)
{
	if (!is_zero(line->padding, sizeof(line->padding)) || line->offset >= LINES)
		return fail(EINVAL);
	line->flags = GPIO_V2_LINE_FLAG_INPUT;
	if (line->offset == USED) {
		line->flags |= GPIO_V2_LINE_FLAG_USED;
		strcpy(line->consumer, "spi0 CS0");
	}
	return 0;
}

static int request_lines(struct gpio_v2_line_request *r)
{
	const __u64 known = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW;

	if (!r->num_lines || r->num_lines > GPIO_V2_LINES_MAX || r->config.num_attrs ||
		!is_zero(r->padding, sizeof(r->padding)) ||
		!is_zero(r->config.padding, sizeof(r->config.padding)) ||
		r->config.flags & ~known || !(r->config.flags & GPIO_V2_LINE_FLAG_OUTPUT))
		return fail(EINVAL);
	for (n_offsets = 0; n_offsets < r->num_lines; n_offsets++) {
		if (r->offsets[n_offsets] >= LINES)
			return fail(EINVAL);
		if (r->offsets[n_offsets] == USED)
			return fail(EBUSY);
		offsets[n_offsets] = r->offsets[n_offsets];
	}
	request_fd = r->fd = memfd_create("gpio-line", MFD_CLOEXEC);
	tell("%u outputs for %s%s", n_offsets, r->consumer,
		r->config.flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW ? ", active low" : "");
	return 0;
}

static int set_values(const struct gpio_v2_line_values *v)
{
	char text[16 * GPIO_V2_LINES_MAX], *end = text;

	*text = '\0';
	for (unsigned i = 0; i < n_offsets; i++) {
		if (v->mask >> i & 1)
			end += sprintf(end, " %u=%u", offsets[i], (unsigned)(v->bits >> i & 1));
	}
	if (end == text)
		return fail(EINVAL);
	tell("set%s", text);
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct gpiochip_info *info;
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd >= 0 && fd == request_fd)
		return request == GPIO_V2_LINE_SET_VALUES_IOCTL ? set_values(arg) : fail(EINVAL);
	if (fd < 0 || fd != chip_fd)
		return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(
			fd, request, arg);
	if (request == GPIO_GET_CHIPINFO_IOCTL) {
		info = arg;
		*info = (struct gpiochip_info){"gpiochip-test", "test", LINES};
		return 0;
	}
	if (getenv("GPIOCHIP_OLD"))
		return fail(EINVAL);
	if (request == GPIO_V2_GET_LINEINFO_IOCTL)
		return tell_line(arg);
	return request == GPIO_V2_GET_LINE_IOCTL ? request_lines(arg) : fail(EINVAL);
}
