#include "gateway/log.h"

#include "gateway/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOURCES 1024 /* a power of two; sources that collide share a bucket by turns */
#define LINE	UINT64_C(1000000)

struct source {
	uint64_t name; /* hash of part and object */
	struct log_bucket bucket;
};

static struct {
	int fd;
	enum log_level most;
	bool journal;
	pthread_mutex_t lock; /* guards source */
	struct source source[SOURCES];
} logger = { .fd = STDERR_FILENO, .most = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *const level_name[] = { "error", "warning", "info", "debug" };
static const char level_priority[] = { '3', '4', '6', '7' }; /* syslog(3), sd-daemon(3) */

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
	logger.fd = fd;
	logger.most = most;
	logger.journal = is_journal(fd);
	memset(logger.source, 0, sizeof(logger.source));
}

bool log_bucket_take(struct log_bucket *b, uint64_t now, uint32_t *left_out)
{
	uint64_t back = now > b->then ? (now - b->then) * LOG_RATE : 0; /* LINE is a second of us */

	b->spent = b->spent > back ? b->spent - back : 0;
	b->then = now;
	if (b->spent + LINE > LOG_BURST * LINE) {
		b->left_out++;
		return false;
	}
	b->spent += LINE;
	*left_out = b->left_out;
	b->left_out = 0;
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

static bool may_write(const char *part, const char *object, uint32_t *left_out)
{
	uint64_t name = hash(part, object);
	struct source *s = &logger.source[(name ^ name >> 32) & (SOURCES - 1)];
	bool passed;

	pthread_mutex_lock(&logger.lock);
	if (s->name != name)
		*s = (struct source){ .name = name };
	passed = log_bucket_take(&s->bucket, clock_now(), left_out);
	pthread_mutex_unlock(&logger.lock);
	return passed;
}

/* Line ends inside a message become " | ", other control characters "?". */
static size_t put_clean(char *to, size_t room, const char *from)
{
	size_t n = 0;

	for (; *from && n + 3 < room; from++) {
		if (*from == '\n') {
			if (from[1] == '\0')
				break;
			memcpy(to + n, " | ", 3);
			n += 3;
		} else {
			to[n++] = (uint8_t)*from < 0x20 || *from == 0x7f ? '?' : *from;
		}
	}
	return n;
}

static int put_head(char *to, size_t room, enum log_level level, const char *part,
		    const char *object)
{
	const char *slash = object ? "/" : "";
	struct timespec ts;
	struct tm tm;

	if (!object)
		object = "";
	if (logger.journal)
		return snprintf(to, room, "<%c>%s%s%s: ", level_priority[level], part, slash,
				object);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	return snprintf(to, room,
			"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s%s%s: ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			ts.tv_nsec / 1000000, level_name[level], part, slash, object);
}

void log_write(enum log_level level, const char *part, const char *object, const char *fmt, ...)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
	uint32_t left_out = 0;
	ssize_t written;
	size_t n;
	va_list ap;
	int head;

	if (level > logger.most || !may_write(part, object, &left_out))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	head = put_head(line, sizeof(line), level, part, object);
	if (head < 0 || (size_t)head >= sizeof(line))
		return;
	n = (size_t)head;
	if (left_out > 0) {
		int m = snprintf(line + n, sizeof(line) - n, "(%u lines left out) ", left_out);

		if (m > 0 && (size_t)m < sizeof(line) - n)
			n += (size_t)m;
	}
	n += put_clean(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	/* A log that cannot be written has nowhere to complain. */
	written = write(logger.fd, line, n);
	(void)written;
}
