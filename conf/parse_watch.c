/* What is watched and told: the log and the metrics' door. */
#include "conf/parse.h"
#include "conf/writer.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

static const struct field_choice formats[] = { { "text", CONF_LOG_TEXT },
					       { "json", CONF_LOG_JSON },
					       { NULL, 0 } };
static const struct field_choice targets[] = { { "stderr", CONF_LOG_STDERR },
					       { "syslog", CONF_LOG_SYSLOG },
					       { "journald", CONF_LOG_JOURNALD },
					       { NULL, 0 } };
static const struct field_choice levels[] = { { "error", CONF_LOG_ERROR },
					      { "warning", CONF_LOG_WARNING },
					      { "info", CONF_LOG_INFO },
					      { "debug", CONF_LOG_DEBUG },
					      { NULL, 0 } };

static const struct field log_fields[] = {
	{ "format", &field_choice, FIELD_AT(struct conf_log, format), .arg = formats,
	  .means = "of each line" },
	{ "target", &field_choice, FIELD_AT(struct conf_log, target), .arg = targets,
	  .means = "where lines go" },
	{ "level", &field_choice, FIELD_AT(struct conf_log, level), .arg = levels,
	  .means = "the least that is told" },
};

static void log_begin(void *object, const void *first)
{
	struct conf_log *l = object;

	l->level = CONF_LOG_INFO;
}

const struct field_object parse_log = {
	.fields = log_fields,
	.n_fields = sizeof(log_fields) / sizeof(log_fields[0]),
	.size = sizeof(struct conf_log),
	.begin = log_begin,
};

/* "127.0.0.1:9100" or "[::1]:9100" */
static bool read_listen(struct reader *r, const config_setting_t *s, const struct field *f,
			void *object)
{
	struct endpoint *e = (struct endpoint *)((char *)object + f->offset);
	char address[ADDR_STR_MAX];
	const char *text, *colon;
	unsigned long port;
	char *end;
	size_t n;

	if (!field_string(r, s, f, &text))
		return false;
	colon = strrchr(text, ':');
	n = colon ? (size_t)(colon - text) : 0;
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		n = 0; /* IPv6 without brackets: which colon is the port's? */
	}
	if (n == 0 || n >= sizeof(address))
		goto bad;
	memcpy(address, text, n);
	address[n] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (!addr_parse(&e->addr, address) || end == colon + 1 || *end || port == 0 || port > 65535)
		goto bad;
	e->port = (uint16_t)port;
	return true;
bad:
	return field_wrong(r, s, f, "an address of this box and a port, like \"127.0.0.1:9100\"");
}

static bool same_listen(const struct field *f, const void *va, const void *vb)
{
	const struct endpoint *a = field_value(f, va), *b = field_value(f, vb);

	return addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

static void write_listen(struct writer *w, const struct field *f, const void *object)
{
	char text[ENDPOINT_STR_MAX];

	writer_string(w, endpoint_format(field_value(f, object), text));
}

static const struct field_kind kind_listen = { .read = read_listen,
					       .same = same_listen,
					       .write = write_listen };

static const struct field metrics_fields[] = {
	{ "listen", &kind_listen, .required = true, FIELD_AT(struct conf_metrics, listen),
	  .means = "where Prometheus asks, like \"127.0.0.1:9100\"" },
};

static void metrics_end(struct reader *r, const config_setting_t *s, void *object, uint64_t given)
{
	struct conf_metrics *m = object;

	m->where = field_where(r, s);
}

const struct field_object parse_metrics = {
	.fields = metrics_fields,
	.n_fields = sizeof(metrics_fields) / sizeof(metrics_fields[0]),
	.size = sizeof(struct conf_metrics),
	.end = metrics_end,
};
