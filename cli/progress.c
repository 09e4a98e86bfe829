#include "cli/progress.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/temp.h"
#include "builder/report.h"
#include "cli/progress_line.h"

enum { FRAME = 100, SOON = 100, JSON_EVERY = 500, PLAIN_EVERY = 10000, RATE_EVERY = 500 }; // ms

enum mode { NONE, PLAIN, JSON, LIVE };

struct row {
	char *key, *name;
	const char *event, *status;
	uint64_t done, total, rate;
	int64_t began, told; // ms; told: when a log heard of it
	uint64_t rate_done;
	int64_t rate_at;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t ticker;
	bool is_ticking, is_ending, is_watching;
	enum mode mode;
	int64_t began; // ms; 0: nothing yet
	locale_t locale;
	struct row **rows;
	size_t n_rows, cap_rows;
	size_t n_drawn;   // lines that are live on the screen
	int columns;      // of the screen when they were drawn
	char *last_frame; // what was written for them
	size_t pushed, tagged;
} p = {.lock = PTHREAD_MUTEX_INITIALIZER, .mode = PLAIN};

// Handlers of signals run in whichever thread the system picks: both are atomic.
// The shell wrote on the terminal while this process was stopped.
static atomic_bool was_stopped;
// How many lines the shell has to leave alone then.
static atomic_size_t below;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// ---- text that goes out in one write ----

struct text {
	char *at;
	size_t n, cap;
};

static void text_drop(struct text *t)
{
	free(t->at);
}

static void add(struct text *t, const char *s)
{
	const size_t n = strlen(s);

	if (t->n + n + 1 > t->cap) {
		t->cap = (t->n + n + 1) * 2;
		t->at = mem_resize(t->at, t->cap);
	}
	memcpy(t->at + t->n, s, n + 1);
	t->n += n;
}

static void flush(const struct text *t)
{
	for (size_t done = 0; done < t->n;) {
		const ssize_t n = write(STDERR_FILENO, t->at + done, t->n - done);

		if (n < 0 && errno != EINTR)
			return;
		done += n > 0 ? (size_t)n : 0;
	}
}

// ---- the live lines ----

struct screen {
	int columns, lines;
};

static struct screen screen_now(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return (struct screen){80, 24};
	return (struct screen){size.ws_col, size.ws_row ? size.ws_row : 24};
}

// The locale of the environment for what is measured here, and for nothing else of the program.
static locale_t enter_locale(void)
{
	if (!p.locale) {
		p.locale = newlocale(LC_CTYPE_MASK, "", NULL);
		if (p.locale && strcmp(nl_langinfo_l(CODESET, p.locale), "UTF-8") != 0) {
			freelocale(p.locale);
			p.locale = NULL;
		}
		if (!p.locale)
			p.locale = newlocale(LC_CTYPE_MASK, "C", NULL);
	}
	return p.locale ? uselocale(p.locale) : NULL;
}

// Between frames the cursor rests where the first live line begins: there it stays when the
// terminal gets another size and wraps lines anew, at a time we hear of only later.
static void add_erased(struct text *t)
{
	if (p.n_drawn)
		// Of a screen that is cleared from its first cell on tmux keeps a copy in its
		// history.
		add(t, "\r\x1b[K \x1b[J\r");
	p.n_drawn = 0;
}

// A line that is too wide for a terminal that just got narrower is cut there, not wrapped.
static void add_live(struct text *t, const char *line)
{
	add(t, p.n_drawn ? "\n" : "\r\x1b[?7l");
	add(t, line);
	add(t, "\x1b[K");
	p.n_drawn++;
}

static void add_live_end(struct text *t)
{
	char up[32];

	if (!p.n_drawn)
		return;
	snprintf(up, sizeof(up), "\x1b[%zuA", p.n_drawn - 1);
	add(t, "\x1b[J\r");
	if (p.n_drawn > 1)
		add(t, up);
	add(t, "\x1b[?7h");
}

static void add_row(struct text *t, const struct row *r, const struct screen *s)
{
	char line[PROGRESS_LINE_MAX];
	const struct progress_row shown = {
		.name = r->name,
		.status = r->done ? r->status : "waiting",
		.done = r->done,
		.total = r->total,
		.rate = r->rate,
	};

	progress_line(&shown, s->columns, line);
	add_live(t, line);
}

