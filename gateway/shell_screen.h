/* Where the shell's answers go: a terminal with pages and colours, or a file or pipe. */
#ifndef GATEWAY_SHELL_SCREEN_H
#define GATEWAY_SHELL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Is standard output a terminal that may be coloured? (NO_COLOR and TERM=dumb say no.) */
bool screen_colours(void);
unsigned screen_rows(void);    /* of standard output; 0: no terminal */
unsigned screen_columns(void); /* 80 if it is not known */
/* Writes the text to standard output; through $PAGER, or less, if it is longer than the terminal.
 * The terminal must be in its usual mode. */
void screen_page(const char *text, size_t len);
void screen_write(const char *text, size_t len);
/* Begins a page that takes the place of the one before (of `watch`). */
void screen_clear(void);

#endif
