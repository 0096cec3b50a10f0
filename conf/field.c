#include "conf/field.h"
#include "conf/name.h"
#include "conf/writer.h"

#include <libconfig.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_where field_where(const struct reader *r, const config_setting_t *s)
{
	unsigned line = config_setting_source_line(s);

	if (r->file == NULL) /* an operator's change: lines are those of no file */
		return (struct conf_where){ 0 };
	return (struct conf_where){ .file = r->file,
				    .line = line > 0 ? line : 1 }; /* 0: the root */
}

static bool is_integer(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT ||
	       config_setting_type(s) == CONFIG_TYPE_INT64;
}

static long long number_of(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT ? config_setting_get_int(s)
							 : config_setting_get_int64(s);
}

static const char *value_format(const config_setting_t *s, char *buf, size_t size)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(buf, size, "%lld", number_of(s));
		return buf;
	case CONFIG_TYPE_FLOAT:
		snprintf(buf, size, "%g", config_setting_get_float(s));
		return buf;
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(s) ? "true" : "false";
	case CONFIG_TYPE_STRING:
		return label_quote(config_setting_get_string(s), buf, size);
	case CONFIG_TYPE_GROUP:
		return "{ a group }";
	default:
		return config_setting_is_array(s) ? "[ an array ]" : "( a list )";
	}
}

void field_problem(struct reader *r, enum problem_level level, const config_setting_t *s,
		   const struct field *f, const char *fmt, ...)
{
	const config_setting_t *named =
		config_setting_name(s) != NULL ? s : config_setting_parent(s);
	char value[160], index[24] = "", *text = NULL;
	va_list args;

	if (named != s)
		snprintf(index, sizeof(index), "[%d]", config_setting_index(s) + 1);
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	problem_add(r->problems, level, field_where(r, s), r->label.text, "%s%s%s%s: %s",
		    config_setting_name(named) != NULL ? config_setting_name(named) : f->name,
		    index, f->secret ? "" : " = ",
		    f->secret ? "" : value_format(s, value, sizeof(value)),
		    text != NULL ? text : "wrong");
	free(text);
}

bool field_wrong(struct reader *r, const config_setting_t *s, const struct field *f,
		 const char *wanted)
{
	field_problem(r, PROBLEM_ERROR, s, f, "must be %s", wanted);
	return false;
}

void *field_destination(const struct field *f, void *object)
{
	return (char *)object + f->offset;
}

const void *field_value(const struct field *f, const void *object)
{
	return (const char *)object + f->offset;
}

bool field_same(const struct field *f, const void *a, const void *b)
{
	if (f->kind->same != NULL)
		return f->kind->same(f, a, b);
	return memcmp(field_value(f, a), field_value(f, b), f->size) == 0;
}

static bool read_bool(struct reader *r, const config_setting_t *s, const struct field *f,
		      void *object)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return field_wrong(r, s, f, "true or false");
	if (f->size > 0)
		*(bool *)field_destination(f, object) = config_setting_get_bool(s) != 0;
	return true;
}

static void write_bool(struct writer *w, const struct field *f, const void *object)
{
	fputs(*(const bool *)field_value(f, object) ? "true" : "false", w->out);
}

static const char *bool_choice(const struct field *f, unsigned i)
{
	return i == 0 ? "true" : i == 1 ? "false" : NULL;
}

const struct field_kind field_bool = {
	.read = read_bool, .write = write_bool, .choice = bool_choice, .plain = true
};

bool field_read_uint(struct reader *r, const config_setting_t *s, const struct field *f,
		     void *object)
{
	const char *space = f->unit != NULL ? " " : "", *unit = f->unit != NULL ? f->unit : "";
	bool is_int = is_integer(s);

	if (!is_int ||
	    ((number_of(s) < f->min || number_of(s) > f->max) && !(f->zero && number_of(s) == 0))) {
		field_problem(r, PROBLEM_ERROR, s, f, "must be %s from %lld to %lld%s%s%s",
			      is_int ? "a number" : "a whole number", (long long)f->min,
			      (long long)f->max, space, unit, f->zero ? ", or 0" : "");
		return false;
	}
	if (f->size == sizeof(uint16_t))
		*(uint16_t *)field_destination(f, object) = (uint16_t)number_of(s);
	else if (f->size == sizeof(uint32_t))
		*(uint32_t *)field_destination(f, object) = (uint32_t)number_of(s);
	else
		*(uint64_t *)field_destination(f, object) = (uint64_t)number_of(s);
	return true;
}

