#include "routing/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAST_METRIC UINT32_MAX /* an operator's own default route comes first */

/* ---- rtnetlink (RFC 3549) ----------------------------------------------------------------- */

struct request {
	struct nlmsghdr head;
	uint8_t body[256];
};

static void *begin(struct request *r, uint16_t type, uint16_t flags, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	return r->body;
}

/* Every request's attributes fit. Returns where the data is. */
static struct rtattr *put(struct request *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
	return a;
}

static void end_nest(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((char *)r + r->head.nlmsg_len - (char *)nest);
}

static int transact(struct tun *t, struct request *r)
{
	union {
		struct nlmsghdr head;
		char bytes[4096];
	} answer;
	const struct nlmsgerr *error = NLMSG_DATA(&answer.head);

	r->head.nlmsg_seq = ++t->sequence;
	if (send(t->netlink, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(t->netlink, &answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n < (ssize_t)NLMSG_LENGTH(sizeof(*error)) ||
		    answer.head.nlmsg_type != NLMSG_ERROR)
			return -EPROTO;
		if (answer.head.nlmsg_seq == t->sequence)
			return error->error;
	}
}

/* ---- links, addresses, routes ------------------------------------------------------------- */

/* No IPv6 address that we did not give: before the device is up, for it would get one then. */
static int no_own_addresses(struct tun *t)
{
	uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *families, *inet6;
	struct request r;
	struct ifinfomsg *link = begin(&r, RTM_NEWLINK, 0, sizeof(*link));
	int rc;

	link->ifi_index = (int)t->index;
	families = put(&r, IFLA_AF_SPEC, NULL, 0);
	inet6 = put(&r, AF_INET6, NULL, 0);
	put(&r, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	end_nest(&r, inet6);
	end_nest(&r, families);
	rc = transact(t, &r);
	return rc == -EAFNOSUPPORT ? 0 : rc; /* a kernel without IPv6 */
}

static int set_up(struct tun *t, unsigned index, uint32_t mtu)
{
	struct request r;
	struct ifinfomsg *link = begin(&r, RTM_NEWLINK, 0, sizeof(*link));

	link->ifi_index = (int)index;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
	if (mtu > 0)
		put(&r, IFLA_MTU, &mtu, sizeof(mtu));
	return transact(t, &r);
}

static int change_pair(struct tun *t, bool add, const struct addr *local, const struct addr *peer)
{
	bool ipv6 = local->family == ADDR_IPV6;
	struct request r;
	struct ifaddrmsg *a = begin(&r, add ? RTM_NEWADDR : RTM_DELADDR,
				    add ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*a));

	if (addr_bytes(local) == 0 || local->family != peer->family)
		return -EINVAL;
	a->ifa_family = ipv6 ? AF_INET6 : AF_INET;
	a->ifa_prefixlen = (uint8_t)addr_bits(local);
	a->ifa_index = t->index;
	a->ifa_flags = IFA_F_NODAD;
	put(&r, IFA_LOCAL, local->b, addr_bytes(local));
	put(&r, IFA_ADDRESS, peer->b, addr_bytes(peer));
	return transact(t, &r);
}

static int route_everything(struct tun *t, uint8_t family)
{
	uint32_t index = t->index, metric = LAST_METRIC;
	struct request r;
	struct rtmsg *route = begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*route));

	route->rtm_family = family;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	put(&r, RTA_OIF, &index, sizeof(index));
	put(&r, RTA_PRIORITY, &metric, sizeof(metric));
	return transact(t, &r);
}

/* ---- face --------------------------------------------------------------------------------- */

static int open_device(struct tun *t, const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	if (strlen(name) >= sizeof(ifr.ifr_name))
		return -ENAMETOOLONG;
	strcpy(ifr.ifr_name, name);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0 || ioctl(t->fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	t->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (t->netlink < 0 || bind(t->netlink, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	t->index = if_nametoindex(name);
	return t->index ? 0 : -errno;
}

int tun_open(struct tun *t, const char *name, uint16_t mtu)
{
	int rc;

	*t = (struct tun){ .fd = -1, .netlink = -1 };
	rc = open_device(t, name);
	if (rc == 0)
		rc = no_own_addresses(t);
	if (rc == 0)
		rc = set_up(t, if_nametoindex("lo"), 0);
	if (rc == 0)
		rc = set_up(t, t->index, mtu);
	if (rc < 0)
		tun_close(t);
	return rc;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->netlink >= 0)
		close(t->netlink);
	t->fd = t->netlink = -1;
}

int tun_pair_add(struct tun *t, const struct addr *local, const struct addr *peer)
{
	int rc = change_pair(t, true, local, peer);

	if (rc < 0)
		return rc;
	/* The kernel forgets a family's routes with the last of its addresses. */
	rc = route_everything(t, local->family == ADDR_IPV6 ? AF_INET6 : AF_INET);
	if (rc < 0)
		change_pair(t, false, local, peer); /* or it could never be added again */
	return rc;
}

int tun_pair_delete(struct tun *t, const struct addr *local, const struct addr *peer)
{
	return change_pair(t, false, local, peer);
}
