// What a build tells people: the table of files with their reasons, and the sums.
#pragma once
#include <stdio.h>

#include "base/size.h"
#include "builder/slim.h"

// Files with size, a bar of their share, layer and reason, largest first; then what can be done
// about one that makes up most of the image.
void report_files(FILE *out, const struct built_image *image);
// A line for each kind of runtime data: what it costs and what calls for it, taken or not.
void report_data(FILE *out, const struct built_image *image);
// One line per image: platform, sizes, number of files, "verified", and where the libraries came
// from.
void report_summary(FILE *out, const struct build *b);
// Before and after, a line per platform.
void report_slim(FILE *out, const struct slim *s);
// The text as one printable line: a file's name may hold line breaks and terminal commands.
char *text_printable(const char *text, struct arena *a);
