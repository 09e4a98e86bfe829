// Runs a fuzz target once for each file named: the corpus as a test, without libFuzzer.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		uint8_t *bytes = malloc(1 << 20);

		if (!f || !bytes) {
			perror(argv[i]);
			return 1;
		}
		size_t n = fread(bytes, 1, 1 << 20, f);

		fclose(f);
		// As large as the input and no larger, so that reading on is seen.
		uint8_t *exact = malloc(n ? n : 1);

		for (size_t k = 0; exact && k < n; k++)
			exact[k] = bytes[k];
		free(bytes);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
	}
	return 0;
}
