// Runs a fuzz target once for each file named: the corpus as a test, without libFuzzer. Where the
// target has a mutator of its own, a few of its changes are tried, too, the same ones each time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/mutate.h"

enum { INPUT_MAX = 1 << 20, ROOM = 4096, CHANGES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#pragma weak LLVMFuzzerCustomMutator

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	if (size < max)
		data[size++] = 0xff;
	else if (size)
		data[size / 2] ^= 0x81;
	return size;
}

// As large as the input and no larger, so that reading on is seen.
static void run(const uint8_t *bytes, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	if (!exact)
		abort();
	if (n)
		memcpy(exact, bytes, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static void run_changed(const uint8_t *bytes, size_t n)
{
	for (unsigned seed = 0; seed < CHANGES; seed++) {
		uint8_t *changed = malloc(n + ROOM);

		if (!changed)
			abort();
		memcpy(changed, bytes, n);
		run(changed, LLVMFuzzerCustomMutator(changed, n, n + ROOM, seed));
		free(changed);
	}
}

int main(int argc, char **argv)
{
	uint8_t *bytes = malloc(INPUT_MAX);

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (!f || !bytes) {
			perror(argv[i]);
			return 1;
		}
		size_t n = fread(bytes, 1, INPUT_MAX, f);

		fclose(f);
		run(bytes, n);
		if (LLVMFuzzerCustomMutator)
			run_changed(bytes, n);
	}
	free(bytes);
	return 0;
}
