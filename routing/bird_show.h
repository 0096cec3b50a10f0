/* What BIRD answers to "show route ... all", "show protocols all" and "show status", read line by
 * line as bird_reply gives them. Lines in any order and of any content are survived; what makes no
 * sense is skipped. A reader is set to zero before a reply's first line. Any thread. */
#ifndef ROUTING_BIRD_SHOW_H
#define ROUTING_BIRD_SHOW_H

#include "routing/bird_reply.h"
#include "routing/source.h"

/* BIRD 2 says "BGP.as_path", BIRD 3 "bgp_path". A path too long for BIRD to print counts as far as
 * it is printed, and one more. */
#define BIRD_METRIC_MAX 255

struct bird_path {
	struct prefix prefix;
	uint32_t session;
	uint32_t metric; /* length of the AS_PATH: a set counts one, a confederation nothing */
};

struct bird_routes {
	bool has_prefix, open;
	bool has_metric, overflow;
	struct bird_path path; /* the one that is being read, if open */
};

/* true: a path of one of our sessions is complete, and in *out. The end of the reply completes the
 * last one. */
bool bird_routes_line(struct bird_routes *r, const struct bird_line *line, struct bird_path *out);
bool bird_routes_end(struct bird_routes *r, struct bird_path *out);

struct bird_protocol {
	uint32_t session;
	bool own_ipv6;
	struct source_session now;
	uint64_t digest; /* differs when routes came, went or changed, or the session began anew */
};

struct bird_protocols {
	bool open;
	struct bird_protocol protocol;
};

bool bird_protocols_line(struct bird_protocols *r, const struct bird_line *line,
			 struct bird_protocol *out);
bool bird_protocols_end(struct bird_protocols *r, struct bird_protocol *out);

struct bird_status {
	char version[32];
	char boot[40]; /* when BIRD started, as it says */
	/* That, and when it said so: microseconds by BIRD's clock as it is set now, so that their
	 * difference holds after the clock was set as well. 0: unknown. */
	int64_t booted, told;
	bool recovering; /* from a restart: routes are not all back */
};

void bird_status_line(struct bird_status *s, const struct bird_line *line);

#endif
