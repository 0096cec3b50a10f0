/* Templates of configurations for other makers' devices, and the facts that fill them.
 *
 * A template is the text that shall come out, with facts as {name} and, on lines of their own:
 *
 *   @if FACT, @if !FACT, @if FACT=PATTERN   only if all of these hold; @else, @end
 *   @each LIST ... @end                     once for each item of the list, with the item's facts
 *                                           and {comma}, which the last one has not
 *   @words FACT ours=theirs ...             FACT holds names of ours in the order of preference; it
 *                                           becomes the first one's word of theirs, FACT_ours our
 *                                           name. A device that has none of them cannot do it
 *   @set FACT TEXT                          another fact, until the list's item ends
 *   @cannot TEXT                            the device cannot do it
 *   @# ...                                  for the reader of the template
 *
 * A fact that is empty or unknown does not hold; a {name} that nobody set is an error. Braces
 * around anything but a name are text. Main thread; the facts own copies of all text, and wipe
 * them. */
#ifndef GATEWAY_CLIENT_TEXT_H
#define GATEWAY_CLIENT_TEXT_H

#include <stddef.h>
#include <stdio.h>

struct facts;

/* Facts inside others, which are found through it; NULL: the outermost. NULL: no memory. */
struct facts *facts_new(struct facts *outer);
void facts_free(struct facts *f); /* with all items of its lists; NULL is fine */
/* Out of memory is remembered, and told by client_text(). */
void facts_set(struct facts *f, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct facts *facts_item(struct facts *f, const char *list);	/* one more; owned by f */
const char *facts_get(const struct facts *f, const char *name); /* NULL: nobody set it */

/* 0; -ENOTSUP: the device cannot do what the facts ask for, -EINVAL: the template is wrong,
 * -ENOMEM; error says what. */
int client_text(const char *text, struct facts *f, FILE *out, char *error, size_t error_size);

#endif
