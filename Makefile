# imgmin: `make` builds it, `make demo` shows it, `make check` proves it. HACKING.md has the rest.
VERSION := 0.1.0
CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
B ?= build

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes
override CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DVERSION='"$(VERSION)"'
override CFLAGS += -std=gnu11 $(WARNINGS) -fno-common -ffunction-sections -fdata-sections -pthread \
	$(SANITIZE)

# Linked into the program, so that starting it costs no more than starting any C program;
# LINK=shared takes the shared ones.
LINK ?= static
LIBS := -larchive -lelf -ldeflate -lzstd -ljansson -lcrypto -lz
ifeq ($(LINK),static)
LIBS := -Wl,-Bstatic $(LIBS) -Wl,-Bdynamic
endif
override LDFLAGS += -Wl,--gc-sections -pthread $(SANITIZE)

FLOORS := base ldd oci registry builder cli
SRC := $(filter-out cli/main.c,$(wildcard $(FLOORS:%=%/*.c)))
OBJ := $(SRC:%.c=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

all: $(B)/imgmin

$(B)/imgmin: $(B)/cli/main.o $(B)/imgmin.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -ldl

$(B)/imgmin.a: $(OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/unit/%: tests/unit/%.c $(B)/imgmin.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(B)/imgmin.a $(LDFLAGS) -lcmocka $(LIBS) -ldl

clean:
	rm -rf $(B)

.PHONY: all clean
-include $(OBJ:.o=.d) $(B)/cli/main.d $(UNIT:=.d)
