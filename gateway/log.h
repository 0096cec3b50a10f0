/* Lines for whoever runs the gateway: one write(2) or datagram each, any thread but the workers.
 *
 *   2026-11-22T11:28:19.123Z warning ike/dc1-a: no answer after 3 tries
 *   {"time":"2026-11-22T11:28:19.123Z","level":"warning","part":"ike","object":"dc1-a",
 *    "event":null,"left_out":0,"text":"no answer after 3 tries"}
 *
 * Under journald (JOURNAL_STREAM names our stderr) a line begins with its priority, "<4>", and
 * leaves the time to the journal. The targets syslog (RFC 3164, /dev/log) and journald (its native
 * protocol: MESSAGE, PRIORITY and ISTHMUS_PART, _OBJECT, _EVENT) are datagrams that never wait for
 * a stuck reader; what they do not take goes to stderr. A stderr whose reader is stuck costs lines
 * as well, which the next one that it takes counts.
 *
 * A source is a part of the program ("ike") and an object of it ("dc1-a", or NULL); each may write
 * LOG_BURST lines at once and LOG_RATE a second after that, all objects of a part together
 * LOG_PART_BURST and LOG_PART_RATE. The first line let through again says how many were left out.
 * Control characters never reach the terminal: what a peer sent is shown, not obeyed. Nothing
 * secret is ever given to a log. */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include "conf/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

#define LOG_LINE_MAX   2048 /* bytes; longer lines are cut */
#define LOG_BURST      20
#define LOG_RATE       5 /* lines a second */
#define LOG_PART_BURST 1000
#define LOG_PART_RATE  250

/* Before the first line and before other threads: text to fd. Lines above `most` are not written.
 */
void log_open(int fd, enum log_level most);
/* What the file asks for; LOG_DEBUG from log_open() stays. 0, or the errno of a target that cannot
 * be reached: then lines go on to stderr, the first of which says so. */
int log_configure(const struct conf_log *c);
void log_write(enum log_level level, const char *part, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with the name of an event (gateway/event.h), which only machines are shown. */
void log_happening(enum log_level level, const char *part, const char *object, const char *event,
		   const char *text);

#define log_error(part, object, ...)   log_write(LOG_ERROR, part, object, __VA_ARGS__)
#define log_warning(part, object, ...) log_write(LOG_WARNING, part, object, __VA_ARGS__)
#define log_info(part, object, ...)    log_write(LOG_INFO, part, object, __VA_ARGS__)
#define log_debug(part, object, ...)   log_write(LOG_DEBUG, part, object, __VA_ARGS__)

/* Hands every line that is written by the calling thread, and is no event, to fn as well. One at a
 * time; NULL: none. fn must not log. */
void log_tap(void (*fn)(enum log_level level, const char *part, const char *object,
			const char *text));

uint64_t log_lines(enum log_level level); /* written since the start */
uint64_t log_left_out(void);

/* ---- parts, also for others --------------------------------------------------------------- */

const char *log_level_name(enum log_level level);
#define LOG_TIME_MAX 32
/* Unix time in microseconds: "2026-11-22T11:28:19.123Z". Returns buf. */
const char *log_time(uint64_t us, char buf[LOG_TIME_MAX]);
/* Line ends become " | ", other control characters "?"; cut to fit. Returns buf. */
const char *log_clean(const char *text, char *buf, size_t size);

/* What one source may still write. All zero is a full bucket. */
struct log_bucket {
	uint64_t then;	   /* microseconds, of the last refill */
	uint64_t spent;	   /* millionths of a line */
	uint32_t left_out; /* since the last line that passed */
};
/* May a line pass at this time, of `burst` at once and `rate` a second? */
bool log_bucket_take(struct log_bucket *b, uint64_t now, uint32_t burst, uint32_t rate);

#endif
