/* Each minute, on the minute: a row of samples of all tunnels (gateway/samples.h), and a look at
 * what has no event of its own: bandwidths that were exceeded, links of ports.
 *
 * A round is cut into slices of some 1 ms of main's time. Main thread. */
#ifndef GATEWAY_SAMPLER_H
#define GATEWAY_SAMPLER_H

#include <stddef.h>

struct gateway;
struct sampler;

/* folder: for the samples; "": none are kept. 0 or -errno, error says what is wrong. */
int sampler_new(struct sampler **out, struct gateway *g, const char *folder, char *error,
		size_t error_size);
void sampler_free(struct sampler *s);		     /* NULL is fine */
const char *sampler_folder(const struct sampler *s); /* "": none. s NULL: "" */
void sampler_round(struct sampler *s);		     /* now, as if it were time: tests */

#endif
