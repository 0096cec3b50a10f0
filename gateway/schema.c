#include "gateway/schema.h"

#include "gateway/show.h"

#include <stdio.h>
#include <string.h>

#define TUNNEL                                                                              \
	"name connection border_gateway cloud_ip? customer_ip? enabled! state reason? "     \
	"reason_code? text? since_seconds~ ups# downs# in_packets# in_bytes# out_packets# " \
	"out_bytes#"
#define SA                                                                                   \
	"tunnel spi_in spi_out sending! cipher auth? pfs? esn! udp! local[] remote[] "       \
	"age_seconds~ rekey_seconds~? expires_seconds~? in_packets# in_bytes# in_sequence# " \
	"out_packets# out_bytes# out_sequence# replayed# bad_icv#"
#define IKE                                                                             \
	"role spi_initiator spi_responder cipher auth? prf dh local remote nat_local! " \
	"nat_remote! ppk! age_seconds~ rekey_seconds~? expires_seconds~?"
#define ROUTES                                                                                   \
	"tables[]{kind name? routes[]{prefix next_hop? tunnel^? type^? preference#^? metric#^? " \
	"valid! why?}}"
#define BGP                                                                                    \
	"tunnel connection border_gateway peer? peer_asn# state established! since_seconds~? " \
	"received_routes# advertised_routes# last_error?"

#define CONNECTION                                                                          \
	"name border_gateway customer_gateway cloud_addresses[] bgp! local_asn#? tunnels# " \
	"tunnels_up# ha_status ha_reason? description?"

const struct schema schemas[] = {
	{ "show tunnels", "tunnels[]{" TUNNEL "}" },
	{ "show tunnel TUNNEL",
	  TUNNEL " local_id? remote_id? inner? inner_peer? tries# ike?{" IKE "} sas[]{" SA "} "
		 "traffic{in_packets# in_bytes# in_wire_bytes# out_packets# out_bytes# "
		 "out_wire_bytes# replayed# bad_icv# selector#} "
		 "drops[]{reason packets# text} "
		 "probe?{answers! last_ms~? least_ms~? mean_ms~? most_ms~? sent# lost# "
		 "interval_seconds#}" },
	{ "show tunnel TUNNEL history [HOURS]",
	  "name first_minute minutes# samples[]{minute in_bytes# out_bytes# in_wire_bytes# "
	  "out_wire_bytes# in_packets# out_packets#}" },
	{ "show tunnel TUNNEL log", "name log[]{first last age_seconds~ times# proven! text}" },
	{ "show tunnel TUNNEL psk", "tunnel psk" },
	{ "show sas", "sas[]{" SA "}" },
	{ "show routes", ROUTES },
	{ "show route PREFIX", ROUTES },
	{ "show route table TABLE", ROUTES },
	{ "show route table TABLE PREFIX", ROUTES },
	{ "show vpc VPC routes", ROUTES },
	{ "show bgp", "sessions[]{" BGP "}" },
	{ "show bgp TUNNEL",
	  BGP " local? local_asn# peer_id? hold_seconds~? keepalive_seconds~? bfd! imported#? "
	      "filtered#? updates_in#? updates_rejected#? withdraws_in#? updates_out#? "
	      "withdraws_out#? announced[]{prefix leads_to? announced! why?} "
	      "received[]{prefix metric#? valid! why?}" },
	{ "show routing",
	  "shards[]{shard# tunnels# bird pid#? since_seconds~? version? configuration_file? "
	  "recovering! polling! starts# configured# refused# configuration_pending! "
	  "configuration_error? trouble? lines# lost# lookups# dumps# resyncs# waiting# "
	  "resync_seconds~? in_packets# out_packets# dropped_packets#} "
	  "border_gateways[]{border_gateway shard#? routes offered# learnt# propagated# "
	  "dynamic_quota# refusing! batches_refused# routes_refused#}" },
	{ "show neighbours", "neighbours[]{network address state mac? vtep?}" },
	{ "show ports",
	  "ports[]{name device driver mac link mtu# queues# addresses[] rx_packets# rx_bytes# "
	  "rx_missed# rx_errors# tx_packets# tx_bytes# tx_errors#}" },
	{ "show workers",
	  "engine engine_fast! "
	  "workers[]{worker# lcore# tunnels# busy~ burst~ loops# busy_loops# naps# rx_packets# "
	  "tx_packets# esp_in_packets# esp_out_packets# handed_over# cycles_per_packet{*~} "
	  "stuck! load~ pauses# longest_pause_seconds~ rings{*#}}" },
	{ "show drops", "total# drops[]{reason packets# text}" },
	{ "show ike",
	  "send_failed# sa_changes_delayed# messages_delayed# events_lost# counters{*#}" },
	{ "show border-gateways",
	  "border_gateways[]{name asn# transit! connections# attachments# static_routes# "
	  "connection_quota# attachment_quota# static_route_quota# dynamic_quota# description?}" },
	{ "show vpcs", "vpcs[]{name prefixes[] attachments# static_routes# description?}" },
	{ "show attachments",
	  "attachments[]{vpc border_gateway propagate port encapsulation id# addresses[] mtu# mac? "
	  "description?}" },
	{ "show customer-gateways",
	  "customer_gateways[]{name addresses[] asn#? connections# description?}" },
	{ "show connections", "connections[]{" CONNECTION "}" },
	{ "show connection CONNECTION", CONNECTION " members[]{" TUNNEL "}" },
	{ "show configuration", "configuration" },
	{ "show configuration KIND", "configuration" },
	{ "show configuration KIND NAME", "configuration" },
	{ "show version",
	  "version uptime_seconds~ dataplane workers# ports# tunnels# tunnels_up#" },
	{ "show schema", "schemas[]{command fields[]{path type null! optional!}}" },
};
const unsigned schemas_n = sizeof(schemas) / sizeof(schemas[0]);

