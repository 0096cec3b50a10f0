#include "tests/bgp/cage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const programs[] = { "/usr/sbin/bird", "/sbin/bird", "/usr/local/sbin/bird" };

static const char *program(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (access(programs[i], X_OK) == 0)
			return programs[i];
	return NULL;
}

static bool loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fputs(text, f) >= 0;

	return f && fclose(f) == 0 && ok;
}

/* Root needs no user namespace; anybody else is root in one. */
static bool unshare_network(void)
{
	uid_t uid = geteuid();
	char map[32];

	if (uid == 0)
		return unshare(CLONE_NEWNET) == 0;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && put("/proc/self/uid_map", map);
}

bool cage_enter(struct cage *c)
{
	*c = (struct cage){ .bird = 0 };
	if (!program()) {
		fprintf(stderr, "no bird here\n");
		return false;
	}
	if (!unshare_network() || !loopback_up()) {
		fprintf(stderr, "no network namespace: %s\n", strerror(errno));
		return false;
	}
	strcpy(c->folder, "/tmp/cage-XXXXXX");
	if (!mkdtemp(c->folder)) {
		fprintf(stderr, "%s: %s\n", c->folder, strerror(errno));
		return false;
	}
	snprintf(c->socket, sizeof(c->socket), "%s/bird.ctl", c->folder);
	snprintf(c->config, sizeof(c->config), "%s/bird.conf", c->folder);
	return true;
}

void cage_leave(struct cage *c)
{
	DIR *dir = opendir(c->folder);
	struct dirent *entry;
	char path[384];

	cage_kill(c);
	while (dir && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", c->folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(c->folder);
}

void cage_configure(struct cage *c, const char *text)
{
	if (!put(c->config, text))
		abort();
}

void cage_start(struct cage *c)
{
	pid_t parent = getpid();
	char log[128];
	int fd;

	snprintf(log, sizeof(log), "%s/bird.log", c->folder);
	c->bird = fork();
	if (c->bird < 0)
		abort();
	if (c->bird > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (getppid() != parent || fd < 0 || dup2(fd, 2) < 0 || chdir(c->folder) != 0)
		_exit(1);
	execl(program(), "bird", "-f", "-R", "-c", c->config, "-s", c->socket, "-P", "bird.pid",
	      (char *)NULL);
	_exit(1);
}

void cage_kill(struct cage *c)
{
	if (c->bird <= 0)
		return;
	kill(c->bird, SIGKILL);
	waitpid(c->bird, NULL, 0);
	c->bird = 0;
}

char *cage_config(unsigned sessions)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		abort();
	fprintf(f, "log stderr { info, remote, warning, error, auth, fatal, bug };\n"
		   "router id 10.0.0.1;\n"
		   "timeformat protocol iso long ms;\n"
		   "debug protocols { states, routes };\n"
		   "graceful restart wait 20;\n"
		   "ipv4 table gw_1;\nipv6 table gw6_1;\n"
		   "protocol device {}\n");
	for (unsigned i = 0; i < sessions; i++)
		fprintf(f,
			"protocol bgp tun_%u {\n"
			"	local 127.0.0.1 port %u as 65000;\n"
			"	neighbor 127.0.0.%u as %u;\n"
			"	multihop; passive; graceful restart on;\n"
			"	ipv4 { table gw_1; import all; export none; };\n"
			"	ipv6 { table gw6_1; import all; export none; };\n"
			"}\n",
			i, CAGE_PORT, 10 + i, 65001 + i);
	if (fclose(f) != 0)
		abort();
	return text;
}

size_t cage_routes(const struct cage *c)
{
	static const char commands[] =
		"show route count table gw_1\nshow route count table gw6_1\n";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t routes = 0, n, answers = 0;
	char line[128];
	FILE *f;

	strcpy(to.sun_path, c->socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    write(fd, commands, sizeof(commands) - 1) < 0 || !(f = fdopen(fd, "r"))) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (answers < 2 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "1007-%zu of", &n) == 1)
			routes += n;
		answers += strncmp(line, "0000", 4) == 0;
	}
	fclose(f);
	return routes;
}

double cage_cpu(const struct cage *c)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)c->bird);
	f = fopen(path, "r");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return (double)ns / 1e9;
}

uint64_t cage_memory(const struct cage *c)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)c->bird);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "VmRSS: %lu", &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib;
}
