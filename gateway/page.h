/* One answer to an operator: composed once, printed either for a person or as JSON.
 *
 * A page is an object of fields, which may hold further objects, lists of objects and tables
 * (lists whose items become the rows of one aligned table). For a person a field is a line
 * "title  value" or a cell; as JSON it is key and value. A field without a title is for JSON
 * only, one without a key for people only. Every row of a table has the same titles in the same
 * order. Main thread. Running out of memory is remembered and told by page_finish(). */
#ifndef GATEWAY_PAGE_H
#define GATEWAY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page;

struct page *page_new(bool json); /* opens the outermost object; NULL: no memory */
void page_free(struct page *p);
void page_colour(struct page *p, bool colour); /* for people at a terminal that can */
bool page_is_json(const struct page *p);
/* Closes what is open. The text belongs to the page; NULL: it could not be kept. */
const char *page_finish(struct page *p, size_t *len);

void page_object(struct page *p, const char *key, const char *heading);
void page_list(struct page *p, const char *key);
/* empty: what a person reads when there are no rows. */
void page_table(struct page *p, const char *key, const char *heading, const char *empty);
void page_end(struct page *p);

/* A line for a person, unknown to JSON. */
void page_line(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void page_text(struct page *p, const char *key, const char *title, const char *value);
/* A text that is good news, or bad: green, or red, where there are colours. */
enum page_tone { PAGE_PLAIN, PAGE_GOOD, PAGE_BAD };
void page_state(struct page *p, const char *key, const char *title, const char *value,
		enum page_tone tone);
void page_textf(struct page *p, const char *key, const char *title, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void page_count(struct page *p, const char *key, const char *title, uint64_t value); /* 1,234,567 */
void page_number(struct page *p, const char *key, const char *title, uint64_t value); /* 1500 */
void page_bytes(struct page *p, const char *key, const char *title, uint64_t value);  /* 1.2 MiB */
void page_age(struct page *p, const char *key, const char *title,
	      uint64_t us); /* 3m12s; JSON: seconds */
void page_real(struct page *p, const char *key, const char *title, double value,
	       const char *unit); /* 12.3 and the unit */
void page_flag(struct page *p, const char *key, const char *title, bool value);	 /* yes, no */
void page_spi(struct page *p, const char *key, const char *title, uint32_t spi); /* 0x0123abcd */
void page_none(struct page *p, const char *key, const char *title);		 /* -, null */

#endif
