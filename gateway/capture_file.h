/* The file of a capture, and the thread that writes it: neither a worker nor main waits for a disk.
 *
 * Main opens, starts and finishes; the thread alone reads the capture in between. */
#ifndef GATEWAY_CAPTURE_FILE_H
#define GATEWAY_CAPTURE_FILE_H

#include "conf/model.h"
#include "dataplane/capture.h"

#include <stdbool.h>
#include <stdint.h>

struct capture_file;

struct capture_file_setup {
	const char *path; /* absolute; must not exist */
	unsigned what;	  /* enum capture_what */
	uint64_t count;	  /* packets at most; 0: no limit */
	uint32_t snaplen; /* 0: whole packets */
	/* Names are copied. */
	unsigned n_ports, n_tunnels;
	const char *(*port)(const void *ctx, unsigned i);
	const char *(*tunnel)(const void *ctx, unsigned i);
	const void *ctx;
};

/* Creates the file, for its owner only. Negative errno: -EEXIST, ... */
int capture_file_new(struct capture_file **out, const struct capture_file_setup *s);
/* The thread begins to read c. */
int capture_file_start(struct capture_file *f, struct capture *c);
/* Nothing more will be written: the count is reached, or writing failed. */
bool capture_file_full(const struct capture_file *f);
/* Writes what is still in c, ends the thread and closes. 0, or why the file is not whole; packets:
 * in it. */
int capture_file_finish(struct capture_file *f, uint64_t *packets, uint64_t *bytes);
void capture_file_free(struct capture_file *f); /* NULL is fine */

#endif
