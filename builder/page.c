// SHA256() in one call would link in EVP and its providers, as base/digest.c says.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "builder/page.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>

#include "base/mem.h"

// The parts of the page as they stand beside this file; the Makefile knows that they belong to it.
// NOLINTBEGIN(bugprone-macro-parentheses): a name to declare
#define PART(name, file)                                                                           \
	__asm__(".pushsection .rodata\n" #name ":\n.incbin \"" file "\"\n" #name "_end:\n"         \
		".byte 0\n.popsection");                                                           \
	extern const char name[], name##_end[]
// NOLINTEND(bugprone-macro-parentheses)

PART(page_body, "builder/page.html");
PART(page_style, "builder/page.css");
PART(page_script, "builder/page.js");

#define PART_SIZE(name) ((size_t)(name##_end - (name)))

// ---- the document, escaped on its way ----

struct escaped {
	FILE *out;
	size_t held; // bytes of U+2028 and U+2029 that came so far: E2 80 A8, E2 80 A9
};

static void put_held(struct escaped *s)
{
	fwrite("\xe2\x80", 1, s->held, s->out);
	s->held = 0;
}

static void put(struct escaped *s, unsigned char c)
{
	if (s->held == 2 && (c == 0xa8 || c == 0xa9)) {
		fprintf(s->out, "\\u20%x", c - 0x80u);
		s->held = 0;
		return;
	}
	if (s->held == 1 && c == 0x80) {
		s->held = 2;
		return;
	}
	put_held(s);
	if (c == 0xe2)
		s->held = 1;
	else if (c == '<')
		fputs("\\u003c", s->out);
	else
		putc(c, s->out);
}

static ssize_t escaped_write(void *cookie, const char *bytes, size_t n)
{
	struct escaped *s = cookie;

	for (size_t i = 0; i < n; i++)
		put(s, (unsigned char)bytes[i]);
	return ferror(s->out) ? 0 : (ssize_t)n;
}

static int escaped_close(void *cookie)
{
	put_held(cookie);
	mem_drop(&cookie);
	return 0;
}

// ---- the page ----

static const char *hash(const char *part, size_t n, char out[static 48])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, part, n);
	SHA256_Final(digest, &c);
	EVP_EncodeBlock((unsigned char *)out, digest, sizeof(digest));
	return out;
}

#define HASH(name) hash(name, PART_SIZE(name), (char[48]){0})
#define WRITE(name, out) fwrite(name, 1, PART_SIZE(name), out)

struct err *page_begin(FILE *out, FILE **document)
{
	struct escaped *s = mem_alloc(sizeof(*s));

	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", out);
	fprintf(out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"script-src 'sha256-%s'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
		HASH(page_script), HASH(page_style));
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"generator\" content=\"imgmin " VERSION "\">\n"
	      "<title>imgmin</title>\n<style>",
		out);
	WRITE(page_style, out);
	fputs("</style>\n</head>\n<body>\n", out);
	WRITE(page_body, out);
	fputs("<script type=\"application/json\" id=\"data\">\n", out);
	s->out = out;
	*document = fopencookie(
		s, "w", (cookie_io_functions_t){.write = escaped_write, .close = escaped_close});
	if (*document)
		return NULL;
	mem_drop(&s);
	return err_sys(errno, "the page");
}

struct err *page_end(FILE *out, FILE *document)
{
	bool failed = ferror(document);

	failed |= fclose(document) != 0;
	fputs("</script>\n<script>", out);
	WRITE(page_script, out);
	fputs("</script>\n</body>\n</html>\n", out);
	return failed ? err_new(ERR_FAILED, "the page could not be written") : NULL;
}
