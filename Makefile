# imgmin: `make` builds it, `make demo` shows it, `make check` proves it. HACKING.md has the rest.
VERSION := 0.1.0
CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
# CC=arm-linux-gnueabihf-gcc builds for that machine, in a directory of its own.
TRIPLET := $(if $(findstring -linux-,$(CC)),$(patsubst %-gcc,%,$(notdir $(firstword $(CC)))))
ifneq ($(TRIPLET),)
B ?= build/$(TRIPLET)
AR := $(TRIPLET)-ar
endif
B ?= build

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wstrict-prototypes -Wpointer-arith \
	-Wmissing-prototypes
PACKAGES := libarchive libelf libdeflate libzstd jansson libfyaml libcrypto zlib
override CPPFLAGS += $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
override CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DVERSION='"$(VERSION)"'
# Debugging information, and with it the build id, tells nothing of the directory of the build.
override CFLAGS += -ffile-prefix-map=$(CURDIR)=. -std=gnu11 $(WARNINGS) -fno-common -ffunction-sections -fdata-sections -pthread \
	$(SANITIZE)

# Linked into the program, so that starting it costs no more than starting any C program;
# LINK=shared takes the shared ones. $(B)/libs holds the options that work here.
LINK ?= static
override LDFLAGS += $(shell $(PKG_CONFIG) --libs-only-L $(PACKAGES) 2>/dev/null) -Wl,--gc-sections -pthread $(SANITIZE)

