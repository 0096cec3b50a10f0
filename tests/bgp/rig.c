#include "tests/bgp/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

uint64_t rig_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void rig_start(struct rig *r, unsigned n, uint64_t patience)
{
	struct bird_options options = { .sink = mirror_sink(&r->mirror), .patience = patience };
	char *config = cage_config(n);

	cage_configure(&r->cage, config);
	free(config);
	cage_start(&r->cage);
	r->n_peers = n;
	r->due = 0;
	for (unsigned i = 0; i < n; i++)
		speaker_init(&r->peer[i], (uint8_t)(10 + i), 65001 + i, CAGE_PORT);
	r->socket = bird_socket_new(r->cage.socket, &options);
	if (!r->socket)
		abort();
	r->bird = bird_socket_bird(r->socket);
	r->source = bird_source(r->bird);
	if (source_table_add(r->source, 1) != 0)
		abort();
	for (unsigned i = 0; i < n; i++)
		if (source_session_add(r->source, i, 1) != 0)
			abort();
}

void rig_stop(struct rig *r)
{
	bird_socket_free(r->socket);
	for (unsigned i = 0; i < r->n_peers; i++)
		speaker_close(&r->peer[i]);
	mirror_clear(&r->mirror);
	cage_kill(&r->cage);
	r->socket = NULL;
	r->again = NULL;
	r->n_peers = 0;
}

void rig_turn(struct rig *r, uint64_t us)
{
	struct pollfd fds[BIRD_LINKS + RIG_PEERS];
	uint64_t now = rig_now(), at = now + us;
	unsigned n = bird_socket_poll(r->socket, fds);

	if (r->due < at)
		at = r->due;
	for (unsigned i = 0; i < r->n_peers; i++) {
		if (r->peer[i].fd < 0) {
			if (at > now + 20000)
				at = now + 20000;
			continue;
		}
		fds[n].fd = r->peer[i].fd;
		fds[n++].events = r->peer[i].n_out > 0 ? POLLIN | POLLOUT : POLLIN;
	}
	if (at > now)
		poll(fds, n, (int)((at - now + 999) / 1000));
	for (unsigned i = 0; i < r->n_peers; i++) {
		bool up = r->peer[i].established;

		speaker_run(&r->peer[i]);
		if (!up && r->peer[i].established && r->again)
			r->again(r, i);
	}
	r->due = bird_socket_run(r->socket, rig_now());
}

bool rig_until(struct rig *r, bool (*cond)(struct rig *r), unsigned seconds)
{
	uint64_t end = rig_now() + (uint64_t)seconds * 1000000, look = 0;

	for (;;) {
		rig_turn(r, 10000);
		/* A condition may cost more than a turn. */
		if (rig_now() >= look) {
			if (cond(r))
				return true;
			look = rig_now() + 20000;
		}
		if (rig_now() > end)
			return false;
	}
}

void rig_for(struct rig *r, uint64_t us)
{
	uint64_t end = rig_now() + us;

	while (rig_now() < end)
		rig_turn(r, end - rig_now());
}

bool rig_all_up(struct rig *r)
{
	for (unsigned i = 0; i < r->n_peers; i++)
		if (r->mirror.session[i].state != SOURCE_SESSION_UP)
			return false;
	return true;
}

/* ---- what BIRD has, seen with other eyes -------------------------------------------------- */

static FILE *ask(struct rig *r, const char *commands)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, r->cage.socket);
	if (fd < 0)
		abort();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    write(fd, commands, strlen(commands)) < 0) {
		close(fd);
		return NULL;
	}
	return fdopen(fd, "r");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned words(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += text[0] > ' ' && (text[1] <= ' ');
	return n;
}

char *rig_truth(struct rig *r)
{
	FILE *in = ask(r, "show route table gw_1 all\nshow route table gw6_1 all\nshow memory\n"),
	     *out;
	char line[1024], prefix[128] = "", *text, **lines = NULL, *at;
	size_t n = 0, room = 0, size;
	unsigned session = 0;
	bool whole = false;

	if (!in)
		return NULL;
	while (fgets(line, sizeof(line), in)) {
		char *bracket = strstr(line, " [tun_");
		char *body = line[0] == ' ' ? line + 1 : strlen(line) > 5 ? line + 5 : line;

		if (strncmp(line, "1018-", 5) == 0) { /* memory: the end */
			whole = true;
			break;
		}
		if (bracket) {
			if (body[0] != ' ')
				sscanf(body, "%127s", prefix);
			sscanf(bracket, " [tun_%u", &session);
		}
		at = strstr(line, "BGP.as_path:");
		if (!at)
			continue;
		if (n == room) {
			room = room ? 2 * room : 1024;
			lines = realloc(lines, room * sizeof(*lines));
			if (!lines)
				abort();
		}
		if (asprintf(&lines[n++], "1 %s %u %u", prefix, session, words(at) - 1) < 0)
			abort();
	}
	fclose(in);
	if (n > 0)
		qsort(lines, n, sizeof(*lines), by_text);
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s\n", lines[i]);
		free(lines[i]);
	}
	free(lines);
	fclose(out);
	if (whole)
		return text;
	free(text);
	return NULL;
}

bool rig_is_equal(struct rig *r)
{
	char *truth = rig_truth(r), *mirror, *save, *line;
	size_t lines = 0;
	bool equal = truth != NULL;

	if (!truth)
		return false;
	mirror = mirror_text(&r->mirror);
	for (line = strtok_r(truth, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		lines++;
		equal = equal && mirror_has(&r->mirror, line);
	}
	equal = equal && lines == r->mirror.n;
	free(mirror);
	free(truth);
	return equal;
}

struct prefix rig_prefix(uint32_t i)
{
	return (struct prefix){ addr_ipv4(0x0a000000u + (i << 8)), 24 };
}

struct prefix rig_prefix6(uint32_t i)
{
	struct prefix p = { { ADDR_IPV6, { 0x20, 0x01, 0x0d, 0xb8 } }, 64 };

	p.addr.b[4] = (uint8_t)(i >> 24);
	p.addr.b[5] = (uint8_t)(i >> 16);
	p.addr.b[6] = (uint8_t)(i >> 8);
	p.addr.b[7] = (uint8_t)i;
	return p;
}
