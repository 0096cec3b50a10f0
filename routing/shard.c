#include "routing/shard.h"

#include "routing/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SELF_NETNS "/proc/thread-self/ns/net"

/* Addresses in order, each with its tunnel. */
struct directory {
	unsigned n, room;
	struct entry {
		struct addr addr;
		uint32_t id;
	} * v;
};

struct shard {
	struct tun tun;
	int netns;
	struct directory local, peer;
};

/* ---- directories -------------------------------------------------------------------------- */

/* Where addr is, or belongs. */
static unsigned place_of(const struct directory *d, const struct addr *addr)
{
	unsigned low = 0, high = d->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (addr_compare(&d->v[mid].addr, addr) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct entry *look_up(const struct directory *d, const struct addr *addr)
{
	unsigned i = place_of(d, addr);

	return i < d->n && addr_equal(&d->v[i].addr, addr) ? &d->v[i] : NULL;
}

static int make_room(struct directory *d)
{
	unsigned room = d->room ? 2 * d->room : 16;
	struct entry *v;

	if (d->n < d->room)
		return 0;
	v = reallocarray(d->v, room, sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->v = v;
	d->room = room;
	return 0;
}

static void insert(struct directory *d, const struct addr *addr, uint32_t id)
{
	unsigned i = place_of(d, addr);

	memmove(&d->v[i + 1], &d->v[i], (d->n - i) * sizeof(*d->v));
	d->v[i] = (struct entry){ *addr, id };
	d->n++;
}

static void take_out(struct directory *d, const struct addr *addr)
{
	unsigned i = place_of(d, addr);

	d->n--;
	memmove(&d->v[i], &d->v[i + 1], (d->n - i) * sizeof(*d->v));
}

/* ---- the namespace ------------------------------------------------------------------------ */

/* A new namespace starts with the host's settings for IPv4. Ours is no router, and believes nobody
 * who says where to send packets. Best effort: /proc/sys may be read-only. */
static void tame(void)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		{ "/proc/sys/net/ipv4/conf/all/forwarding", "0" },
		{ "/proc/sys/net/ipv4/conf/" SHARD_INTERFACE "/forwarding", "0" },
		{ "/proc/sys/net/ipv6/conf/all/forwarding", "0" },
		{ "/proc/sys/net/ipv4/conf/all/accept_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/" SHARD_INTERFACE "/accept_redirects", "0" },
		{ "/proc/sys/net/ipv6/conf/" SHARD_INTERFACE "/accept_redirects", "0" },
		{ "/proc/sys/net/ipv6/conf/" SHARD_INTERFACE "/accept_ra", "0" },
		{ "/proc/sys/net/ipv4/conf/all/accept_source_route", "0" },
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0" },
		{ "/proc/sys/net/ipv4/conf/" SHARD_INTERFACE "/rp_filter", "0" },
	};

	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd = open(settings[i].path, O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (write(fd, settings[i].value, strlen(settings[i].value)) < 0)
			errno = 0;
		close(fd);
	}
}

/* The calling thread goes there; step says what failed. */
static int go(struct shard *s, const char *netns, const char **step)
{
	*step = "network namespace";
	if (netns) {
		s->netns = open(netns, O_RDONLY | O_CLOEXEC);
		if (s->netns < 0 || setns(s->netns, CLONE_NEWNET) < 0)
			return -errno;
		return 0;
	}
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	s->netns = open(SELF_NETNS, O_RDONLY | O_CLOEXEC);
	return s->netns < 0 ? -errno : 0;
}

static int build(struct shard *s, const char *netns, uint16_t mtu, const char **step)
{
	int home = open(SELF_NETNS, O_RDONLY | O_CLOEXEC), rc;

	*step = SELF_NETNS;
	if (home < 0)
		return -errno;
	rc = go(s, netns, step);
	if (rc == 0) {
		*step = "TUN device";
		rc = tun_open(&s->tun, SHARD_INTERFACE, mtu);
	}
	if (rc == 0 && !netns)
		tame();
	if (setns(home, CLONE_NEWNET) < 0 && rc == 0) {
		*step = "return to the own network namespace";
		rc = -errno;
	}
	close(home);
	return rc;
}

int shard_open(struct shard **out, const char *netns, uint16_t mtu, char *error, size_t error_size)
{
	struct shard *s = calloc(1, sizeof(*s));
	const char *step = "memory";
	int rc = -ENOMEM;

	if (s) {
		s->netns = -1;
		s->tun = (struct tun){ .fd = -1, .netlink = -1 };
		rc = build(s, netns, mtu, &step);
	}
	if (rc < 0) {
		snprintf(error, error_size, "%s: %s", step, strerror(-rc));
		shard_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void shard_close(struct shard *s)
{
	if (!s)
		return;
	tun_close(&s->tun);
	if (s->netns >= 0)
		close(s->netns);
	free(s->local.v);
	free(s->peer.v);
	free(s);
}

int shard_netns(const struct shard *s)
{
	return s->netns;
}

int shard_fd(const struct shard *s)
{
	return s->tun.fd;
}

/* ---- pairs -------------------------------------------------------------------------------- */

int shard_pair_add(struct shard *s, const struct addr *local, const struct addr *peer, uint32_t id)
{
	struct entry *l = look_up(&s->local, local), *p = look_up(&s->peer, peer);
	int rc;

	if (l && p && l->id == p->id) {
		l->id = p->id = id;
		return 0;
	}
	if (l || p)
		return -EEXIST;
	if (make_room(&s->local) < 0 || make_room(&s->peer) < 0)
		return -ENOMEM;
	rc = tun_pair_add(&s->tun, local, peer);
	if (rc < 0)
		return rc;
	insert(&s->local, local, id);
	insert(&s->peer, peer, id);
	return 0;
}

int shard_pair_delete(struct shard *s, const struct addr *local, const struct addr *peer)
{
	const struct entry *l = look_up(&s->local, local), *p = look_up(&s->peer, peer);
	int rc;

	if (!l || !p || l->id != p->id)
		return -ENOENT;
	rc = tun_pair_delete(&s->tun, local, peer);
	take_out(&s->local, local);
	take_out(&s->peer, peer);
	return rc;
}

unsigned shard_pairs(const struct shard *s)
{
	return s->local.n;
}

static bool addresses_of(const uint8_t *packet, size_t len, struct addr *source,
			 struct addr *destination)
{
	unsigned version = len > 0 ? packet[0] >> 4 : 0;

	*source = *destination = (struct addr){ 0 };
	if (version == 4 && len >= 20) {
		source->family = destination->family = ADDR_IPV4;
		memcpy(source->b, packet + 12, 4);
		memcpy(destination->b, packet + 16, 4);
		return true;
	}
	if (version == 6 && len >= 40) {
		source->family = destination->family = ADDR_IPV6;
		memcpy(source->b, packet + 8, 16);
		memcpy(destination->b, packet + 24, 16);
		return true;
	}
	return false;
}

bool shard_find(const struct shard *s, const uint8_t *packet, size_t len, uint32_t *id)
{
	struct addr source, destination;
	const struct entry *e;

	if (!addresses_of(packet, len, &source, &destination))
		return false;
	e = look_up(&s->local, &source);
	if (!e)
		e = look_up(&s->peer, &destination);
	if (e)
		*id = e->id;
	return e != NULL;
}
