/* IKE engines against each other in virtual time.
 *
 * A node is one engine with one address, perhaps behind a NAT, and a fake dataplane that holds what
 * the engine installs. Links delay, lose, duplicate and reorder datagrams. Probe packets are sent
 * on every outbound SA and looked up in the peer's inbound SAs: a probe that finds none is lost,
 * and on a link without loss that breaks make-before-break. All chance comes from one seed. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "conf/model.h"
#include "ike/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NODES_MAX	8
#define SIM_MS		((ike_time)1000)
#define SIM_PROBE_BYTES 1000
#define SIM_BESIDE	63

struct sim;

struct sim_sa {
	bool installed;
	uint32_t tunnel, spi, peer_spi;
	enum algo_cipher cipher;
	enum algo_auth auth;
	uint8_t key[128];
	size_t key_len;
	uint8_t icv_bytes;
	bool udp, esn, used, told;
	uint64_t packets, soft, hard; /* carried; limits, 0: none */
	struct ike_path path;
};

struct sim_tunnel {
	bool up;
	unsigned ups, downs; /* changes */
	enum ike_reason reason;
	char text[512];
	struct sim_sa out;
	struct sim_sa *beside; /* SIM_BESIDE further ones, with other selectors; NULL: never */
	size_t sending_at;     /* place in the node's list, while out is installed */
	uint64_t accepted;     /* probes received */
};

struct sim_node {
	struct sim *sim;
	unsigned index;
	struct ike_engine *engine; /* NULL: killed */
	struct addr address;
	uint8_t prefix; /* bits of address that name the node: it has all addresses below */
	bool behind_nat;
	struct addr public_address; /* of the NAT */
	uint16_t mapped[2];	    /* public ports of 500 and 4500; 0: no mapping yet */
	uint16_t next_port;
	bool unreachable; /* drops all it gets */

	uint32_t first_spi, next_spi;
	unsigned spis;	   /* allocated and not freed, installed or not */
	bool no_spis;	   /* none is given out */
	unsigned refusals; /* of so many inbound SAs to come */
	struct sim_sa *in; /* by SPI, from first_spi on */
	size_t n_in, cap_in;
	uint32_t *spent; /* outbound SPIs ever installed: a hash table, 0 is an empty place */
	size_t n_spent, cap_spent;
	struct sim_tunnel *tunnel; /* by index; moves when one beyond 15 is added */
	size_t n_tunnels;
	uint32_t *sending; /* tunnels with an outbound SA */
	size_t n_sending, n_up;
	/* The first byte of the next nonces, then of all others; n_nonces 0: as it comes. */
	uint8_t nonce[4], nonce_after;
	unsigned n_nonces;
	bool nonces_forced;
	unsigned keepalives; /* sent */
	unsigned events;     /* lines for the log */
};

struct sim_link {
	ike_time delay, jitter;	  /* jitter reorders */
	unsigned loss, duplicate; /* per mille */
	bool spare_probes;	  /* probes are only delayed */
};

/* What to do with an IKE message on its way: delay it by so much more, or one of the last two. */
typedef ike_time sim_verdict;
#define SIM_PASS ((sim_verdict)0)
#define SIM_DROP UINT64_MAX
#define SIM_HOLD (UINT64_MAX - 1) /* until sim_release() */
/* With a delay: at once, and again so much later. */
#define SIM_TWICE (UINT64_C(1) << 62)
struct sim_message {
	unsigned from, to;
	uint8_t exchange;
	bool response;
	uint32_t id;
	const uint8_t *data; /* from the IKE header on */
	size_t len;
};
typedef sim_verdict sim_filter(struct sim *s, const struct sim_message *m, void *arg);

struct sim_event;
struct sim_trace;

struct sim {
	uint64_t seed, state;
	size_t secrets; /* alive before: what an earlier test left when it failed */
	ike_time now;
	struct sim_event **event;
	size_t n_events, cap_events;
	uint64_t order;
	struct sim_node node[SIM_NODES_MAX];
	unsigned n_nodes;
	struct sim_link link;
	sim_filter *filter;
	void *filter_arg;
	struct sim_event *held;
	size_t n_held;
	ike_time probe_interval; /* 0: no probes */
	struct sim_trace *trace; /* NULL: none (tests/sim/trace.h) */
	bool verbose;
	uint64_t probes, lost, messages;
	unsigned violations; /* of the dataplane's contract */
	char violation[256]; /* the first */
};

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s);

unsigned sim_node_add(struct sim *s, const char *address);
void sim_node_nat(struct sim *s, unsigned node, const char *public_address);
void sim_node_rebind(struct sim *s, unsigned node); /* the NAT forgets its mappings */
void sim_node_kill(struct sim *s, unsigned node);   /* SIGKILL */
void sim_node_start(struct sim *s, unsigned node);  /* after a kill, without tunnels */

/* Two nodes, 192.0.2.1 and 198.51.100.1. */
struct sim *sim_pair(uint64_t seed);

/* A tunnel between two nodes as node a sees it; change what the test is about, then add it. */
void sim_conf(const struct sim *s, unsigned a, unsigned b, struct conf_tunnel *out);
void sim_conf_psk(struct conf_tunnel *t, const char *psk);
void sim_tunnel_add(struct sim *s, unsigned node, uint32_t tunnel, struct conf_tunnel *conf);

/* Tunnel 7 between nodes 0 and 1, changed by the caller's function for each of the two nodes. */
typedef void sim_change(unsigned node, struct conf_tunnel *t);
void sim_pair_add(struct sim *s, sim_change *change);

void sim_run(struct sim *s, ike_time length);
typedef bool sim_condition(const struct sim *s, void *arg);
/* Until it holds, at most so long. */
bool sim_until(struct sim *s, ike_time limit, sim_condition *condition, void *arg);
bool sim_until_up(struct sim *s, ike_time limit, uint32_t tunnel); /* at all nodes */
bool sim_until_down(struct sim *s, ike_time limit, unsigned node, uint32_t tunnel);
void sim_probe(struct sim *s, ike_time interval);
void sim_release(struct sim *s);			/* delivers what the filter held */
void sim_held_spi(const struct sim *s, uint8_t *spi_i); /* of the first message held: 8 bytes */
void sim_inject(struct sim *s, unsigned to, const struct ike_path *path, const void *data,
		size_t n);

unsigned sim_inbound(const struct sim *s, unsigned node); /* installed inbound SAs */
unsigned sim_ike_sas(const struct sim *s, unsigned node);
unsigned sim_established(const struct sim *s, unsigned node, uint32_t tunnel); /* children shown */
/* Stops all engines, waits, and checks that nothing is left anywhere. */
void sim_finish(struct sim *s);

#define sim_assert(s, expr)                                     \
	do {                                                    \
		if (!(expr))                                    \
			sim_fail(s, __FILE__, __LINE__, #expr); \
	} while (0)
void sim_fail(const struct sim *s, const char *file, int line, const char *what);

#endif
