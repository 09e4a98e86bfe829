// One self-contained web page around a JSON document: what --format html writes.
#pragma once
#include <stdio.h>

#include "base/err.h"

// Writes the page up to the document, which is to be written into *document; page_end closes
// that and writes the rest. Whatever text the document holds, it cannot end its element or become
// markup: '<' and the line separators of JavaScript come as \u escapes. The page's policy allows
// its own script and style by their hashes, and nothing else: no request is ever made.
must_check struct err *page_begin(FILE *out, FILE **document);
must_check struct err *page_end(FILE *out, FILE *document);