FLOORS := base ldd oci registry builder cli
SRC := $(filter-out cli/main.c,$(wildcard $(FLOORS:%=%/*.c)))
OBJ := $(SRC:%.c=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# One short line for each file; V=1 shows the commands.
say = @$(if $(V),,echo "  $(1) $@" &&) $(if $(V),set -x;)

all: $(B)/imgmin

$(B)/imgmin: $(B)/cli/main.o $(B)/imgmin.a $(B)/libs
	$(call say,LINK) $(CC) $(LDFLAGS) -o $@ $(filter-out %/libs,$^) @$(B)/libs

$(B)/imgmin.a: $(OBJ)
	@rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c | $(B)/libs
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The parts of the page are built into it.
$(B)/builder/page.o: builder/page.html builder/page.css builder/page.js

$(B)/unit/%: tests/unit/%.c $(B)/imgmin.a $(B)/libs
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(B)/imgmin.a $(LDFLAGS) -lcmocka @$(B)/libs

# A fuzz target, with libFuzzer's main or with one that only replays files.
FUZZ_MAIN := tests/fuzz/replay.c
$(B)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/memory.c $(B)/imgmin.a tests/fuzz/replay.c $(B)/libs
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< tests/fuzz/memory.c $(filter %_mutator.c,$^) $(FUZZ_MAIN) $(B)/imgmin.a $(LDFLAGS) @$(B)/libs
$(B)/fuzz/archive $(B)/fuzz/inside $(B)/fuzz/layers: tests/fuzz/tar_mutator.c
$(B)/fuzz/elf $(B)/fuzz/rewrite: tests/fuzz/elf_mutator.c

# Says which packages are missing before the compiler says it file by file.
$(B)/libs: tests/lib/libs.sh
	@LINK=$(LINK) tests/lib/libs.sh $@ $(CC) $(CPPFLAGS) $(LDFLAGS)

# Goals that install what they lack do so before make looks at a single source file.
SUB = $(MAKE) --no-print-directory

demo:
	@tests/lib/deps.sh demo
	@$(SUB) -j2 all
	@B=$(B) tests/lib/demo.sh

tests: $(UNIT) $(FUZZ)

unit:
	@tests/lib/deps.sh unit
	@$(SUB) -j2 tests
	@B=$(B) tests/run.sh unit

check:
	@tests/lib/deps.sh check
	@$(SUB) -j2 all tests
	@B=$(B) tests/run.sh unit e2e lint

# The static checks. Those that look at one file at a time leave a stamp beside its object, which
# knows the headers, so that a second run looks only at what has changed.
lint:
	@tests/lib/deps.sh lint
	@$(SUB) -j2 all
	@B=$(B) tests/run.sh lint

CHECKED := $(SRC) cli/main.c
lint-gcc: $(CHECKED:%.c=$(B)/lint/%.gcc)
lint-clang: $(CHECKED:%.c=$(B)/lint/%.clang)
lint-tidy: $(CHECKED:%.c=$(B)/lint/%.tidy)
checked = @mkdir -p $(@D); $(1) $(filter-out -f%,$(CPPFLAGS) $(CFLAGS)) >$@.log 2>&1 && mv $@.log $@
# What is off for one file, by the list of that checker, behind its option.
comma := ,
wrong_in = $(addprefix $(3),$(shell sed -n 's|^$(2) \([^ ]*\) .*|\1|p' tests/lint/$(1).txt))

# DeadStores would be all about variables that cleanup reads. A third of the usual steps found as much.
ANALYSER := -o /dev/null $(addprefix -Xclang ,-analyzer-werror -analyzer-output=text \
	-analyzer-disable-checker=deadcode.DeadStores -analyzer-config max-nodes=75000)
$(B)/lint/%.gcc: %.c $(B)/%.o tests/lint/gcc.txt
	$(call checked,gcc -fanalyzer -Werror $(call wrong_in,gcc,$<,-Wno-analyzer-) -c -o /dev/null $<)
$(B)/lint/%.clang: %.c $(B)/%.o tests/lint/never_null.h tests/lint/clang.txt
	$(call checked,clang --analyze $(ANALYSER) \
		$(addprefix -Xclang ,$(call wrong_in,clang,$<,-analyzer-disable-checker=)) $(if $(filter-out base/err.c,$<),-include tests/lint/never_null.h) $<)
$(B)/lint/%.tidy: %.c $(B)/%.o .clang-tidy tests/lint/tidy.txt
	$(call checked,clang-tidy --quiet '--checks=$(call wrong_in,tidy,$<,$(comma)-)' $< --)

# Everything under AddressSanitizer and UndefinedBehaviorSanitizer; the first finding ends a test.
san:
	@tests/lib/deps.sh unit
	@$(SUB) -j2 B=build-san SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" tests
	@B=build-san tests/run.sh unit

# Each system call that build, slim, push and pull make fails in turn, with each error it may have,
# under the sanitizers: some twenty thousand runs, an hour or more. SCENARIOS="build pull-over" takes those.
faults:
	@tests/lib/deps.sh check
	@$(SUB) -j2 B=build-san SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" all
	@mkdir -p $(B)
	$(CC) -O2 -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -o $(B)/inject tests/lib/inject.c
	@tests/lib/faults.py --imgmin build-san/imgmin --inject $(B)/inject --report $(B)/faults.md $(SCENARIOS)

# Each target for T seconds with libFuzzer, from its corpus and what earlier runs found, FUZZ_JOBS at
# a time; TARGETS="elf ref" takes these alone. Findings and report.md stand in build-fuzz; `make unit`
# and `make san` replay the corpora.
T ?= 60
FUZZ_JOBS ?= 2
TARGETS ?= $(notdir $(FUZZ))
fuzz:
	@tests/lib/deps.sh fuzz
	@$(SUB) -j2 B=build-fuzz CC=clang FUZZ_MAIN=-fsanitize=fuzzer \
		SANITIZE="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all" \
		$(TARGETS:%=build-fuzz/fuzz/%)
	@B=build-fuzz FUZZ_JOBS=$(FUZZ_JOBS) tests/fuzz/fuzz.sh $(T) $(TARGETS)

# Lines run by the unit tests and by those e2e tests that talk to registries and devices; build-cov/coverage.md names
# the rest. The sandbox would not let imgmin write what it counted.
COVERED := base=90 ldd=90 oci=90 registry=90
COVERING := deploy faults index-login ldd-cases-search registry transfer
coverage:
	@tests/lib/deps.sh check
	@$(SUB) -j2 B=build-cov CFLAGS="-O1 -g" SANITIZE="--coverage -fprofile-update=atomic" all tests
	@find build-cov -name '*.gcda' -delete
	@B=build-cov COUNTS=$(CURDIR)/build-cov IMGMIN_SANDBOX=off tests/run.sh unit $(COVERING:%=tests/e2e/%.bats); \
		status=$$?; tests/lib/coverage.py build-cov $(COVERED) && exit $$status

bench:
	@tests/lib/deps.sh bench
	@$(SUB) -j2 all
	@B=$(B) bench/run.py

golden:
	@tests/lib/deps.sh check
	@$(SUB) -j2 all tests
	@$(B)/imgmin help --table | tests/lib/schema.py write >$(B)/schema.json
	@cmp -s $(B)/schema.json share/imgmin.schema.json || cp $(B)/schema.json share/imgmin.schema.json
	@B=$(B) GOLDEN=write tests/run.sh unit
	@git status --short

# Completion scripts, renewed from the program's own tables after an option has changed.
completions: all
	completions/generate.py $(B)/imgmin completions

# Man pages where scdoc is there to make them.
MAN := $(if $(shell command -v scdoc),$(patsubst man/%.scd,$(B)/man/%,$(wildcard man/*.scd)))
SHARE = $(DESTDIR)$(PREFIX)/share

$(B)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc <$< >$@

install: all $(MAN)
	install -D -m 755 $(B)/imgmin $(DESTDIR)$(PREFIX)/bin/imgmin
	$(foreach page,$(MAN),install -D -m 644 -t $(SHARE)/man/man$(subst .,,$(suffix $(page))) $(page);)
	$(if $(MAN),sed -i 's|/usr/local/share|$(PREFIX)/share|' $(SHARE)/man/man5/imgmin.yaml.5)
	install -D -m 644 -t $(SHARE)/imgmin share/imgmin.schema.json
	$(if $(wildcard completions/imgmin.bash),install -D -m 644 completions/imgmin.bash \
		$(SHARE)/bash-completion/completions/imgmin)
	$(if $(wildcard completions/_imgmin),install -D -m 644 completions/_imgmin \
		$(SHARE)/zsh/site-functions/_imgmin)
	$(if $(wildcard completions/imgmin.fish),install -D -m 644 completions/imgmin.fish \
		$(SHARE)/fish/vendor_completions.d/imgmin.fish)
	$(if $(MAN),,@echo "The manual is left out: scdoc, which makes it, is not installed (apt-get install scdoc)." >&2)

# What install put there, and no directory but imgmin's own.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/imgmin \
		$(foreach page,$(notdir $(wildcard man/*.scd)),$(SHARE)/man/man$(subst .,,$(suffix $(page:.scd=)))/$(page:.scd=)) \
		$(SHARE)/imgmin/imgmin.schema.json \
		$(SHARE)/bash-completion/completions/imgmin \
		$(SHARE)/zsh/site-functions/_imgmin \
		$(SHARE)/fish/vendor_completions.d/imgmin.fish
	[ ! -d $(SHARE)/imgmin ] || rmdir $(SHARE)/imgmin

# Debian packages, in $(B)/deb.
DEBS ?= amd64 arm64 armhf
deb:
	@tests/lib/deps.sh deb
	@B=$(B) packaging/deb.sh $(VERSION) $(B)/deb $(DEBS)

# imgmin's own image for these architectures; IMAGE_OPTIONS="-t user/imgmin --push" sends it.
IMAGE_OPTIONS ?= -t imgmin -o $(B)/imgmin.tar
image: all
	@tests/lib/deps.sh image
	@B=$(B) PLATFORMS="$(DEBS)" packaging/image.sh $(VERSION) $(IMAGE_OPTIONS)

clean:
	rm -rf $(B) build-cov build-san build-fuzz

.PHONY: all bench check clean completions coverage deb demo faults fuzz golden image install lint lint-clang lint-gcc \
	lint-tidy san tests uninstall unit
-include $(OBJ:.o=.d) $(B)/cli/main.d $(UNIT:=.d)
