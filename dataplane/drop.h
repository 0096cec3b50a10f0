/* Why a packet was dropped: declared once, counted per worker, shown by name. */
#ifndef DATAPLANE_DROP_H
#define DATAPLANE_DROP_H

/* _(NAME, "name in the shell", "what it means, for an operator") */
#define DROP_REASONS(_)                                                                       \
	_(MALFORMED, "malformed", "headers or lengths that no protocol here allows")          \
	_(NOT_FOR_US, "not-for-us", "destination is none of our addresses")                   \
	_(NO_PROTOCOL, "no-protocol", "nothing here speaks this protocol or port")            \
	_(NO_VNI, "no-vni", "VXLAN network or VLAN belongs to no attachment")                 \
	_(WRONG_PORT, "wrong-port", "VXLAN from a port that its sender is not reached by")    \
	_(QINQ, "qinq", "frame with two VLAN tags, which no attachment has")                  \
	_(FRAGMENT_TIME, "fragment-time", "outer fragment, the others did not come in time")  \
	_(FRAGMENT, "fragment", "outer fragment that fits nothing, or too many of them")      \
	_(FRAGMENT_LARGE, "fragment-large", "outer fragments of over 16,000 bytes in all")    \
	_(NO_SA, "no-sa", "SPI names no SA here")                                             \
	_(WRONG_PEER, "wrong-peer", "SA's encapsulation or addresses do not match")           \
	_(BAD_ICV, "bad-icv", "integrity check failed")                                       \
	_(REPLAYED, "replayed", "sequence number seen before")                                \
	_(TOO_OLD, "too-old", "left of the replay window")                                    \
	_(BAD_PADDING, "bad-padding", "ESP trailer is not what RFC 4303 allows")              \
	_(BAD_NEXT_HEADER, "bad-next-header", "decrypted payload is not an IP packet")        \
	_(SELECTOR, "selector", "inner addresses are outside the SA's traffic selectors")     \
	_(FRAGMENT_PORTS, "fragment-ports", "later inner fragment, and selectors name ports") \
	_(DUMMY, "dummy", "traffic-flow-confidentiality dummy packet")                        \
	_(ECN, "ecn", "congestion mark on a packet that cannot carry it (RFC 6040)")          \
	_(MARTIAN, "martian", "source or destination that no router passes on")               \
	_(NO_ROUTE, "no-route", "no route to the destination")                                \
	_(DISCARD_ROUTE, "discard-route", "route says discard")                               \
	_(TABLE_LOOP, "table-loop", "too many tables in a row")                               \
	_(TTL_EXPIRED, "ttl-expired", "TTL or hop limit ran out")                             \
	_(NO_TUNNEL_UP, "no-tunnel-up", "connection has no tunnel UP")                        \
	_(NO_TRANSIT, "no-transit", "from a tunnel into a tunnel, and transit is off")        \
	_(SPOOFED, "spoofed", "source address of ours, or of another tunnel's peer")          \
	_(BANDWIDTH, "bandwidth", "more than the tunnel's bandwidth")                         \
	_(SA_LIMIT, "sa-limit", "SA's packets, bytes or sequence numbers are used up")        \
	_(TOO_BIG, "too-big", "does not fit the next link's MTU")                             \
	_(UNRESOLVED, "unresolved", "next hop's link address is not known yet")               \
	_(HANDOVER_FULL, "handover-full", "ring to the owner worker is full")                 \
	_(PUNT_FULL, "punt-full", "ring to the control threads is full")                      \
	_(PUNT_BUDGET, "punt-budget", "punt class spent its budget")                          \
	_(TX_FULL, "tx-full", "port did not take the packet")                                 \
	_(NO_BUFFER, "no-buffer", "no packet buffer left")

enum drop_reason {
#define DROP_REASON_ENUM(name, key, text) DROP_##name,
	DROP_REASONS(DROP_REASON_ENUM)
#undef DROP_REASON_ENUM
		DROP_REASON_COUNT
};

const char *drop_reason_name(enum drop_reason r);
const char *drop_reason_text(enum drop_reason r);

#endif
