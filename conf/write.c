#include "conf/write.h"

#include "conf/kind.h"
#include "conf/parse.h"
#include "conf/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From what the box is to what its customers have, each before what refers to it. */
static const struct {
	const char *name, *comment;
} sections[] = {
	{ "control_socket", "Where operators' commands arrive." },
	{ "state_directory", "Where what runs is kept over restarts." },
	{ "key_export", "For debugging: the folder for the keys of all tunnels." },
	{ "log", "What is told, how and where." },
	{ "metrics", "Where Prometheus asks." },
	{ "workers", "The threads that move packets." },
	{ "bird", "The program that speaks BGP." },
	{ "ports", "Network ports." },
	{ "underlay_routes", "How outer packets come to networks that are no port's own." },
	{ "cloud_addresses", "The public addresses at which tunnels end." },
	{ "border_gateways", "Tenants: each has its own routes, VPCs and connections." },
	{ "vpcs", "Networks in the cloud." },
	{ "vpc_attachments", "Which VPC meets which border gateway, and how it is reached." },
	{ "customer_gateways", "The customers' ends of the tunnels." },
	{ "vpn_connections", "Connections and their tunnels." },
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

bool conf_writes(const char *section)
{
	for (unsigned i = 0; i < SECTIONS; i++)
		if (strcmp(sections[i].name, section) == 0)
			return true;
	return false;
}

static void write_section(struct writer *w, const char *comment, const struct field *f,
			  const struct conf *c)
{
	fprintf(w->out, "%s# %s\n%s = ", ftell(w->out) > 0 ? "\n" : "", comment, f->name);
	f->kind->write(w, f, c);
	fputs(";\n", w->out);
}

static void write_all(struct writer *w, const struct conf *c)
{
	struct conf *base = calloc(1, sizeof(*base));

	if (base == NULL) {
		w->error = -ENOMEM;
		return;
	}
	parse_top.begin(base, NULL);
	for (unsigned i = 0; i < SECTIONS; i++) {
		const struct field *f = &parse_top.fields[field_row(&parse_top, sections[i].name)];

		if (f->required || !field_same(f, c, base))
			write_section(w, sections[i].comment, f, c);
	}
	free(base);
}

int conf_write(const struct conf *c, const struct conf_write *how, struct conf_source *out)
{
	static const struct conf_write plain;
	struct writer w = { .source = out };
	size_t len;

	how = how != NULL ? how : &plain;
	w.without = how->without;
	w.pinned_kind = how->pinned_kind;
	w.pinned = how->pinned;
	w.n_pinned = how->n_pinned;
	*out = (struct conf_source){ 0 };
	w.out = open_memstream(&out->text, &len);
	if (w.out == NULL)
		return -ENOMEM;
	write_all(&w, c);
	if (ferror(w.out) != 0)
		w.error = -ENOMEM;
	if (fclose(w.out) != 0)
		w.error = -ENOMEM;
	return w.error;
}

int conf_print(const struct conf *c, FILE *out)
{
	struct writer w = { .out = out };

	write_all(&w, c);
	return w.error;
}

int conf_print_object(const struct kind *kind, const void *object, FILE *out)
{
	struct writer w = { .out = out };

	field_write_object(&w, kind->fields, object, NULL);
	fputc('\n', out);
	return w.error;
}

bool conf_same(const struct conf *a, const struct conf *b)
{
	return field_same_group(&parse_top, a, b);
}
