/* The texts that BIRD is given: golden, safe whatever operators wrote, and accepted by BIRD. */
#include "tests/unit/unit.h"

#include "routing/bird_child.h"
#include "routing/bird_config.h"
#include "routing/bird_files.h"
#include "routing/bird_program.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct text {
	size_t n;
	char t[16384];
};

static int keep(void *ctx, const char *text, size_t len)
{
	struct text *t = ctx;

	assert_true(t->n + len < sizeof(t->t));
	memcpy(t->t + t->n, text, len);
	t->n += len;
	t->t[t->n] = '\0';
	return 0;
}

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static struct bird_session session(uint32_t tunnel, uint32_t connection, const char *local,
				   const char *remote)
{
	struct bird_session s = { .tunnel = tunnel,
				  .connection = connection,
				  .local_asn = 65000,
				  .remote_asn = 65001,
				  .router_id = 0xcb007101,
				  .ipv4 = true };

	assert_true(addr_parse(&s.local, local) && addr_parse(&s.remote, remote));
	return s;
}

/* ---- golden ------------------------------------------------------------------------------- */

static void plain_session(void **state)
{
	struct bird_session s = session(7, 5, "169.254.10.2", "169.254.10.1");
	struct bird_gateway g = { .table = 3, .n_sessions = 1, .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct text t = { 0 };

	assert_int_equal(bird_config_tunnel(&c, &g, &s, keep, &t), 0);
	assert_string_equal(t.t, "protocol bgp tun_7 {\n"
				 "\trouter id 203.0.113.1;\n"
				 "\tlocal 169.254.10.2 as 65000;\n"
				 "\tneighbor 169.254.10.1 as 65001;\n"
				 "\tinterface \"isthmus0\";\n"
				 "\tdirect;\n"
				 "\tstrict bind;\n"
				 "\thold time 30;\n"
				 "\tkeepalive time 10;\n"
				 "\tconnect delay time 1;\n"
				 "\tconnect retry time 5;\n"
				 "\terror wait time 1, 30;\n"
				 "\tipv4 {\n"
				 "\t\ttable gw_3;\n"
				 "\t\tnext hop self;\n"
				 "\t\timport filter { isthmus_from = 6; accept; };\n"
				 "\t\texport filter {\n"
				 "\t\t\tif isthmus_from != 0 then reject;\n"
				 "\t\t\taccept;\n"
				 "\t\t};\n"
				 "\t};\n"
				 "}\n");
}

static void full_session(void **state)
{
	struct prefix withheld[] = { net("10.1.0.0/16"), net("fd01::/64"), net("10.2.0.0/24") };
	struct bird_announcement announced[] = {
		{ net("10.0.0.0/16"), BIRD_VPC },
		{ net("192.168.0.0/16"), 4 },
	};
	struct bird_session s = session(8, 5, "fd00::2", "fd00::1");
	struct bird_gateway g = { .table = 3,
				  .transit = true,
				  .n_announced = ARRAY_LEN(announced),
				  .announced = announced,
				  .n_sessions = 1,
				  .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct text t = { 0 };

	assert_int_equal(secret_init(), 0);
	s.description = "to dc1";
	s.password = secret_from("p4ss w0rd;#", 11);
	s.hold = 90;
	s.keepalive = 20;
	s.bfd = true;
	s.bfd_interval = 100;
	s.graceful_restart = true;
	s.import_limit = 1000;
	s.has_med = true;
	s.med = 50;
	s.prepend = 2;
	s.ipv6 = true;
	s.n_withheld = ARRAY_LEN(withheld);
	s.withheld = withheld;
	assert_int_equal(bird_config_tunnel(&c, &g, &s, keep, &t), 0);
	secret_free((struct secret *)s.password);
	assert_string_equal(
		t.t,
		"protocol bgp tun_8 {\n"
		"\tdescription \"to dc1\";\n"
		"\trouter id 203.0.113.1;\n"
		"\tlocal fd00::2 as 65000;\n"
		"\tneighbor fd00::1 as 65001;\n"
		"\tinterface \"isthmus0\";\n"
		"\tdirect;\n"
		"\tstrict bind;\n"
		"\thold time 90;\n"
		"\tkeepalive time 20;\n"
		"\tconnect delay time 1;\n"
		"\tconnect retry time 5;\n"
		"\terror wait time 1, 30;\n"
		"\tbfd { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };\n"
		"\tgraceful restart;\n"
		"\tgraceful restart time 120;\n"
		"\tpassword \"p4ss w0rd;#\";\n"
		"\tipv4 {\n"
		"\t\ttable gw_3;\n"
		"\t\tnext hop self;\n"
		"\t\tgateway recursive;\n"
		"\t\textended next hop;\n"
		"\t\timport filter { isthmus_from = 6; accept; };\n"
		"\t\timport limit 1000 action block;\n"
		"\t\texport filter {\n"
		"\t\t\tif isthmus_from = 6 then reject;\n"
		"\t\t\tif isthmus_from = 0 && net ~ [ 10.1.0.0/16, 10.2.0.0/24 ] then reject;\n"
		"\t\t\tbgp_med = 50;\n"
		"\t\t\tbgp_path.prepend(65000);\n"
		"\t\t\tbgp_path.prepend(65000);\n"
		"\t\t\taccept;\n"
		"\t\t};\n"
		"\t};\n"
		"\tipv6 {\n"
		"\t\ttable gw6_3;\n"
		"\t\tnext hop self;\n"
		"\t\timport filter { isthmus_from = 6; accept; };\n"
		"\t\timport limit 1000 action block;\n"
		"\t\texport filter {\n"
		"\t\t\tif isthmus_from = 6 then reject;\n"
		"\t\t\tif isthmus_from = 0 && net ~ [ fd01::/64 ] then reject;\n"
		"\t\t\tbgp_med = 50;\n"
		"\t\t\tbgp_path.prepend(65000);\n"
		"\t\t\tbgp_path.prepend(65000);\n"
		"\t\t\taccept;\n"
		"\t\t};\n"
		"\t};\n"
		"}\n");
}

static void ipv6_over_ipv4(void **state)
{
	struct bird_session s = session(7, 5, "169.254.10.2", "169.254.10.1");
	struct bird_gateway g = { .table = 3, .n_sessions = 1, .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct text t = { 0 };

	s.ipv6 = true;
	assert_int_equal(bird_config_tunnel(&c, &g, &s, keep, &t), 0);
	assert_non_null(strstr(t.t, "\t\ttable gw6_3;\n"
				    "\t\tnext hop self;\n"
				    "\t\tgateway recursive;\n"
				    "\t\tnext hop address fd69:7374:686d:7573::a9fe:a02;\n"
				    "\t\timport filter"));
}

static void gateway(void **state)
{
	struct bird_announcement announced[] = {
		{ net("10.0.0.0/16"), BIRD_VPC },
		{ net("192.168.0.0/16"), 4 },
		{ net("fd01::/64"), BIRD_VPC },
	};
	struct bird_gateway g = { .table = 3,
				  .n_announced = ARRAY_LEN(announced),
				  .announced = announced };
	struct text t = { 0 };

	assert_int_equal(bird_config_gateway(&g, keep, &t), 0);
	assert_string_equal(t.t, "ipv4 table gw_3;\n"
				 "protocol static ann_3 {\n"
				 "\tipv4 { table gw_3; };\n"
				 "\troute 10.0.0.0/16 blackhole { isthmus_from = 0; };\n"
				 "\troute 192.168.0.0/16 blackhole { isthmus_from = 5; };\n"
				 "}\n"
				 "ipv6 table gw6_3;\n"
				 "protocol static ann6_3 {\n"
				 "\tipv6 { table gw6_3; };\n"
				 "\troute fd01::/64 blackhole { isthmus_from = 0; };\n"
				 "}\n");
}

static void main_text(void **state)
{
	struct bird_session s[] = { session(7, 5, "169.254.10.2", "169.254.10.1"),
				    session(9, 5, "169.254.10.6", "169.254.10.5") };
	struct bird_gateway g[] = { { .table = 3, .n_sessions = 2, .session = s }, { .table = 4 } };
	struct bird_config c = { "isthmus0", 2, g };
	struct text without = { 0 }, with = { 0 };

	assert_int_equal(bird_config_main(&c, keep, &without), 0);
	assert_string_equal(without.t,
			    "# Written by isthmusd, again and again.\n"
			    "log stderr { info, remote, warning, error, auth, fatal, bug };\n"
			    "debug protocols { states, routes };\n"
			    "timeformat base iso long ms;\n"
			    "timeformat protocol iso long ms;\n"
			    "router id 0.0.0.1; # every session has its own\n"
			    "graceful restart wait 20;\n"
			    "attribute int isthmus_from;\n"
			    "protocol device { scan time 60; }\n"
			    "include \"gw_3.conf\";\n"
			    "include \"tun_7.conf\";\n"
			    "include \"tun_9.conf\";\n"
			    "include \"gw_4.conf\";\n");
	s[1].bfd = true;
	assert_int_equal(bird_config_main(&c, keep, &with), 0);
	assert_non_null(strstr(with.t, "protocol bfd { strict bind; interface \"isthmus0\"; }\n"));
}

static void switches(void **state)
{
	struct bird_session s = session(7, 5, "169.254.10.2", "169.254.10.1");
	struct bird_gateway g = { .table = 3, .n_sessions = 1, .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct text t = { 0 };

	s.disabled = true;
	s.drain = true;
	assert_int_equal(bird_config_tunnel(&c, &g, &s, keep, &t), 0);
	assert_non_null(strstr(t.t, "\tdisabled;\n"));
	assert_non_null(strstr(t.t, "\t\texport none;\n"));
	assert_null(strstr(t.t, "export filter"));
}

static int refuse(void *ctx, const char *text, size_t len)
{
	return -ENOSPC;
}

static void a_writer_that_fails(void **state)
{
	struct bird_session s = session(7, 5, "169.254.10.2", "169.254.10.1");
	struct bird_gateway g = { .table = 3, .n_sessions = 1, .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };

	assert_int_equal(bird_config_main(&c, refuse, NULL), -ENOSPC);
	assert_int_equal(bird_config_gateway(&g, refuse, NULL), -ENOSPC);
	assert_int_equal(bird_config_tunnel(&c, &g, &s, refuse, NULL), -ENOSPC);
}

/* ---- what may not pass -------------------------------------------------------------------- */

static void hostile_description(void **state)
{
	struct bird_session s = session(7, 5, "169.254.10.2", "169.254.10.1");
	struct bird_gateway g = { .table = 3, .n_sessions = 1, .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct text t = { 0 };
	char long_one[4096];

	s.description = "x\"; } log syslog all;\n include \"/etc/passwd\x7f";
	assert_int_equal(bird_config_tunnel(&c, &g, &s, keep, &t), 0);
	assert_non_null(
		strstr(t.t, "\tdescription \"x?; } log syslog all;? include ?/etc/passwd?\";\n"));
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	s.description = long_one;
	t.n = 0;
	assert_int_equal(bird_config_tunnel(&c, &g, &s, keep, &t), 0);
	assert_in_range(strlen(strstr(t.t, "description")), 200, 1000);
}

static void refused_sessions(void **state)
{
	static const struct {
		const char *password;
		size_t len;
		bool allowed;
	} passwords[] = {
		{ "abc", 3, true },   { "a b;#'\\{}", 9, true }, { "a\"b", 3, false },
		{ "a\nb", 3, false }, { "a\0b", 3, false },	 { "\x7f", 1, false },
		{ "", 0, false },     { "\xc3\xa9", 2, true },
	};
	static const struct {
		size_t at, size;
		uint32_t value;
	} faults[] = {
		{ offsetof(struct bird_session, local_asn), 4, 0 },
		{ offsetof(struct bird_session, remote_asn), 4, 0 },
		{ offsetof(struct bird_session, router_id), 4, 0 },
		{ offsetof(struct bird_session, ipv4), 1, 0 },
		{ offsetof(struct bird_session, local.family), 1, ADDR_IPV6 },
		{ offsetof(struct bird_session, local.family), 1, ADDR_NONE },
		{ offsetof(struct bird_session, hold), 2, 2 },
		{ offsetof(struct bird_session, keepalive), 2, 30 },
	};
	struct bird_session good = session(7, 5, "169.254.10.2", "169.254.10.1");
	const char *why;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(bird_config_check(&good, &why), 0);
	for (unsigned i = 0; i < ARRAY_LEN(passwords); i++) {
		struct bird_session s = good;
		struct secret *p = secret_from(passwords[i].password, passwords[i].len);

		s.password = p;
		if (bird_config_check(&s, &why) != (passwords[i].allowed ? 0 : -EINVAL))
			fail_msg("password %u", i);
		secret_free(p);
	}
	for (unsigned i = 0; i < ARRAY_LEN(faults); i++) {
		struct bird_session s = good;

		memcpy((char *)&s + faults[i].at, &faults[i].value, faults[i].size);
		if (bird_config_check(&s, &why) != -EINVAL || !why)
			fail_msg("fault %u", i);
	}
}

/* ---- BIRD's own opinion ------------------------------------------------------------------- */

static void never_said(void *ctx, enum bird_child_level level, const char *line)
{
	fail();
}

static void never_changed(void *ctx, enum bird_child_state child, const char *text)
{
	fail();
}

struct bed {
	struct bird_files *files;
	struct bird_child *child;
	int checked; /* 1: not yet */
	char text[1024];
};

static void on_checked(void *ctx, int rc, const char *text)
{
	struct bed *b = ctx;

	b->checked = rc;
	snprintf(b->text, sizeof(b->text), "%s", text);
}

/* What BIRD says of next/, as bird_child_check() tells it. */
static int check(struct bed *b)
{
	struct pollfd p = { .fd = bird_child_fd(b->child), .events = POLLIN };

	b->checked = 1;
	assert_int_equal(bird_child_check(b->child, 0), 0);
	assert_int_equal(bird_child_check(b->child, 0), -EBUSY);
	while (b->checked == 1) {
		assert_true(poll(&p, 1, 60000) > 0);
		bird_child_poll(b->child, 0);
	}
	return b->checked;
}

static void bed_open(struct bed *b)
{
	static const struct bird_child_ops ops = { never_said, never_changed, on_checked };
	struct bird_child_setup setup = { .netns = -1, .ops = &ops, .ctx = b };

	if (geteuid() != 0)
		skip();
	assert_int_equal(bird_user(&setup.uid, &setup.gid), 0);
	assert_int_equal(bird_files_open(&b->files, NULL, setup.uid, setup.gid), 0);
	setup.files = b->files;
	assert_int_equal(bird_child_new(&b->child, &setup), 0);
}

static void bed_close(struct bed *b)
{
	bird_child_free(b->child);
	bird_files_close(b->files);
}

/* Every choice in every combination, in one configuration. */
static void bird_accepts_all(void **state)
{
	static struct bird_session s[256];
	static struct prefix withheld[300];
	static struct bird_announcement announced[300];
	struct bird_gateway g = { .table = 3,
				  .n_announced = ARRAY_LEN(announced),
				  .announced = announced,
				  .n_sessions = ARRAY_LEN(s),
				  .session = s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct secret *password;
	char text[64];
	const char *why;
	struct bed b;

	bed_open(&b);
	assert_int_equal(secret_init(), 0);
	password = secret_from("-'\\;#{}[]:, ~", 13);
	for (unsigned i = 0; i < ARRAY_LEN(announced); i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		announced[i].prefix = net(text);
		announced[i].connection = i % 5 ? i % 2 : BIRD_VPC;
		withheld[i] = announced[i].prefix;
	}
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		snprintf(text, sizeof(text), i & 1 ? "fd00::%x" : "169.254.%u.2", i);
		s[i] = session(i, i % 2, i & 1 ? text : text, i & 1 ? "fd00::ffff" : "169.254.0.1");
		s[i].password = i & 2 ? password : NULL;
		s[i].bfd = i & 4;
		s[i].graceful_restart = i & 8;
		s[i].import_limit = i & 16 ? 100 : 0;
		s[i].has_med = i & 32;
		s[i].prepend = i & 32 ? 10 : 0;
		s[i].disabled = i & 64;
		s[i].drain = i & 64;
		s[i].ipv6 = i & 128;
		s[i].withheld = withheld;
		s[i].n_withheld = i % 2 ? 0 : ARRAY_LEN(withheld);
		s[i].description = "\"\\\t\xff%s";
		assert_int_equal(bird_config_check(&s[i], &why), 0);
	}
	for (unsigned transit = 0; transit < 2; transit++) {
		g.transit = transit;
		assert_int_equal(bird_files_write(b.files, &c), 0);
		if (check(&b) != 0)
			fail_msg("%s", b.text);
	}
	secret_free(password);
	bed_close(&b);
}

static void bird_says_what_is_wrong(void **state)
{
	struct bird_session s = session(7, 5, "169.254.10.2", "169.254.10.1");
	struct bird_gateway g = { .table = 3, .n_sessions = 1, .session = &s };
	struct bird_config c = { "isthmus0", 1, &g };
	struct bed b;

	bed_open(&b);
	s.hold = 1; /* what bird_config_check() would have found */
	assert_int_equal(bird_files_write(b.files, &c), 0);
	assert_int_equal(check(&b), -EINVAL);
	assert_non_null(strstr(b.text, "tun_7.conf:"));
	bird_files_discard(b.files);
	assert_int_equal(check(&b), -EINVAL);
	bed_close(&b);
}

/* ---- sets of files ------------------------------------------------------------------------ */

static bool has(const char *path, const char *part)
{
	char text[4096] = "";
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return strstr(text, part) != NULL;
}

static void sets_change_as_a_whole(void **state)
{
	struct bird_gateway g = { .table = 3 };
	struct bird_config c = { "isthmus0", 1, &g };
	const char *next, *current;
	struct bed b;

	bed_open(&b);
	next = bird_files_next(b.files);
	current = bird_files_current(b.files);
	assert_int_equal(bird_files_commit(b.files), -ENOENT);
	assert_int_equal(bird_files_write(b.files, &c), 0);
	assert_int_equal(access(current, F_OK), -1);
	assert_int_equal(bird_files_commit(b.files), 0);
	assert_true(has(current, "gw_3.conf"));
	assert_int_equal(access(next, F_OK), -1);
	/* Another, then back. */
	g.table = 4;
	assert_int_equal(bird_files_write(b.files, &c), 0);
	assert_true(has(current, "gw_3.conf") && has(next, "gw_4.conf"));
	assert_int_equal(bird_files_commit(b.files), 0);
	assert_true(has(current, "gw_4.conf") && has(next, "gw_3.conf"));
	assert_int_equal(bird_files_commit(b.files), 0);
	assert_true(has(current, "gw_3.conf"));
	bird_files_discard(b.files);
	assert_int_equal(access(next, F_OK), -1);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_session),
		cmocka_unit_test(full_session),
		cmocka_unit_test(ipv6_over_ipv4),
		cmocka_unit_test(gateway),
		cmocka_unit_test(main_text),
		cmocka_unit_test(switches),
		cmocka_unit_test(a_writer_that_fails),
		cmocka_unit_test(hostile_description),
		cmocka_unit_test(refused_sessions),
		cmocka_unit_test(bird_accepts_all),
		cmocka_unit_test(bird_says_what_is_wrong),
		cmocka_unit_test(sets_change_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