// What moves comes first where there is no room for all.
static void add_rows(struct text *t, const struct screen *s)
{
	const size_t room = s->lines > 2 ? (size_t)s->lines - 1 : 1;
	const size_t shown = p.n_rows <= room ? p.n_rows : room - 1;
	size_t waiting = shown, n = 0;
	char line[PROGRESS_LINE_MAX], more[48];

	for (size_t i = 0; i < p.n_rows && waiting; i++)
		waiting -= p.rows[i]->done > 0;
	for (size_t i = 0; i < p.n_rows && n < shown; i++) {
		if (!p.rows[i]->done && !waiting)
			continue;
		waiting -= !p.rows[i]->done;
		add_row(t, p.rows[i], s);
		n++;
	}
	if (shown == p.n_rows)
		return;
	snprintf(more, sizeof(more), "and %zu more", p.n_rows - shown);
	progress_cut(more, s->columns - 1, line);
	add_live(t, line);
}

// In the background the terminal is somebody else's.
static bool is_ours(void)
{
	const pid_t owner = tcgetpgrp(STDERR_FILENO);

	return owner < 0 || owner == getpgrp();
}

static void take_rates(void)
{
	const int64_t t = now();

	for (size_t i = 0; i < p.n_rows; i++) {
		struct row *r = p.rows[i];

		if (!r->rate_at || r->done < r->rate_done) {
			r->rate_at = t;
			r->rate_done = r->done;
			r->rate = 0;
		} else if (t - r->rate_at >= RATE_EVERY) {
			const uint64_t fresh = (r->done - r->rate_done) * 1000 / (t - r->rate_at);

			r->rate = r->rate ? (r->rate + fresh) / 2 : fresh;
			r->rate_at = t;
			r->rate_done = r->done;
		}
	}
}

static bool is_as_drawn(const struct text *frame, const struct screen *s)
{
	return p.columns == s->columns && p.last_frame && frame->n &&
		strcmp(frame->at, p.last_frame) == 0;
}

// A text above the live lines, if there is one, and the lines as they are now.
static void redraw(const char *above)
{
	drop(text_drop) struct text t = {0};
	drop(text_drop) struct text frame = {0};
	const struct screen s = screen_now();
	const locale_t before = enter_locale();

	if (atomic_exchange(&was_stopped, false)) {
		p.n_drawn = 0;
		mem_drop(&p.last_frame);
	}
	const bool was_drawn = p.n_drawn;

	if (above || !p.n_rows)
		add_erased(&t);
	if (above)
		add(&t, above);
	p.n_drawn = 0;
	if (p.is_ticking && is_ours())
		add_rows(&frame, &s);
	add_live_end(&frame);
	if (before)
		uselocale(before);
	if (!above && was_drawn && is_as_drawn(&frame, &s))
		return;
	if (frame.n)
		add(&t, frame.at);
	flush(&t);
	below = p.n_drawn;
	p.columns = s.columns;
	free(p.last_frame);
	p.last_frame = str_dup(frame.n ? frame.at : "");
}

static void *tick(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&p.lock);
	while (!p.is_ending) {
		struct timespec at;

		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += FRAME * 1000000L;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&p.wake, &p.lock, &at);
		if (p.is_ending || (!p.n_rows && !p.n_drawn) || !is_ours())
			continue;
		take_rates();
		redraw(NULL);
	}
	pthread_mutex_unlock(&p.lock);
	return NULL;
}

static void on_continue(int unused)
{
	(void)unused;
	was_stopped = true;
}

// Ctrl-Z: the shell goes on under the live lines.
static void on_suspend(int unused)
{
	(void)unused;
	const int error = errno;

	for (size_t i = atomic_exchange(&below, 0); i > 0; i--)
		if (write(STDERR_FILENO, "\n", 1) < 0)
			break;
	kill(getpid(), SIGSTOP);
	errno = error;
}

