/* Tells systemd how the gateway is: started, stopping, alive (sd_notify(3), WatchdogSec=). Without
 * NOTIFY_SOCKET nothing happens. Main thread. */
#ifndef GATEWAY_NOTIFY_H
#define GATEWAY_NOTIFY_H

struct event_base;
struct notify;

/* Says READY=1, and from now on WATCHDOG=1 as often as the unit wants it, while base's loop turns.
 * 0 or -errno; *out NULL: nobody wants to know. */
int notify_ready(struct notify **out, struct event_base *base);
/* Says STOPPING=1. NULL is fine. */
void notify_stopping(struct notify *n);
void notify_free(struct notify *n); /* NULL is fine */

#endif
