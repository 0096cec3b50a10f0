/* The top level of the file, workers, ports and BIRD. */
#include "conf/parse.h"
#include "conf/locate.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libconfig 1.5 loses a string or two when the syntax is wrong: no leak of ours to look for. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAK_CHECKED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LEAK_CHECKED
#endif
#ifdef LEAK_CHECKED
#include <sanitizer/lsan_interface.h>
#else
static void __lsan_disable(void)
{
}
static void __lsan_enable(void)
{
}
#endif

static const struct field one_lcore = { .kind = &field_uint,
					.size = sizeof(uint16_t),
					.max = 1023 };
static const struct field one_prefix = { .kind = &field_prefix, .size = sizeof(struct prefix) };
static const struct field one_addr = { .kind = &field_addr, .size = sizeof(struct addr) };

static const struct field worker_fields[] = {
	{ "lcores", &field_list, FIELD_AT(struct conf_workers, lcore),
	  FIELD_COUNT(struct conf_workers, n), .max = CONF_WORKERS_MAX, .arg = &one_lcore,
	  .means = "a CPU for each worker" },
	{ "idle_nap", &field_bool, FIELD_AT(struct conf_workers, idle_nap),
	  .means = "a worker with nothing to do sleeps for short moments" },
	{ "hugepages", &field_bool, FIELD_AT(struct conf_workers, hugepages),
	  .means = "use huge pages if there are any" },
	{ "memory_mb", &field_uint, FIELD_AT(struct conf_workers, memory_mb), .min = 64,
	  .max = 1048576, .unit = "MiB", .means = "for packets and SAs" },
	{ "telemetry", &field_bool, FIELD_AT(struct conf_workers, telemetry),
	  .means = "dpdk-telemetry.py may ask for counters" },
};

/* One worker, on the second CPU where there is one: the first has the system's interrupts. */
static void workers_begin(void *object, const void *first)
{
	struct conf_workers *w = object;

	w->n = 1;
	w->lcore[0] = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
	w->hugepages = true;
	w->memory_mb = 512;
}

static void workers_end(struct reader *r, const config_setting_t *s, void *object, uint64_t given)
{
	struct conf_workers *w = object;

	w->where = field_where(r, s);
}

const struct field_object parse_workers = {
	.fields = worker_fields,
	.n_fields = sizeof(worker_fields) / sizeof(worker_fields[0]),
	.size = sizeof(struct conf_workers),
	.begin = workers_begin,
	.end = workers_end,
};

static const struct field port_fields[] = {
	{ "name", &field_name, .required = true, FIELD_AT(struct conf_port, name),
	  .means = "how other objects call the port" },
	{ "device", &field_text, .required = true, FIELD_AT(struct conf_port, device), .min = 1,
	  .max = CONF_DEVICE_BYTES - 1,
	  .means =
		  "a PCI address \"0000:3b:00.0\", or a DPDK device \"net_af_packet0,iface=eth1\"" },
	{ "addresses", &field_list, .required = true, FIELD_AT(struct conf_port, address),
	  FIELD_COUNT(struct conf_port, n_addresses), .max = CONF_PORT_ADDRS, .arg = &one_prefix,
	  .means = "the port's own addresses with their length, like [ \"203.0.113.1/24\" ]" },
	{ "next_hop", &field_addr, FIELD_AT(struct conf_port, next_hop), .min = ADDR_IPV4,
	  .means = "the router of the port; one port at most has one" },
	{ "next_hop6", &field_addr, FIELD_AT(struct conf_port, next_hop6), .min = ADDR_IPV6,
	  .means = "the same for IPv6" },
	{ "mtu", &field_uint, FIELD_AT(struct conf_port, mtu), .min = 576, .max = 9216,
	  .unit = "bytes", .means = "of outer packets" },
	{ "queues", &field_uint, FIELD_AT(struct conf_port, queues), .max = 128,
	  .means = "by itself one for each worker" },
};

