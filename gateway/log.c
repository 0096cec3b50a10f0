#include "gateway/log.h"

#include "gateway/clock.h"
#include "gateway/json.h"
#include "gateway/log_socket.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOURCES 1024 /* a power of two; sources that collide share a bucket by turns */
#define LINE	UINT64_C(1000000)
/* JSON writes a byte as six at most; and the fields around the text. */
#define JSON_LINE_MAX (6 * LOG_LINE_MAX + 1024)

struct source {
	uint64_t name; /* hash of part and object */
	struct log_bucket bucket;
};

static struct {
	int fd;
	enum log_level most;
	bool verbose; /* the command line wants everything, whatever the file says */
	enum conf_log_format format;
	enum conf_log_target target;
	bool journal;	      /* fd leads there */
	pthread_mutex_t lock; /* guards source and socket */
	struct source source[SOURCES];
	struct log_socket socket;
	_Atomic uint64_t lines[LOG_LEVELS], left_out;
	_Atomic uint32_t unread; /* left out since fd took a line last: its reader was stuck */
} logger = { .fd = STDERR_FILENO,
	     .most = LOG_INFO,
	     .lock = PTHREAD_MUTEX_INITIALIZER,
	     .socket = { .fd = -1 } };

struct entry {
	enum log_level level;
	const char *part, *object, *event, *text;
	uint32_t left_out;
};

static const char *const level_name[] = { "error", "warning", "info", "debug" };
static const char level_priority[] = { '3', '4', '6', '7' }; /* syslog(3), sd-daemon(3) */
_Static_assert((int)CONF_LOG_DEBUG == (int)LOG_DEBUG && (int)CONF_LOG_ERROR == (int)LOG_ERROR,
	       "the file's levels are the log's");

const char *log_level_name(enum log_level level)
{
	return (unsigned)level < LOG_LEVELS ? level_name[level] : "unknown";
}

/* JOURNAL_STREAM=device:inode of the stream that systemd connected to the journal. */
static bool is_journal(int fd)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_open(int fd, enum log_level most)
{
	log_socket_close(&logger.socket);
	logger.fd = fd;
	logger.most = most;
	logger.verbose = most == LOG_DEBUG;
	logger.format = CONF_LOG_TEXT;
	logger.target = CONF_LOG_STDERR;
	logger.journal = is_journal(fd);
	logger.unread = 0;
	memset(logger.source, 0, sizeof(logger.source));
}

int log_configure(const struct conf_log *c)
{
	int rc = 0;

	logger.most = logger.verbose ? LOG_DEBUG : (enum log_level)c->level;
	logger.format = c->format;
	log_socket_close(&logger.socket);
	if (c->target != CONF_LOG_STDERR)
		rc = log_socket_open(&logger.socket, c->target == CONF_LOG_JOURNALD
							     ? LOG_SOCKET_JOURNALD
							     : LOG_SOCKET_SYSLOG);
	logger.target = rc == 0 ? c->target : CONF_LOG_STDERR;
	if (rc < 0)
		log_warning("log", NULL, "its target cannot be reached: %s: to stderr",
			    strerror(-rc));
	return rc;
}

bool log_bucket_take(struct log_bucket *b, uint64_t now, uint32_t burst, uint32_t rate)
{
	uint64_t back = now > b->then ? (now - b->then) * rate : 0; /* LINE is a second of us */

	b->spent = b->spent > back ? b->spent - back : 0;
	b->then = now;
	if (b->spent + LINE > burst * LINE) {
		b->left_out++;
		return false;
	}
	b->spent += LINE;
	return true;
}

static uint64_t hash(const char *part, const char *object)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (const char *s = part; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	h = (h ^ '/') * UINT64_C(0x100000001b3);
	for (const char *s = object; s && *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h;
}

static struct log_bucket *bucket_of(const char *part, const char *object)
{
	uint64_t name = hash(part, object);
	struct source *s = &logger.source[(name ^ name >> 32) & (SOURCES - 1)];

	if (s->name != name)
		*s = (struct source){ .name = name };
	return &s->bucket;
}

/* A name that no object has, for the part as a whole. */
#define ALL_OBJECTS "\x01"

static bool may_write(const char *part, const char *object, uint32_t *left_out)
{
	struct log_bucket *b;
	uint64_t now = clock_now();
	bool passed;

	pthread_mutex_lock(&logger.lock);
	b = bucket_of(part, object);
	passed = log_bucket_take(b, now, LOG_BURST, LOG_RATE);
	if (passed) {
		*left_out = b->left_out;
		b->left_out = 0;
		b = bucket_of(part, ALL_OBJECTS);
		passed = log_bucket_take(b, now, LOG_PART_BURST, LOG_PART_RATE);
		if (passed) {
			*left_out += b->left_out;
			b->left_out = 0;
		} else {
			b->left_out += *left_out;
		}
	}
	pthread_mutex_unlock(&logger.lock);
	if (!passed)
		atomic_fetch_add_explicit(&logger.left_out, 1, memory_order_relaxed);
	return passed;
}

const char *log_clean(const char *from, char *to, size_t room)
{
	size_t n = 0;

	for (; *from && n + 4 < room; from++) {
		if (*from == '\n') {
			if (from[1] == '\0')
				break;
			memcpy(to + n, " | ", 3);
			n += 3;
		} else {
			to[n++] = (uint8_t)*from < 0x20 || *from == 0x7f ? '?' : *from;
		}
	}
	to[n] = '\0';
	return to;
}

const char *log_time(uint64_t us, char buf[LOG_TIME_MAX])
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(buf, LOG_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, LOG_TIME_MAX - n, ".%03uZ", (unsigned)(us / 1000 % 1000));
	return buf;
}

