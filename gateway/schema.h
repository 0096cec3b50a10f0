/* The JSON form of every `show`, as data: what programs may rely on. `show schema` prints it, a
 * test compares it with what the commands print. Fields are added, never renamed or removed. */
#ifndef GATEWAY_SCHEMA_H
#define GATEWAY_SCHEMA_H

/* Fields separated by blanks, in braces those of an object. After a name:
 *
 *   (nothing)  text       #  whole number      ~  number      !  true or false
 *   ?          may be null       ^  may be missing
 *   []         a list of these   {...}  an object with these fields   *  any name
 *
 * Times are seconds ("..._seconds"), SPIs are texts "0x0123abcd", counters are numbers since the
 * start or since they were cleared. */
struct schema {
	const char *command; /* pattern of the command table */
	const char *fields;
};

extern const struct schema schemas[];
extern const unsigned schemas_n;

#endif