static void port_begin(void *object, const void *first)
{
	struct conf_port *p = object;

	p->mtu = 1500;
}

const struct field_object parse_port = {
	.kind = "port",
	.key = "name",
	.fields = port_fields,
	.n_fields = sizeof(port_fields) / sizeof(port_fields[0]),
	.size = sizeof(struct conf_port),
	.begin = port_begin,
};

static const struct field underlay_fields[] = {
	{ "prefix", &field_network, .required = true, FIELD_AT(struct conf_underlay_route, prefix),
	  .means = "where the route leads, like \"198.51.100.0/24\"" },
	{ "next_hop", &field_addr, .required = true, FIELD_AT(struct conf_underlay_route, next_hop),
	  .means = "the address of a router on the port's network" },
	{ "port", &field_name, .required = true, FIELD_AT(struct conf_underlay_route, port_name),
	  .means = "the name of a port", .refers = "port" },
};

const struct field_object parse_underlay_route = {
	.kind = "underlay_route",
	.key = "prefix",
	.fields = underlay_fields,
	.n_fields = sizeof(underlay_fields) / sizeof(underlay_fields[0]),
	.size = sizeof(struct conf_underlay_route),
	.one_line = true,
};

static bool read_path(struct reader *r, const config_setting_t *s, const struct field *f,
		      void *object)
{
	const char *path;

	if (!field_string(r, s, f, &path))
		return false;
	if (path[0] != '/' || strlen(path) >= f->size) {
		field_problem(r, PROBLEM_ERROR, s, f,
			      "must be an absolute path of at most %zu bytes", f->size - 1);
		return false;
	}
	strcpy((char *)object + f->offset, path);
	return true;
}

static const struct field_kind kind_path = { .read = read_path,
					     .same = field_same_text,
					     .write = field_write_text };

static bool read_state(struct reader *r, const config_setting_t *s, const struct field *f,
		       void *object)
{
	const char *text;

	if (!field_string(r, s, f, &text))
		return false;
	if (text[0] != '\0' && strcmp(text, STATE_DIRECTORY_AUTO) != 0)
		return read_path(r, s, f, object);
	strcpy((char *)object + f->offset, text);
	return true;
}

static const struct field_kind kind_state = { .read = read_state,
					      .same = field_same_text,
					      .write = field_write_text };

static bool read_key_export(struct reader *r, const config_setting_t *s, const struct field *f,
			    void *object)
{
	if (!read_path(r, s, f, object))
		return false;
	field_problem(
		r, PROBLEM_WARNING, s, f,
		"the keys of all tunnels are written there: who reads them can read and forge "
		"all traffic");
	return true;
}

static const struct field_kind kind_key_export = { .read = read_key_export,
						   .same = field_same_text,
						   .write = field_write_text };

#define BIRD_OURS 4 /* the first of these matter only where we start BIRD, the others where not */
static const struct field bird_fields[] = {
	{ "program", &kind_path, FIELD_AT(struct conf_bird, program),
	  .means = "the program of BIRD 2" },
	{ "user", &field_name, FIELD_AT(struct conf_bird, user), .means = "whom BIRD runs as" },
	{ "group", &field_name, FIELD_AT(struct conf_bird, group), .means = "whom BIRD runs as" },
	{ "silence", &field_uint, FIELD_AT(struct conf_bird, silence), .min = 15, .max = 3600,
	  .means = "seconds without an answer after which BIRD is killed and started again" },
	{ "attach", &kind_path, FIELD_AT(struct conf_bird, attach),
	  .means = "the control socket of a BIRD that you run yourself" },
	{ "netns", &kind_path, FIELD_AT(struct conf_bird, netns),
	  .means = "the network namespace of that BIRD" },
	{ "run_dir", &kind_path, FIELD_AT(struct conf_bird, run_dir),
	  .means = "where its configuration is written to" },
};
#define BIRD_FIELDS (sizeof(bird_fields) / sizeof(bird_fields[0]))

