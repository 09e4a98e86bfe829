#include "base/size.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *size_text(uint64_t bytes, char out[16])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 999.5 && unit < 6; unit++)
		n /= 1000;
	snprintf(out, 16, "%.*f %s",
		unit == 0 || n >= 99.95 ? 0
			: n >= 9.995    ? 1
					: 2,
		n, units[unit]);
	return out;
}

// The bytes that a unit stands for, 0 for an unknown one.
static uint64_t unit_bytes(const char *unit)
{
	static const char *const decimal[] = {"", "k", "M", "G", "T"};
	uint64_t ten = 1, two = 1;

	for (size_t i = 0; i < sizeof(decimal) / sizeof(*decimal); i++) {
		size_t n = strlen(decimal[i]);
		const char *tail = unit + n;

		if (!strncasecmp(unit, decimal[i], n)) {
			if (!*tail || !strcasecmp(tail, "B"))
				return ten;
			if (n && (!strcasecmp(tail, "i") || !strcasecmp(tail, "iB")))
				return two;
		}
		ten *= 1000;
		two *= 1024;
	}
	return 0;
}

bool size_parse(const char *text, uint64_t *out)
{
	uint64_t whole = 0, part = 0, scale = 1, unit;
	const char *at = text;

	if (!isdigit((unsigned char)*at))
		return false;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return false;
	if (*at == '.') {
		if (!isdigit((unsigned char)*++at))
			return false;
		for (; isdigit((unsigned char)*at); at++) {
			if (scale == 1000000)
				continue;
			part = part * 10 + (uint64_t)(*at - '0');
			scale *= 10;
		}
	}
	unit = unit_bytes(at);
	if (!unit || __builtin_mul_overflow(whole, unit, &whole) ||
		__builtin_add_overflow(whole, part * unit / scale, &whole))
		return false;
	*out = whole;
	return true;
}