static uint64_t uint_of(const struct field *f, const void *object)
{
	const void *at = field_value(f, object);

	return f->size == sizeof(uint16_t)   ? *(const uint16_t *)at
	       : f->size == sizeof(uint32_t) ? *(const uint32_t *)at
					     : *(const uint64_t *)at;
}

bool field_same_uint(const struct field *f, const void *a, const void *b)
{
	return uint_of(f, a) == uint_of(f, b);
}

void field_write_uint(struct writer *w, const struct field *f, const void *object)
{
	writer_number(w, uint_of(f, object));
}

const struct field_kind field_uint = {
	.read = field_read_uint, .same = field_same_uint, .write = field_write_uint, .plain = true
};

bool field_string(struct reader *r, const config_setting_t *s, const struct field *f,
		  const char **out)
{
	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return field_wrong(r, s, f, "a text in double quotes");
	*out = config_setting_get_string(s);
	return true;
}

static bool read_name(struct reader *r, const config_setting_t *s, const struct field *f,
		      void *object)
{
	const char *text, *fault;

	if (!field_string(r, s, f, &text))
		return false;
	fault = name_fault(text);
	if (fault != NULL) {
		field_problem(r, PROBLEM_ERROR, s, f,
			      "the name %s; a name has 1 to 32 letters, digits, '_' or '-'", fault);
		return false;
	}
	snprintf(field_destination(f, object), f->size, "%s", text);
	return true;
}

bool field_same_text(const struct field *f, const void *a, const void *b)
{
	return strcmp(field_value(f, a), field_value(f, b)) == 0;
}

void field_write_text(struct writer *w, const struct field *f, const void *object)
{
	writer_string(w, field_value(f, object));
}

const struct field_kind field_name = { .read = read_name,
				       .same = field_same_text,
				       .write = field_write_text };

