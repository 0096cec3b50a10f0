/* What the kernel says of this process. Any thread. */
#ifndef GATEWAY_PROCESS_H
#define GATEWAY_PROCESS_H

#include <stdint.h>

struct process_stats {
	double cpu_seconds; /* of all threads */
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
};

void process_look(struct process_stats *out); /* what cannot be read is 0 */

#endif
