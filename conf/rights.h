/* What this process and its threads may do beyond an ordinary user: Linux capabilities, which each
 * thread has for itself (capabilities(7)).
 *
 * The process keeps those on the list, from before its first other thread on, whoever started it;
 * threads that need none give up theirs. */
#ifndef CONF_RIGHTS_H
#define CONF_RIGHTS_H

/* capability, what it is for */
#define RIGHTS(_)                                                                             \
	_(NET_ADMIN, "TUN devices, addresses and sysctls of BGP's namespaces, port settings") \
	_(NET_RAW, "packet sockets of ports that the kernel has, too; BIRD")                  \
	_(NET_BIND_SERVICE, "BIRD: port 179")                                                 \
	_(SYS_ADMIN, "network namespaces of BGP, and a private file system for BIRD's files") \
	_(SYS_NICE, "memory on the worker's own node")                                        \
	_(IPC_LOCK, "keys that never reach swap, huge pages")                                 \
	_(SETUID, "BIRD runs as another user")                                                \
	_(SETGID, "BIRD runs as another group")                                               \
	_(CHOWN, "BIRD's files belong to its user")                                           \
	_(FOWNER, "and change")                                                               \
	_(KILL, "BIRD is told to end")                                                        \
	_(DAC_OVERRIDE, "of root: files of other users. The package's unit does without it")  \
	_(SYS_RAWIO, "ports by UIO instead of VFIO. The package's unit does without it")

/* First of all: keeps those of the list that are there. 0 or -errno. */
int rights_limit(void);
/* This thread keeps none. 0 or -errno. */
int rights_none(void);

#endif
