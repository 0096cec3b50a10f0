/* Lines for whoever runs the gateway: stderr, one write(2) each, any thread but the workers.
 *
 *   2026-11-22T11:28:19.123Z warning ike/dc1-a: no answer after 3 tries
 *
 * Under journald (JOURNAL_STREAM names our stderr) a line begins with its priority, "<4>", and
 * leaves the time to the journal. A source is a part of the program ("ike") and an object of it
 * ("dc1-a", or NULL); each may write LOG_BURST lines at once and LOG_RATE a second after that,
 * and the first line let through again says how many were left out. Control characters never
 * reach the terminal: what a peer sent is shown, not obeyed. */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define LOG_LINE_MAX 2048 /* bytes; longer lines are cut */
#define LOG_BURST    20
#define LOG_RATE     5 /* lines a second */

/* Before the first line and before other threads. Lines above `most` are not written. */
void log_open(int fd, enum log_level most);
void log_write(enum log_level level, const char *part, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_error(part, object, ...)   log_write(LOG_ERROR, part, object, __VA_ARGS__)
#define log_warning(part, object, ...) log_write(LOG_WARNING, part, object, __VA_ARGS__)
#define log_info(part, object, ...)    log_write(LOG_INFO, part, object, __VA_ARGS__)
#define log_debug(part, object, ...)   log_write(LOG_DEBUG, part, object, __VA_ARGS__)

/* What one source may still write. All zero is a full bucket. */
struct log_bucket {
	uint64_t then;	   /* microseconds, of the last refill */
	uint64_t spent;	   /* millionths of a line */
	uint32_t left_out; /* since the last line that passed */
};
/* May a line pass at this time? *left_out gets the count to tell, and is then forgotten. */
bool log_bucket_take(struct log_bucket *b, uint64_t now, uint32_t *left_out);

#endif
