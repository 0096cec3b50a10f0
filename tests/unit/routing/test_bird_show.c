/* What BIRD shows, as BIRD 2.0.12 wrote it, and BIRD 3 where it differs. */
#include "tests/unit/unit.h"

#include "routing/bird_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bird_reader reader;

/* "PREFIX SESSION METRIC" of each path. */
static const char *paths_of(const char *stream)
{
	static char said[1024];
	struct bird_text input = { stream, strlen(stream) };
	struct bird_routes routes = { 0 };
	struct bird_line line;
	size_t len = 0;

	bird_reader_reset(&reader);
	said[0] = '\0';
	while (bird_reader_next(&reader, &input, &line)) {
		struct bird_path path;
		char prefix[PREFIX_STR_MAX];

		if (line.kind == BIRD_LINE_LAST ? bird_routes_end(&routes, &path)
						: bird_routes_line(&routes, &line, &path))
			len += (size_t)snprintf(said + len, sizeof(said) - len, "%s %u %u\n",
						prefix_format(&path.prefix, prefix), path.session,
						path.metric);
	}
	return said;
}

static void routes(void **state)
{
	static const struct {
		const char *stream, *paths;
	} cases[] = {
		{ "1007-Table gw_1:\n"
		  " 10.1.0.0/24          unicast [tun_1 2026-11-22 08:13:10.805882] * (100) [AS7i]\n"
		  " \tvia 169.254.10.2 on vA weight 3\n"
		  " \tdev vA\n"
		  "1008-\tType: BGP univ\n"
		  "1012-\tBGP.origin: IGP\n"
		  " \tBGP.as_path: 65001 8 7\n"
		  " \tBGP.next_hop: 127.0.0.2\n"
		  "1007-                     unreachable [tun_2 08:36:55.080 from 10.0.0.1] (140)\n"
		  "1012-\tBGP.as_path: \n"
		  "1007-10.2.0.0/24          unicast [ann_1 2026-11-22] * (200)\n"
		  "1008-\tType: static univ\n"
		  "1007-                     blackhole [tun_3 2026-11-22] (100) [AS1i]\n"
		  "1012-\tBGP.as_path: 1 {2 3} (4 5) ({6 7}) 8\n"
		  "1007-2001:db8::/48        prohibited [tun6_4 x]\n"
		  "1012-\tbgp_path: 65001\n"
		  "0000 \n",
		  "10.1.0.0/24 1 3\n10.1.0.0/24 2 0\n10.2.0.0/24 3 3\n2001:db8::/48 4 1\n" },
		{ "1007-10.0.0.0/8 unicast [tun_1] * (100)\n1012-\tBGP.as_path: 1 2 ...\n0000 \n",
		  "10.0.0.0/8 1 3\n" },
		/* the path's line was too long for BIRD */
		{ "1007-10.0.0.0/8 unicast [tun_1 x]\n8000-<line overflow>\n"
		  "1012-\tBGP.as_path: 1 2\n1007-10.1.0.0/16 unicast [tun_1 x]\n8000-<line overflow>\n"
		  "1007-10.2.0.0/16 unicast [tun_1 x]\n0000 \n",
		  "10.0.0.0/8 1 2\n10.1.0.0/16 1 255\n10.2.0.0/16 1 0\n" },
		/* no prefix, no network, no name, nobody of ours */
		{ "1007-     unicast [tun_1 x]\n1007-10.0.0.1/8 unicast [tun_1 x]\n"
		  "1007-  unicast [tun_2 x]\n1007-10.0.0.0/8 unicast\n1007-10.0.0.0/8 unicast [\n"
		  "1007-[tun_1\n1007-10.0.0.0/8 unicast [tun_x]\n1012-\tBGP.as_path: 1\n0000 \n",
		  "" },
		{ "8001 Network not found\n", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(paths_of(cases[i].stream), cases[i].paths);
}

static const char protocols_text[] =
	"2002-Name       Proto      Table      State  Since         Info\n"
	"1002-device1    Device     ---        up     2026-11-23 14:02:15.200  \n"
	"1002-tun_1      BGP        ---        up     2026-11-23 14:02:16.104  Established   \n"
	"1006-  BGP state:          Established\n"
	"     Neighbor address: 127.0.0.2\n"
	"     Neighbor AS:      65001\n"
	"     Neighbor ID:      10.0.0.2\n"
	"     Session:          external multihop AS4\n"
	"     Hold timer:       234.001/240\n"
	"     Keepalive timer:  69.443/80\n"
	"   Channel ipv4\n"
	"     State:          UP\n"
	"     Routes:         2 imported, 1 filtered, 4 exported, 2 preferred\n"
	"     Route change stats:     received   rejected   filtered    ignored   accepted\n"
	"       Import updates:              7          1          0          0          6\n"
	"       Import withdraws:            3          0        ---          0          0\n"
	"       Export updates:              9          2          0        ---          5\n"
	"       Export withdraws:            8        ---        ---        ---          4\n"
	"   Channel ipv6\n"
	"     Routes:         10 imported, 20 exported, 1 preferred\n"
	"       Import updates:             10          0          0          0          1\n"
	"1002-tun6_2     BGP        ---        start  14:02:16.104  Active        Socket: Connection refused\n"
	"1006-  BGP state:          Active\n"
	"     Last error:       Received: Hold timer expired\n"
	"1002-tun_3      BGP        ---        down   2026-11-23  \n"
	"0000 \n";

static unsigned protocols_of(const char *stream, struct bird_protocol *out)
{
	struct bird_text input = { stream, strlen(stream) };
	struct bird_protocols protocols = { 0 };
	struct bird_line line;
	unsigned n = 0;

	bird_reader_reset(&reader);
	while (bird_reader_next(&reader, &input, &line))
		n += line.kind == BIRD_LINE_LAST ? bird_protocols_end(&protocols, &out[n])
						 : bird_protocols_line(&protocols, &line, &out[n]);
	return n;
}

/* Both sides connected at once: BIRD tells of the connection that it closes, though the session is
 * established over the other one. */
static void collision(void **state)
{
	struct bird_protocol p[1];

	assert_int_equal(
		protocols_of("2002-Name       Proto      Table      State  Since         Info\n"
			     "1002-tun_49     BGP        ---        up     "
			     "2026-11-23 15:22:17.965  Close         \n"
			     "1006-  BGP state:          Close\n"
			     "0000 \n",
			     p),
		1);
	assert_int_equal(p[0].now.state, SOURCE_SESSION_UP);
	assert_string_equal(p[0].now.word, "Established");
}

static void protocols(void **state)
{
	struct bird_protocol p[3], again[3];
	const struct source_session *now = &p[0].now;
	char *changed, *at;

	setenv("TZ", "UTC", 1);
	assert_int_equal(protocols_of(protocols_text, p), 3);
	assert_int_equal(p[0].session, 1);
	assert_false(p[0].own_ipv6);
	assert_int_equal(now->state, SOURCE_SESSION_UP);
	assert_string_equal(now->word, "Established");
	assert_string_equal(now->error, "");
	assert_int_equal(now->since, 1795442536);
	assert_int_equal(now->peer_asn, 65001);
	assert_int_equal(now->peer_id.b[3], 2);
	assert_int_equal(now->hold_time, 240);
	assert_int_equal(now->keepalive, 80);
	assert_int_equal(now->imported, 12);
	assert_int_equal(now->filtered, 1);
	assert_int_equal(now->exported, 24);
	assert_int_equal(now->updates_in, 17);
	assert_int_equal(now->updates_rejected, 1);
	assert_int_equal(now->withdraws_in, 3);
	assert_int_equal(now->updates_out, 5);
	assert_int_equal(now->withdraws_out, 4);

	assert_int_equal(p[1].session, 2);
	assert_true(p[1].own_ipv6);
	assert_int_equal(p[1].now.state, SOURCE_SESSION_DOWN);
	assert_string_equal(p[1].now.word, "Active");
	assert_string_equal(p[1].now.error, "Received: Hold timer expired");
	assert_int_equal(p[1].now.since, 0);
	assert_int_equal(p[2].now.state, SOURCE_SESSION_DISABLED);
	assert_string_equal(p[2].now.word, "down");

	/* The digest sees each counter of what came in, and only of that session. */
	changed = strdup(protocols_text);
	assert_non_null(changed);
	at = strstr(changed, "          6\n");
	at[10] = '7';
	assert_int_equal(protocols_of(changed, again), 3);
	assert_true(again[0].digest != p[0].digest);
	assert_true(again[1].digest == p[1].digest);
	at[10] = '6';
	at = strstr(changed, "69.443");
	at[0] = '5';
	protocols_of(changed, again);
	assert_true(again[0].digest == p[0].digest);
	free(changed);

	assert_int_equal(protocols_of("8003 No protocols match\n", p), 0);
	assert_int_equal(protocols_of("1002-\n1002-tun_1\n1002-tun_1 BGP\n0000 \n", p), 1);
	assert_int_equal(p[0].now.state, SOURCE_SESSION_DOWN);
}

static void status(void **state)
{
	static const char text[] = "1000-BIRD 2.0.12\n"
				   "1011-Router ID is 10.0.0.1\n"
				   " Hostname is vm\n"
				   " Current server time is 2026-11-22 08:13:44.2571\n"
				   " Last reboot on 2026-11-22 08:13:03.707\n"
				   " Last reconfiguration on 2026-11-22 08:14:03.707\n"
				   "0024-Graceful restart recovery in progress\n"
				   "   Waiting for 2 channels to recover\n"
				   "0013 Daemon is up and running\n";
	struct bird_text input = { text, sizeof(text) - 1 };
	struct bird_status s = { .recovering = false };
	struct bird_line line;

	bird_reader_reset(&reader);
	while (bird_reader_next(&reader, &input, &line))
		bird_status_line(&s, &line);
	assert_string_equal(s.version, "2.0.12");
	assert_string_equal(s.boot, "2026-11-22 08:13:03.707");
	assert_int_equal(s.told - s.booted, 40550100);
	assert_true(s.recovering);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes),
		cmocka_unit_test(protocols),
		cmocka_unit_test(collision),
		cmocka_unit_test(status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