static void bird_begin(void *object, const void *first)
{
	struct conf_bird *b = object;

	strcpy(b->program, "/usr/sbin/bird");
	strcpy(b->user, "bird");
	strcpy(b->group, "bird");
	b->silence = 60;
}

static void bird_end(struct reader *r, const config_setting_t *s, void *object, uint64_t given)
{
	struct conf_bird *b = object;
	bool attach = field_given(&parse_bird, given, "attach");

	b->where = field_where(r, s);
	for (unsigned i = 0; i < BIRD_FIELDS; i++) {
		bool ours = i < BIRD_OURS,
		     has = field_given(&parse_bird, given, bird_fields[i].name);

		if (has && attach == ours)
			problem_add(r->problems, PROBLEM_WARNING, b->where, r->label.text,
				    attach ? "%s is unused: with attach BIRD is run by its operator"
					   : "%s is unused: without attach BIRD is run by the "
					     "gateway",
				    bird_fields[i].name);
		if (!has && attach && !ours)
			problem_add(r->problems, PROBLEM_ERROR, b->where, r->label.text,
				    "%s is missing: with attach it tells where BIRD is run",
				    bird_fields[i].name);
	}
}

const struct field_object parse_bird = {
	.fields = bird_fields,
	.n_fields = BIRD_FIELDS,
	.size = sizeof(struct conf_bird),
	.begin = bird_begin,
	.end = bird_end,
};

/* The first rows are in the order of enum conf_unread. */
static const struct field top_fields[] = {
	{ "ports", &field_objects, .required = true, FIELD_AT(struct conf, port),
	  FIELD_COUNT(struct conf, n_ports), .max = 64, .arg = &parse_port,
	  .means = "a list of network ports" },
	{ "cloud_addresses", &field_heap_list, .required = true,
	  FIELD_AT(struct conf, cloud_address), FIELD_COUNT(struct conf, n_cloud_addresses),
	  .arg = &one_addr,
	  .means = "the public addresses that tunnels may use, like [ \"203.0.113.1\" ]" },
	{ "border_gateways", &field_objects, FIELD_AT(struct conf, border_gateway),
	  FIELD_COUNT(struct conf, n_border_gateways), .arg = &parse_border_gateway,
	  .means = "tenants" },
	{ "vpcs", &field_objects, FIELD_AT(struct conf, vpc), FIELD_COUNT(struct conf, n_vpcs),
	  .arg = &parse_vpc, .means = "networks in the cloud" },
	{ "customer_gateways", &field_objects, FIELD_AT(struct conf, customer_gateway),
	  FIELD_COUNT(struct conf, n_customer_gateways), .arg = &parse_customer_gateway,
	  .means = "the customers' ends of the tunnels" },
	{ "vpn_connections", &field_objects, FIELD_AT(struct conf, connection),
	  FIELD_COUNT(struct conf, n_connections), .arg = &parse_connection,
	  .means = "connections and their tunnels" },
	{ "vpc_attachments", &field_objects, FIELD_AT(struct conf, attachment),
	  FIELD_COUNT(struct conf, n_attachments), .arg = &parse_attachment,
	  .means = "which VPC meets which border gateway" },
	{ "underlay_routes", &field_objects, FIELD_AT(struct conf, underlay_route),
	  FIELD_COUNT(struct conf, n_underlay_routes), .arg = &parse_underlay_route,
	  .means = "to networks that are no port's own" },
	{ "workers", &field_group, FIELD_AT(struct conf, workers), .arg = &parse_workers,
	  .means = "the threads that move packets" },
	{ "bird", &field_group, FIELD_AT(struct conf, bird), .arg = &parse_bird,
	  .means = "the program that speaks BGP" },
	{ "log", &field_group, FIELD_AT(struct conf, log), .arg = &parse_log, .means = "the log" },
	{ "metrics", &field_group, FIELD_AT(struct conf, metrics), .arg = &parse_metrics,
	  .means = "for Prometheus" },
	{ "control_socket", &kind_path, FIELD_AT(struct conf, control_socket),
	  .means = "where operators' commands arrive" },
	{ "state_directory", &kind_state, FIELD_AT(struct conf, state_directory),
	  .means = "where what runs is kept" },
	{ "key_export", &kind_key_export, FIELD_AT(struct conf, key_export),
	  .means = "a folder for the keys of all tunnels, for debugging only" },
};