/* ---- one line ---------------------------------------------------------------------------- */

/* Without time and level: "ike/dc1-a: (3 lines left out) text" */
static void format_body(const struct entry *e, char *to, size_t room)
{
	char clean[LOG_LINE_MAX - 256], left[48] = "";

	if (e->left_out > 0)
		snprintf(left, sizeof(left), "(%u lines left out) ", e->left_out);
	snprintf(to, room, "%s%s%s: %s%s", e->part, e->object ? "/" : "",
		 e->object ? e->object : "", left, log_clean(e->text, clean, sizeof(clean)));
}

static size_t format_json(const struct entry *e, char *to, size_t room)
{
	FILE *out = fmemopen(to, room, "w");
	char time[LOG_TIME_MAX];
	struct json j;
	long n;

	if (!out)
		return 0;
	json_init(&j, out);
	json_object(&j, NULL);
	json_string(&j, "time", log_time(clock_unix(), time));
	json_string(&j, "level", level_name[e->level]);
	json_string(&j, "part", e->part);
	json_string(&j, "object", e->object);
	json_string(&j, "event", e->event);
	json_uint(&j, "left_out", e->left_out);
	json_string(&j, "text", e->text);
	json_close(&j);
	fputc('\n', out);
	n = ftell(out);
	fclose(out);
	return n > 0 ? (size_t)n : 0;
}

static size_t format_text(const struct entry *e, char *to, size_t room)
{
	char body[LOG_LINE_MAX], time[LOG_TIME_MAX];
	int n;

	format_body(e, body, sizeof(body) - LOG_TIME_MAX - 16);
	if (logger.journal)
		n = snprintf(to, room, "<%c>%s\n", level_priority[e->level], body);
	else
		n = snprintf(to, room, "%s %s %s\n", log_time(clock_unix(), time),
			     level_name[e->level], body);
	return n > 0 ? (size_t)n : 0;
}

static bool send_datagram(const struct entry *e)
{
	const struct log_message m = { .priority = level_priority[e->level],
				       .part = e->part,
				       .object = e->object,
				       .event = e->event };
	char body[JSON_LINE_MAX];
	bool sent;
	size_t n;

	if (logger.format == CONF_LOG_JSON) {
		n = format_json(e, body, sizeof(body));
		body[n > 0 ? n - 1 : 0] = '\0';
	} else {
		format_body(e, body, LOG_LINE_MAX);
	}
	pthread_mutex_lock(&logger.lock);
	sent = log_socket_send(&logger.socket, &m, body);
	pthread_mutex_unlock(&logger.lock);
	return sent;
}

static _Thread_local void (*tap)(enum log_level level, const char *part, const char *object,
				 const char *text);

void log_tap(void (*fn)(enum log_level level, const char *part, const char *object,
			const char *text))
{
	tap = fn;
}

/* The loop does not wait for a pager. A descriptor that is writable takes a usual line at once. */
static bool is_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void put(struct entry *e)
{
	char line[JSON_LINE_MAX];
	ssize_t written;
	size_t n;

	if (e->level > logger.most || !may_write(e->part, e->object, &e->left_out))
		return;
	atomic_fetch_add_explicit(&logger.lines[e->level], 1, memory_order_relaxed);
	if (tap && !e->event)
		tap(e->level, e->part, e->object, e->text);
	if (logger.target != CONF_LOG_STDERR && send_datagram(e))
		return;
	if (!is_writable(logger.fd)) {
		atomic_fetch_add_explicit(&logger.unread, 1 + e->left_out, memory_order_relaxed);
		atomic_fetch_add_explicit(&logger.left_out, 1, memory_order_relaxed);
		return;
	}
	e->left_out += atomic_exchange_explicit(&logger.unread, 0, memory_order_relaxed);
	n = logger.format == CONF_LOG_JSON ? format_json(e, line, sizeof(line))
					   : format_text(e, line, sizeof(line));
	/* A log that cannot be written has nowhere to complain. */
	written = write(logger.fd, line, n);
	(void)written;
}

void log_write(enum log_level level, const char *part, const char *object, const char *fmt, ...)
{
	struct entry e = { .level = level, .part = part, .object = object };
	char text[LOG_LINE_MAX];
	va_list ap;

	if (level > logger.most)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e.text = text;
	put(&e);
}

void log_happening(enum log_level level, const char *part, const char *object, const char *event,
		   const char *text)
{
	put(&(struct entry){
		.level = level, .part = part, .object = object, .event = event, .text = text });
}

uint64_t log_lines(enum log_level level)
{
	return atomic_load_explicit(&logger.lines[level], memory_order_relaxed);
}

uint64_t log_left_out(void)
{
	return atomic_load_explicit(&logger.left_out, memory_order_relaxed);
}