static void ticker_start(void)
{
	struct sigaction on = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
	struct sigaction suspend = {.sa_handler = on_suspend, .sa_flags = SA_RESTART};
	struct sigaction is;
	pthread_condattr_t attributes;
	sigset_t all, before;

	sigaction(SIGCONT, &on, NULL);
	if (sigaction(SIGTSTP, NULL, &is) == 0 && is.sa_handler == SIG_DFL)
		sigaction(SIGTSTP, &suspend, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&p.wake, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	p.is_ticking = pthread_create(&p.ticker, NULL, tick, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// ---- lines ----

// One line or several, the last one's end included.
static void put(const char *lines)
{
	struct text t = {.at = (char *)lines, .n = strlen(lines)};

	if (p.mode == LIVE && p.is_ticking)
		redraw(lines);
	else
		flush(&t);
}

static void put_json(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);
	drop(mem_drop) char *line = str_printf("%s\n", text ? text : "{}");

	free(text);
	json_decref(j);
	put(line);
}

static void set_text(json_t *j, const char *key, const char *value)
{
	if (value)
		json_object_set_new(j, key, json_text(value));
}

static void put_event(const struct progress_event *e, bool is_over)
{
	json_t *j = json_object();

	set_text(j, "event", e->event);
	set_text(j, "name", e->name);
	set_text(j, "platform", e->platform);
	set_text(j, "status", e->status);
	json_object_set_new(j, "bytes", json_integer((json_int_t)e->bytes));
	json_object_set_new(j, "total", json_integer((json_int_t)e->total));
	set_text(j, "digest", e->digest);
	set_text(j, "from", e->from);
	if (is_over && e->size)
		json_object_set_new(j, "size", json_integer((json_int_t)e->size));
	put_json(j);
}

// ---- what is under way ----

static struct row *find_row(const char *key, size_t *at)
{
	for (size_t i = 0; i < p.n_rows; i++)
		if (strcmp(p.rows[i]->key, key) == 0) {
			*at = i;
			return p.rows[i];
		}
	return NULL;
}

static struct row *new_row(const struct progress_event *e)
{
	drop(arena_drop) struct arena a = {0};
	struct row *r = mem_alloc(sizeof(*r));

	if (p.n_rows == p.cap_rows) {
		p.cap_rows = p.cap_rows * 2 + 8;
		p.rows = mem_resize(p.rows, p.cap_rows * sizeof(struct row *));
	}
	p.rows[p.n_rows++] = r;
	r->key = str_dup(e->key);
	r->name = str_dup(text_printable(e->name, &a));
	if (e->platform) {
		const char *slash = strchr(e->platform, '/');

		free(r->name);
		r->name = str_dup(text_printable(
			arena_printf(&a, "%s %s", e->name, slash ? slash + 1 : e->platform), &a));
	}
	r->began = r->told = now();
	return r;
}

static void row_drop(struct row *r)
{
	free(r->key);
	free(r->name);
	free(r);
}

static bool is_upload(const struct row *r)
{
	return strncmp(r->status, "upload", 6) == 0;
}

static bool is_download(const struct row *r)
{
	return strncmp(r->status, "download", 8) == 0;
}

// One line: what was under way, and what there is of it.
static char *left_undone(void)
{
	size_t up = 0, down = 0;
	const struct row *layer = NULL;

	for (size_t i = 0; i < p.n_rows; i++) {
		const bool is_blob = strcmp(p.rows[i]->event, "blob") == 0;

		up += is_upload(p.rows[i]);
		down += is_download(p.rows[i]);
		layer = is_blob || layer ? layer : p.rows[i];
	}
	const char *tagged = p.tagged ? "nothing more was tagged" : "nothing was tagged";

	if (up == 1)
		return str_printf("the push of layer %zu of %zu was left unfinished; %s",
			p.pushed + 1, p.pushed + up, tagged);
	if (up)
		return str_printf("the push of %zu of %zu layers was left unfinished; %s", up,
			p.pushed + up, tagged);
	if (down)
		return str_printf("the download of %zu layer%s was left unfinished; "
				  "nothing was written",
			down, down == 1 ? "" : "s");
	if (layer)
		return str_printf(
			"the layer \"%s\" was left unfinished; nothing was written", layer->name);
	return p.pushed && !p.tagged ? str_printf("all layers were sent, %s", tagged) : NULL;
}

// The process is about to end by a signal. The lock is kept: nothing is drawn any more.
static void on_stop(void)
{
	drop(text_drop) struct text t = {0};
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	// Who holds it may wait for a terminal that takes nothing.
	if (pthread_mutex_timedlock(&p.lock, &until))
		return;
	drop(mem_drop) char *why = left_undone();

	if (is_ours())
		add_erased(&t);
	if (p.mode == JSON && why) {
		put_json(json_pack("{s:s, s:s}", "event", "interrupted", "text", why));
	} else if (p.mode != NONE && why) {
		add(&t, "imgmin: interrupted: ");
		add(&t, why);
		add(&t, "\n");
	}
	flush(&t);
}

// Threads come with work that lasts: the first sign of a registry, or a tenth of a second.
static void begin_ticking(bool is_remote)
{
	const int64_t t = now();

	if (!p.began)
		p.began = t;
	if (t - p.began < SOON && !(is_remote && p.mode == LIVE))
		return;
	if (!p.is_watching)
		temp_watch();
	p.is_watching = true;
	if (p.mode == LIVE && !p.is_ticking && !p.is_ending)
		ticker_start();
}

static void tell_log(struct row *r, const struct progress_event *e)
{
	const int64_t t = now();
	char done[16], total[16];

	if (p.mode == JSON && (r->told == r->began || t - r->told >= JSON_EVERY)) {
		r->told = t + (t == r->began);
		put_event(e, false);
	}
	if (p.mode == PLAIN && t - r->told >= PLAIN_EVERY) {
		drop(mem_drop) char *line = str_printf("%s: %s, %s of %s\n", r->name, r->status,
			size_text(r->done, done), size_text(r->total, total));

		r->told = t;
		put(line);
	}
}

void progress_update(const struct progress_event *e)
{
	size_t at;

	if (p.mode == NONE)
		return;
	pthread_mutex_lock(&p.lock);
	struct row *r = find_row(e->key, &at);

	if (!r)
		r = new_row(e);
	r->event = e->event;
	r->status = e->status;
	r->done = e->bytes;
	r->total = e->total;
	tell_log(r, e);
	begin_ticking(strcmp(e->event, "blob") == 0);
	pthread_mutex_unlock(&p.lock);
}

static char *live_line(const struct progress_event *e, const struct row *r, int64_t took)
{
	char line[PROGRESS_LINE_MAX], size[16];
	const struct screen s = screen_now();
	const locale_t before = enter_locale();
	const struct progress_row shown = {
		.name = r->name,
		.status = e->status,
		.figures = e->figures ? e->figures : size_text(e->total, size),
		.took = took,
		.rate = took >= 1000 && e->bytes ? e->bytes * 1000 / (uint64_t)took : 0,
	};

	progress_line(&shown, s.columns, line);
	if (before)
		uselocale(before);
	return str_printf("%s\n", line);
}

static void say_over(const struct progress_event *e, const struct row *r, const char *plain)
{
	const int64_t took = now() - r->began;
	drop(mem_drop) char *line = NULL;

	if (p.mode == JSON) {
		put_event(e, true);
		return;
	}
	if (p.mode == LIVE)
		line = live_line(e, r, took);
	else if (took >= 1000)
		line = str_printf("%s, %.1f s\n", plain, (double)took / 1000);
	else
		line = str_printf("%s\n", plain);
	put(line);
}

void progress_over(const struct progress_event *e, const char *plain)
{
	size_t at;

	if (p.mode == NONE)
		return;
	pthread_mutex_lock(&p.lock);
	struct row *r = find_row(e->key, &at);

	if (!r) {
		r = new_row(e);
		at = p.n_rows - 1;
	}
	p.pushed += strcmp(e->status, "uploaded") == 0;
	memmove(&p.rows[at], &p.rows[at + 1], (p.n_rows - at - 1) * sizeof(struct row *));
	p.n_rows--;
	if (plain || p.mode == JSON)
		say_over(e, r, plain);
	row_drop(r);
	pthread_mutex_unlock(&p.lock);
}

// ---- text ----

void progress_say(enum progress_kind kind, const char *text, const char *hint)
{
	static const char *const words[] = {
		"error", "warning", "problem", "searched", "note", "detail", "report"};
	static const char *const leads[] = {"imgmin: error: ", "imgmin: warning: ", "imgmin: ",
		"  searched ", "imgmin: ", "imgmin: ", ""};

	if (p.mode == NONE && (kind == PROGRESS_NOTE || kind == PROGRESS_REPORT))
		return;
	pthread_mutex_lock(&p.lock);
	if (p.mode == JSON) {
		json_t *j = json_object();

		set_text(j, "event", words[kind]);
		set_text(j, "text", text);
		set_text(j, "hint", hint);
		put_json(j);
	} else {
		drop(mem_drop) char *line = str_printf(
			"%s%s%s%s\n", leads[kind], text, hint ? "\nhint: " : "", hint ? hint : "");

		put(line);
	}
	pthread_mutex_unlock(&p.lock);
}

void progress_tagged(const char *name, const char *digest, int64_t size, const char *plain)
{
	pthread_mutex_lock(&p.lock);
	p.tagged++;
	pthread_mutex_unlock(&p.lock);
	if (p.mode != JSON) {
		progress_say(PROGRESS_REPORT, plain, NULL);
		return;
	}
	pthread_mutex_lock(&p.lock);
	put_json(json_pack("{s:s, s:o, s:s, s:I}", "event", "tag", "name", json_text(name),
		"digest", digest, "size", (json_int_t)size));
	pthread_mutex_unlock(&p.lock);
}

// One report at a time, as the commands write them.
static char *report_text;
static size_t report_size;

FILE *progress_report(void)
{
	return open_memstream(&report_text, &report_size);
}

void progress_report_cut(FILE *f)
{
	char *line, *rest = NULL, cut[PROGRESS_LINE_MAX];

	if (!f || p.mode != LIVE || fflush(f))
		return;
	drop(mem_drop) char *text = str_dup(report_text);
	const struct screen s = screen_now();
	const locale_t before = enter_locale();

	rewind(f);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const bool is_row = line[0] == ' ';

		progress_cut(line, s.columns - 1, cut);
		fprintf(f, "%s\n", is_row ? cut : line);
	}
	if (before)
		uselocale(before);
	fflush(f);
}

void progress_report_close(FILE **f)
{
	char *line, *rest = NULL;

	if (!*f || fclose(take(*f)))
		return;
	if (p.mode == JSON) {
		for (line = strtok_r(report_text, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			progress_say(PROGRESS_REPORT, line, NULL);
	} else if (p.mode != NONE && report_size) {
		pthread_mutex_lock(&p.lock);
		put(report_text);
		pthread_mutex_unlock(&p.lock);
	}
	free(report_text);
	report_text = NULL;
}

// ---- from beginning to end ----

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

static enum mode mode_of(const struct common_args *common)
{
	const char *term;

	if (common->quiet || strcmp(common->progress, "none") == 0)
		return NONE;
	if (strcmp(common->progress, "json") == 0)
		return JSON;
	if (strcmp(common->progress, "plain") == 0 || is_set("CI") || !isatty(STDERR_FILENO))
		return PLAIN;
	term = getenv("TERM");
	return term && *term && strcmp(term, "dumb") != 0 ? LIVE : PLAIN;
}

void progress_start(const struct common_args *common)
{
	p.mode = mode_of(common);
	temp_on_stop(on_stop);
}

void progress_end(void)
{
	drop(text_drop) struct text t = {0};

	pthread_mutex_lock(&p.lock);
	const bool was_ticking = p.is_ticking;

	p.is_ending = true;
	if (was_ticking)
		pthread_cond_signal(&p.wake);
	pthread_mutex_unlock(&p.lock);
	if (was_ticking)
		pthread_join(p.ticker, NULL);
	pthread_mutex_lock(&p.lock);
	p.is_ticking = p.is_ending = false;
	if (p.n_drawn && !was_stopped)
		add_erased(&t);
	below = 0;
	flush(&t);
	while (p.n_rows)
		row_drop(p.rows[--p.n_rows]);
	free(take(p.rows));
	free(take(p.last_frame));
	p.cap_rows = 0;
	p.began = 0;
	pthread_mutex_unlock(&p.lock);
}
