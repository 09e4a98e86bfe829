// libcurl, opened when a registry is first spoken to: every other command starts without it and
// the forty libraries behind it.
#pragma once
#include <curl/curl.h>

#include "base/err.h"

struct curl_table {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *e);
	void (*easy_reset)(CURL *e);
	CURLcode (*easy_setopt)(CURL *e, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *e, CURLINFO info, ...);
	CURLcode (*easy_perform)(CURL *e);
	const char *(*easy_strerror)(CURLcode code);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *m);
	CURLMcode (*multi_setopt)(CURLM *m, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *m, CURL *e);
	CURLMcode (*multi_remove_handle)(CURLM *m, CURL *e);
	CURLMcode (*multi_perform)(CURLM *m, int *running);
	CURLMcode (*multi_poll)(
		CURLM *m, struct curl_waitfd extra[], unsigned n, int timeout_ms, int *ready);
	CURLMsg *(*multi_info_read)(CURLM *m, int *left);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
	CURLU *(*url)(void);
	void (*url_cleanup)(CURLU *u);
	CURLUcode (*url_set)(CURLU *u, CURLUPart part, const char *text, unsigned flags);
	CURLUcode (*url_get)(CURLU *u, CURLUPart part, char **text, unsigned flags);
	time_t (*getdate)(const char *text, const time_t *unused);
	void (*free)(void *p);
};

// The table, loaded once. ERR_FAILED with the package's name where there is no libcurl.
must_check struct err *curl_load(const struct curl_table **out);