/* C0, DEL and C1: what moves a terminal's cursor, or ends a line of another file. */
static bool has_control(const char *text)
{
	for (const uint8_t *p = (const uint8_t *)text; *p != 0; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return true;
	return false;
}

static bool read_text(struct reader *r, const config_setting_t *s, const struct field *f,
		      void *object)
{
	const char *text;
	long n;

	if (!field_string(r, s, f, &text))
		return false;
	n = name_chars(text);
	if (n < f->min || n > f->max || strlen(text) >= f->size) {
		field_problem(r, PROBLEM_ERROR, s, f, "must be a text of %lld to %lld characters",
			      (long long)f->min, (long long)f->max);
		return false;
	}
	if (has_control(text)) {
		field_problem(r, PROBLEM_ERROR, s, f, "must have no control characters");
		return false;
	}
	strcpy(field_destination(f, object), text);
	return true;
}

const struct field_kind field_text = { .read = read_text,
				       .same = field_same_text,
				       .write = field_write_text };

static bool read_addr(struct reader *r, const config_setting_t *s, const struct field *f,
		      void *object)
{
	const char *what = f->min == ADDR_IPV4	 ? "an IPv4 address"
			   : f->min == ADDR_IPV6 ? "an IPv6 address"
						 : "an IPv4 or IPv6 address";
	const char *text;
	struct addr a;

	if (!field_string(r, s, f, &text))
		return false;
	if (!addr_parse(&a, text) || (f->min != 0 && a.family != f->min))
		return field_wrong(r, s, f, what);
	if (addr_is_unspecified(&a) || addr_is_multicast(&a))
		return field_wrong(r, s, f, "the address of one host");
	*(struct addr *)field_destination(f, object) = a;
	return true;
}

static void write_addr(struct writer *w, const struct field *f, const void *object)
{
	char text[ADDR_STR_MAX];

	writer_string(w, addr_format(field_value(f, object), text));
}

const struct field_kind field_addr = { .read = read_addr, .write = write_addr };

static bool read_prefix(struct reader *r, const config_setting_t *s, const struct field *f,
			void *object)
{
	const char *text;
	struct prefix p;

	if (!field_string(r, s, f, &text))
		return false;
	if (!prefix_parse(&p, text) || strchr(text, '/') == NULL)
		return field_wrong(r, s, f, "an address and a length, like \"10.0.0.1/16\"");
	*(struct prefix *)field_destination(f, object) = p;
	return true;
}

static void write_prefix(struct writer *w, const struct field *f, const void *object)
{
	char text[PREFIX_STR_MAX];

	writer_string(w, prefix_format(field_value(f, object), text));
}

const struct field_kind field_prefix = { .read = read_prefix, .write = write_prefix };

static bool read_network(struct reader *r, const config_setting_t *s, const struct field *f,
			 void *object)
{
	char net_text[PREFIX_STR_MAX];
	struct prefix p, net;

	if (!read_prefix(r, s, f, object))
		return false;
	p = *(struct prefix *)field_destination(f, object);
	if (prefix_is_network(&p))
		return true;
	net = prefix_network(&p);
	*(struct prefix *)field_destination(f, object) = (struct prefix){ 0 };
	field_problem(r, PROBLEM_ERROR, s, f, "has host bits set; the network is %s",
		      prefix_format(&net, net_text));
	return false;
}

const struct field_kind field_network = { .read = read_network, .write = write_prefix };

bool field_choose(struct reader *r, const config_setting_t *s, const struct field *f, int *value)
{
	const struct field_choice *choices = f->arg;
	char allowed[400] = "";
	const char *text;

	if (!field_string(r, s, f, &text))
		return false;
	for (const struct field_choice *c = choices; c->name != NULL; c++)
		snprintf(allowed + strlen(allowed), sizeof(allowed) - strlen(allowed), "%s%s",
			 allowed[0] != '\0' ? ", " : "", c->name);
	for (const struct field_choice *c = choices; c->name != NULL; c++) {
		if (strcmp(c->name, text) != 0)
			continue;
		*value = c->value;
		return true;
	}
	field_problem(r, PROBLEM_ERROR, s, f, "unknown; allowed: %s", allowed);
	return false;
}

static bool read_choice(struct reader *r, const config_setting_t *s, const struct field *f,
			void *object)
{
	int value;

	if (!field_choose(r, s, f, &value))
		return false;
	if (f->size > 0)
		*(int *)field_destination(f, object) = value;
	return true;
}

static void write_choice(struct writer *w, const struct field *f, const void *object)
{
	const struct field_choice *c = f->arg;

	while (c->name != NULL && c->value != *(const int *)field_value(f, object))
		c++;
	writer_string(w, c->name != NULL ? c->name : "");
}

static const char *choice_at(const struct field *f, unsigned i)
{
	return ((const struct field_choice *)f->arg)[i].name;
}

const struct field_kind field_choice = { .read = read_choice,
					 .write = write_choice,
					 .choice = choice_at };

/* ---- secrets ----------------------------------------------------------------------------- */

static const struct secret *secret_of(const struct field *f, const void *object)
{
	return *(struct secret *const *)field_value(f, object);
}

bool field_same_secret(const struct field *f, const void *va, const void *vb)
{
	const struct secret *a = secret_of(f, va), *b = secret_of(f, vb);

	if (a == NULL || b == NULL || a->len != b->len)
		return a == b;
	return sodium_memcmp(a->data, b->data, a->len) == 0;
}

void field_write_secret(struct writer *w, const struct field *f, const void *object)
{
	writer_secret(w, secret_copy(secret_of(f, object)));
}
