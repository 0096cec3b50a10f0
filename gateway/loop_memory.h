/* The memory of the event loop's buffers: what operators send and are told passes through it, keys
 * included, so it is wiped when it is given back. */
#ifndef GATEWAY_LOOP_MEMORY_H
#define GATEWAY_LOOP_MEMORY_H

/* Before anything else of libevent; for the whole process. */
void loop_memory_start(void);

#endif
