// The options that every command which makes an image has: rows for its option table.
#pragma once
#include "builder/spec.h"
#include "cli/opt.h"

// offset: of a struct build_args, which begins as IMAGE_DEFAULTS.
// Names and places.
#define PLACE_OPTS(offset)                                                                                       \
	OPT("tag", 't', OPT_TEXTS, (offset) + offsetof(struct build_args, tags), "REF",                          \
		"name of the image (repeatable)"),                                                               \
		OPT("output", 'o', OPT_TEXTS, (offset) + offsetof(struct build_args, outputs),                   \
			"PLACE",                                                                                 \
			"where it goes: FILE, oci:DIR, oci-archive:FILE or - (repeatable); default ./NAME.tar"), \
		OPT("push", 0, OPT_FLAG, (offset) + offsetof(struct build_args, push), NULL,                     \
			"push every --tag to its registry"),                                                     \
		OPT("load", 0, OPT_FLAG, (offset) + offsetof(struct build_args, load), NULL,                     \
			"load it into Docker or balena-engine")
// Runtime data, and how files become smaller.
#define DATA_OPTS(offset)                                                                             \
	OPT("with", 0, OPT_TEXTS, (offset) + offsetof(struct build_args, with), "LIST",               \
		"take runtime data by name: certs, tzdata, passwd, locale:NAME ... (repeatable)"),    \
		OPT("without", 0, OPT_TEXTS, (offset) + offsetof(struct build_args, without),         \
			"LIST", "leave such data out though a program calls for it (repeatable)"),    \
		OPT("trace", 0, OPT_TEXTS, (offset) + offsetof(struct build_args, trace), "FILE",     \
			"add what the log of a 'strace -f' run shows used (repeatable)"),             \
		OPT("include-commands", 0, OPT_FLAG,                                                  \
			(offset) + offsetof(struct build_args, include_commands), NULL,               \
			"take the programs that a shell script calls"),                               \
		OPT("python-all", 0, OPT_FLAG, (offset) + offsetof(struct build_args, python_all),    \
			NULL, "take the whole standard library of Python"),                           \
		OPT("python-module", 0, OPT_TEXTS,                                                    \
			(offset) + offsetof(struct build_args, python_modules), "NAME",               \
			"take a Python module as if the script imported it (repeatable)"),            \
		OPT("strip", 0, OPT_MAYBE, (offset) + offsetof(struct build_args, strip),             \
			"[=HOW]", "drop what no loader reads (default); all: section headers too",    \
			.choices = "sections|all"),                                                   \
		OPT("no-strip", 0, OPT_FLAG, (offset) + offsetof(struct build_args, no_strip),        \
			NULL, "leave ELF files as they are"),                                         \
		OPT("page-size", 0, OPT_CHOICE, (offset) + offsetof(struct build_args, page_size),    \
			"SIZE",                                                                       \
			"largest page of the devices' kernels; default 4K, 64K on arm64 and ppc64le", \
			.choices = "4K|16K|64K")
// The image's config.
#define CONFIG_OPTS(offset)                                                                        \
	OPT("entrypoint", 0, OPT_TEXT, (offset) + offsetof(struct build_args, entrypoint),         \
		"WORDS",                                                                           \
		"what a container starts: words or a JSON array; default: the first program"),     \
		OPT("cmd", 0, OPT_TEXT, (offset) + offsetof(struct build_args, cmd), "WORDS",      \
			"default arguments: words or a JSON array"),                               \
		OPT("env", 'e', OPT_TEXTS, (offset) + offsetof(struct build_args, env),            \
			"NAME[=VALUE]", "environment variable (repeatable)"),                      \
		OPT("label", 0, OPT_TEXTS, (offset) + offsetof(struct build_args, labels),         \
			"NAME=VALUE", "label in the config (repeatable)"),                         \
		OPT("annotation", 0, OPT_TEXTS,                                                    \
			(offset) + offsetof(struct build_args, annotations), "NAME=VALUE",         \
			"annotation of manifest and index (repeatable)"),                          \
		OPT("user", 'u', OPT_TEXT, (offset) + offsetof(struct build_args, user),           \
			"USER[:GROUP]", "who the program runs as"),                                \
		OPT("workdir", 'w', OPT_TEXT, (offset) + offsetof(struct build_args, workdir),     \
			"DIR", "its working directory"),                                           \
		OPT("expose", 0, OPT_TEXTS, (offset) + offsetof(struct build_args, expose),        \
			"PORT[/PROTO]", "port it listens on (repeatable)"),                        \
		OPT("volume", 0, OPT_TEXTS, (offset) + offsetof(struct build_args, volumes),       \
			"DIR", "directory to be mounted (repeatable)"),                            \
		OPT("stop-signal", 0, OPT_TEXT,                                                    \
			(offset) + offsetof(struct build_args, stop_signal), "SIGNAL",             \
			"what ends it")
// Layers, and what is told about the result.
#define LAYER_OPTS(offset)                                                                         \
	OPT("layers", 0, OPT_CHOICE, (offset) + offsetof(struct build_args, layers), "HOW",        \
		"how files become layers; default stable", .choices = "stable|single|file"),       \
		OPT("compression", 0, OPT_CHOICE,                                                  \
			(offset) + offsetof(struct build_args, compression), "FORMAT",             \
			"gzip (default, read by every engine), zstd or none",                      \
			.choices = "gzip|zstd|none"),                                              \
		OPT("compression-level", 0, OPT_TEXT,                                              \
			(offset) + offsetof(struct build_args, compression_level), "N|auto",       \
			"default auto, by the layer's size", .choices = "auto"),                   \
		OPT("format", 0, OPT_CHOICE, (offset) + offsetof(struct build_args, format),       \
			"FORMAT", "media types: oci (default), or docker for engines before 2018", \
			.choices = "oci|docker"),                                                  \
		OPT("source-date-epoch", 0, OPT_TEXT,                                              \
			(offset) + offsetof(struct build_args, source_date_epoch), "SECONDS",      \
			"time of everything in the image; default $SOURCE_DATE_EPOCH, else 0"),    \
		OPT("iidfile", 0, OPT_TEXT, (offset) + offsetof(struct build_args, iidfile),       \
			"FILE", "write the image id there"),                                       \
		OPT("digestfile", 0, OPT_TEXT, (offset) + offsetof(struct build_args, digestfile), \
			"FILE", "write the digest there"),                                         \
		OPT("metadata-file", 0, OPT_TEXT,                                                  \
			(offset) + offsetof(struct build_args, metadata_file), "FILE",             \
			"write results as JSON there"),                                            \
		OPT("max-size", 0, OPT_SIZE, (offset) + offsetof(struct build_args, max_size),     \
			"SIZE", "write nothing where an image's layers are larger, such as 2MB"),  \
		OPT("dry-run", 0, OPT_FLAG, (offset) + offsetof(struct build_args, dry_run), NULL, \
			"report, write nothing"),                                                  \
		OPT("no-cache", 0, OPT_FLAG, (offset) + offsetof(struct build_args, no_cache),     \
			NULL, "neither use nor keep finished layers"),                             \
		OPT("cache-dir", 0, OPT_TEXT, (offset) + offsetof(struct build_args, cache_dir),   \
			"DIR", "where finished layers are kept; default $XDG_CACHE_HOME/imgmin")
#define IMAGE_DEFAULTS                                                                             \
	{                                                                                          \
		.layers = "stable", .compression = "gzip", .compression_level = "auto",            \
		.format = "oci", .strip = "sections", .registry = REGISTRY_DEFAULTS,               \
	}