struct field {
	char path[128];
	const char *type;
	bool null, optional;
};

static void emit(struct page *p, const struct field *f, const char *type)
{
	page_object(p, NULL, NULL);
	page_text(p, "path", "FIELD", f->path);
	page_text(p, "type", "TYPE", type);
	page_flag(p, "null", "NULL", f->null);
	page_flag(p, "optional", "OPTIONAL", f->optional);
	page_end(p);
}

static const char *marks(const char *s, struct field *f)
{
	f->type = "text";
	for (;; s++) {
		switch (*s) {
		case '#':
			f->type = "integer";
			break;
		case '~':
			f->type = "number";
			break;
		case '!':
			f->type = "boolean";
			break;
		case '?':
			f->null = true;
			break;
		case '^':
			f->optional = true;
			break;
		default:
			return s;
		}
	}
}

/* The fields up to a closing brace, each with the path of what it is in. */
static const char *fields(struct page *p, const char *s, const char *in)
{
	while (*(s += strspn(s, " ")) && *s != '}') {
		struct field f = { .type = "text" };
		size_t n = strcspn(s, " #~!?^[{}");

		snprintf(f.path, sizeof(f.path), "%s%s%.*s", in, in[0] ? "." : "", (int)n, s);
		s = marks(s + n, &f);
		if (strncmp(s, "[]", 2) == 0) {
			emit(p, &f, "list");
			strncat(f.path, "[]", sizeof(f.path) - strlen(f.path) - 1);
			f.null = f.optional = false;
			s += 2;
		}
		emit(p, &f, *s == '{' ? "object" : f.type);
		if (*s == '{')
			s = fields(p, s + 1, f.path) + 1;
	}
	return s;
}

int show_schema(struct command_call *call)
{
	struct page *p = call->page;

	page_list(p, "schemas");
	for (unsigned i = 0; i < schemas_n; i++) {
		page_object(p, NULL, schemas[i].command);
		page_text(p, "command", NULL, schemas[i].command);
		page_table(p, "fields", NULL, NULL);
		fields(p, schemas[i].fields, "");
		page_end(p);
		page_end(p);
	}
	page_end(p);
	return 0;
}
