// The table of compression formats; gzip is written in parallel blocks, read as it comes.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/sink.h"

#define COMPRESS_AUTO (-1) // the level follows from the size

struct compressor;
struct compress_format {
	const char *name;   // gzip, zstd, none: the words of --compression
	const char *suffix; // of the layer's media type: "+gzip", "+zstd", ""
	int level_min, level_max;
	// What names this compressor and its version, as in "libdeflate 1.14".
	const char *(*version)(void);
	// Input bytes that are compressed on their own, 0: all together. It follows from level and
	// size.
	uint64_t (*block)(int level, uint64_t size);
	// A filter in front of next. Its bytes depend on input, level and compressor version alone,
	// never on the number of workers. size is that of the whole input where known, else 0: it
	// decides the block size. See compress_open.
	struct err *(*open)(int level, uint64_t size, struct pool *pool, struct sink *next,
		struct compressor **out);
};

extern const struct compress_format compress_formats[]; // ends with name NULL

// NULL for an unknown name.
const struct compress_format *compress_find(const char *name);
// The level that COMPRESS_AUTO stands for with an input of size bytes.
int compress_level(const struct compress_format *f, int level, uint64_t size);
// Everything about the output that is not the input: format, library version, level, block size.
// Part of cache keys and of the build's metadata, e.g. "gzip libdeflate 1.14 level 10 block
// 1048576".
char *compress_identity(const struct compress_format *f, int level, uint64_t size, struct arena *a);
must_check struct err *compress_open(const struct compress_format *f, int level, uint64_t size,
	struct pool *pool, struct sink *next, struct compressor **out);
struct sink *compressor_sink(struct compressor *c);
// Ends workers' jobs that are under way.
void compressor_drop(struct compressor **c);

// The other direction: compressed bytes are written in, plain ones come out at next. The format is
// recognised by its magic number; what is neither gzip nor zstd passes through. gzip may have
// several members. finish fails for an input cut short. More than max plain bytes is an error.
struct decompressor;
must_check struct err *decompress_open(struct sink *next, uint64_t max, struct decompressor **out);
struct sink *decompressor_sink(struct decompressor *d);
// Do these first bytes say gzip or zstd?
bool decompress_knows(const unsigned char head[static 4]);
void decompressor_drop(struct decompressor **d);
