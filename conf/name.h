/* Names of objects: 1 to 32 characters, letters of any script, digits, '_' and '-'. Any thread. */
#ifndef CONF_NAME_H
#define CONF_NAME_H

#define NAME_CHARS_MAX 32

/* What is wrong with it, or NULL. Valid UTF-8 only. */
const char *name_fault(const char *name);
/* How many characters of UTF-8; -1: it is not UTF-8. */
long name_chars(const char *text);
/* Of n names, the one that was probably meant; -1: none is near. */
int name_nearest(const char *typed, const char *const *names, unsigned n);

#endif
