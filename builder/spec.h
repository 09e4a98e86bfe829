// What to build: the options of `imgmin build`, checked and put into the words of an image.
#pragma once
#include "base/compress.h"
#include "base/platform.h"
#include "builder/container.h"
#include "builder/place.h"
#include "builder/shrink.h"

// As they were typed; every field is an option of the same name (cli.md).
struct build_args {
	struct strings platforms; // of paths, as asserted in a project file; NULL or fewer: not
	struct strings paths, tags, outputs, sysroots, library_path, hwcaps, add, include, exclude;
	struct strings with, without, trace, keep, python_modules;
	struct strings env, labels, annotations, expose, volumes;
	const char *platform, *install, *entrypoint, *cmd, *user, *workdir, *stop_signal;
	const char *layers, *compression, *compression_level, *source_date_epoch;
	const char *iidfile, *digestfile, *metadata_file, *cache_dir;
	const char *format;
	const char *strip, *page_size, *file;
	uint64_t max_size; // bytes of one image's layers as they are sent; 0: any
	bool dry_run, no_cache, push, load, no_strip, include_commands, python_all;
	struct registry_args registry;
};

enum layering { LAYERS_STABLE, LAYERS_SINGLE, LAYERS_FILE };

struct added_file { // --add SRC:DST[:MODE]
	const char *source, *path;
	mode_t mode; // 0: 0755 where SRC may be executed, else 0644
};

struct spec {
	const struct build_args *args;
	const char *name;          // of the output file and the default tag: "sensor"
	bool is_renamed;           // the program's file name cannot be an image's
	struct strings tags;       // full references: "docker.io/library/sensor:latest"
	struct strings tags_shown; // the same as Docker shows them: "sensor:latest"
	struct strings outputs;    // places; none by default with --push or --load
	bool has_platform;
	struct platform platform;
	struct {
		struct added_file *at;
		size_t len, cap;
	} adds;
	struct container container;
	struct json_dict annotations;
	enum layering layering;
	struct shrink_options shrink;
	const struct compress_format *format;
	int level;
	bool is_docker; // Docker's media types
	int64_t epoch;  // seconds
};

// Wrong values are ERR_USAGE and name the option. Strings live in the arena or in args.
must_check struct err *spec_from_args(
	const struct build_args *args, struct arena *a, struct spec *out);

// What an image that lies in a file is called: "./dir/Big.tar" → "big".
const char *name_of_file(const char *place, struct arena *a);

// "a 'b c'" or ["a","b c"] → words, as Dockerfiles have them, but never through a shell.
must_check struct err *words_parse(
	const char *text, struct arena *a, struct strings *out, const char *what);
