#include "conf/field.h"
#include "conf/name.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_where field_where(const struct reader *r, const config_setting_t *s)
{
	unsigned line = config_setting_source_line(s);

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

bool field_bool(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return field_wrong(r, s, f, "true or false");
	if (f->size > 0)
		*(bool *)field_destination(f, object) = config_setting_get_bool(s) != 0;
	return true;
}

bool field_uint(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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

bool field_string(struct reader *r, const config_setting_t *s, const struct field *f,
		  const char **out)
{
	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return field_wrong(r, s, f, "a text in double quotes");
	*out = config_setting_get_string(s);
	return true;
}

bool field_name(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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

bool field_text(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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
	strcpy(field_destination(f, object), text);
	return true;
}

bool field_addr(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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

bool field_prefix(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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

bool field_network(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
{
	char net_text[PREFIX_STR_MAX];
	struct prefix p, net;

	if (!field_prefix(r, s, f, object))
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

bool field_choice(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
{
	int value;

	if (!field_choose(r, s, f, &value))
		return false;
	if (f->size > 0)
		*(int *)field_destination(f, object) = value;
	return true;
}
