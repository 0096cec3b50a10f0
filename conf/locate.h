/* In which object a line of a configuration lies, also of one that libconfig cannot read.
 *
 * Main thread. Private to this room. */
#ifndef CONF_LOCATE_H
#define CONF_LOCATE_H

#include "conf/label.h"

struct location {
	char field[64];	     /* the last field at or before the line; "": none */
	struct label object; /* that it is in; "": none */
};

/* text: as source_prepare() made it. */
struct location conf_locate(const char *text, unsigned line);

#endif