static void top_begin(void *object, const void *first)
{
	struct conf *c = object;

	workers_begin(&c->workers, NULL);
	bird_begin(&c->bird, NULL);
	parse_log.begin(&c->log, NULL);
	strcpy(c->state_directory, STATE_DIRECTORY_AUTO);
	strcpy(c->control_socket, "/run/isthmus/control.sock");
}

const struct field_object parse_top = {
	.fields = top_fields,
	.n_fields = sizeof(top_fields) / sizeof(top_fields[0]),
	.size = sizeof(struct conf),
	.begin = top_begin,
};

int parse_tree(config_t *tree, const char *file, const char *text, struct problem_list *problems)
{
	struct conf_where where = { .file = file };
	struct location at;
	int ok;

	__lsan_disable();
	ok = config_read_string(tree, text);
	__lsan_enable();
	if (ok == CONFIG_TRUE)
		return 0;
	where.line = (unsigned)config_error_line(tree);
	at = conf_locate(text, where.line);
	problem_add(problems, PROBLEM_ERROR, where, at.object.text, "%s%s%s",
		    config_error_text(tree), at.field[0] != '\0' ? " at or after " : "", at.field);
	return -EINVAL;
}

static struct conf *conf_new(const char *path)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->path = strdup(path);
	if (c->path == NULL) {
		free(c);
		return NULL;
	}
	parse_top.begin(c, NULL);
	return c;
}

struct conf *conf_parse_tree(const char *path, const char *file, const config_t *tree,
			     const struct conf_source *source, struct problem_list *problems,
			     struct places *places, unsigned *unread)
{
	struct conf *c = conf_new(path);
	struct reader r = { .source = source, .problems = problems, .places = places };

	if (c == NULL) {
		problem_add(problems, PROBLEM_ERROR, (struct conf_where){ .file = file }, NULL,
			    "%s", strerror(ENOMEM));
		return NULL;
	}
	r.file = file != NULL ? c->path : NULL; /* as long-lived as the places that name it */
	field_read_group(&r, config_root_setting(tree), &parse_top, c);
	*unread = (unsigned)r.unread;
	if ((r.faulty & UNREAD_PORTS) != 0)
		*unread |= UNREAD_PORT_PARTS;
	return c;
}

struct conf *conf_parse_source(const char *path, const struct conf_source *source,
			       struct problem_list *problems, struct places *places,
			       unsigned *unread)
{
	struct conf *c = NULL;
	config_t tree;

	config_init(&tree);
	if (parse_tree(&tree, path, source->text, problems) == 0)
		c = conf_parse_tree(path, path, &tree, source, problems, places, unread);
	config_destroy(&tree);
	return c;
}

struct conf *conf_parse(const char *path, const char *text, size_t len,
			struct problem_list *problems, struct places *places, unsigned *unread)
{
	struct conf_where where = { .file = path };
	struct conf *c = NULL;
	struct conf_source source;
	int err = source_prepare(&source, text, len);

	where.line = source.line;
	if (err != 0)
		problem_add(problems, PROBLEM_ERROR, where, NULL, "%s",
			    err == -EINVAL ? source.error : strerror(ENOMEM));
	else
		c = conf_parse_source(path, &source, problems, places, unread);
	source_clear(&source);
	return c;
}
