/* The shell's connection to a gateway: sends request lines, takes replies (control.h).
 *
 * One thread; links nothing of the gateway. */
#ifndef GATEWAY_SHELL_LINK_H
#define GATEWAY_SHELL_LINK_H

#include <stdbool.h>
#include <stddef.h>

enum link_result {
	LINK_OK,      /* "ok" */
	LINK_REFUSED, /* "error" */
	LINK_WRONG,   /* "wrong" */
	LINK_BYE,     /* "bye": the shell is to end */
	LINK_STOPPED, /* by stop() */
	LINK_LOST,    /* the gateway went away */
};

enum link_kind { LINK_TEXT, LINK_MORE, LINK_PAGE, LINK_ERROR };

/* Who takes a reply. Frames come whole and are the link's. */
struct link_taker {
	void (*take)(void *ctx, enum link_kind kind, const char *text, size_t len);
	int watched;		 /* a descriptor; -1: none */
	bool (*stop)(void *ctx); /* it is readable: is the command to be given up? */
	void *ctx;
};

struct link {
	const char *path; /* NULL: cannot be reached again */
	int patience;	  /* seconds of silence after which the gateway is lost; 0: any */
	int fd;		  /* -1: not connected */
	char *text;
	size_t len, room;
};

/* 0 or -errno. */
int link_open(struct link *l);
void link_close(struct link *l);
void link_free(struct link *l);
/* Sends one line (without its end) and hands out the reply. A link that was stopped or lost is
 * closed. */
enum link_result link_ask(struct link *l, const char *line, const struct link_taker *t);

#endif
