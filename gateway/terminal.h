/* The shell of a gateway that was started at a terminal: a child process, made before anything
 * secret is read, that talks to us as every operator does and shows our log above its prompt.
 * Ctrl-C is the shell's; when the operator leaves it, the gateway goes on. */
#ifndef GATEWAY_TERMINAL_H
#define GATEWAY_TERMINAL_H

/* Before other threads and before the log is opened; standard error leads to the shell from here
 * on. The socket on which it asks, for control_attach(); -1: there is no shell. */
int terminal_start(void);
/* Waits a moment for the shell to end, after the socket was closed. */
void terminal_end(void);

#endif
