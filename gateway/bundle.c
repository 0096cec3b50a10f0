#include "gateway/bundle.h"

#include "gateway/control.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TUNNELS_MAX 200 /* whose history goes along */
#define FILE_MAX    (4u << 20)

/* As JSON; the answer to a command that this gateway does not have says so. */
static const char *const shows[] = { "version", "tunnels", "sas",     "routes", "bgp",
				     "routing", "ports",   "workers", "drops",	"ike" };

static const char *const facts[] = {
	"/proc/cmdline",
	"/proc/cpuinfo",
	"/proc/meminfo",
	"/proc/version",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/interrupts",
	"/proc/net/dev",
	"/proc/net/udp",
	"/proc/net/snmp",
	"/proc/modules",
	"/proc/sys/kernel/core_pattern",
	"/proc/sys/vm/nr_hugepages",
	"/sys/devices/system/cpu/online",
	"/sys/devices/system/cpu/isolated",
	"/etc/os-release",
	"/etc/debian_version",
};

/* Their output, with errors. */
static const struct {
	const char *name, *line;
} programs[] = {
	{ "log.txt", "journalctl --no-pager -n 5000 -u isthmusd 2>&1" },
	{ "kernel-log.txt", "dmesg 2>&1 | tail -n 500" },
	{ "links.txt", "ip -s -d link 2>&1; ip addr 2>&1; ip netns 2>&1" },
	{ "pci.txt", "lspci -nnk 2>&1 | grep -A3 -i -E 'ethernet|network'" },
	{ "packages.txt", "dpkg-query -W isthmus bird2 dpdk 'librte*' libipsec-mb1 2>&1" },
	{ "processes.txt",
	  "ps -eLo pid,tid,psr,cls,rtprio,pcpu,comm --sort -pcpu 2>&1 | head -n 80" },
	{ "limits.txt", "cat /proc/$(pidof -s isthmusd)/limits 2>&1" },
};

struct bundle {
	struct archive *tar;
	char folder[64];
	time_t now;
	int error; /* the first */
};

static void add(struct bundle *b, const char *name, const char *text, size_t len)
{
	struct archive_entry *e = archive_entry_new();
	char path[256];

	if (!e) {
		b->error = b->error ? b->error : -ENOMEM;
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	archive_entry_set_pathname(e, path);
	archive_entry_set_size(e, (la_int64_t)len);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_mtime(e, b->now, 0);
	if ((archive_write_header(b->tar, e) != ARCHIVE_OK ||
	     archive_write_data(b->tar, text, len) != (la_ssize_t)len) &&
	    !b->error)
		b->error = -EIO;
	archive_entry_free(e);
}

static void add_stream(struct bundle *b, const char *name, FILE *f)
{
	char *text = f ? malloc(FILE_MAX) : NULL;
	size_t n = text ? fread(text, 1, FILE_MAX, f) : 0;

	if (n > 0)
		add(b, name, text, n);
	free(text);
}

/* ---- the system -------------------------------------------------------------------------- */

static void add_system(struct bundle *b)
{
	char name[256];
	FILE *f;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		f = fopen(facts[i], "re");
		if (!f)
			continue;
		snprintf(name, sizeof(name), "system%s", facts[i]);
		add_stream(b, name, f);
		fclose(f);
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		f = popen(programs[i].line, "re");
		if (!f)
			continue;
		snprintf(name, sizeof(name), "system/%s", programs[i].name);
		add_stream(b, name, f);
		pclose(f);
	}
}

/* ---- the gateway ------------------------------------------------------------------------- */

char *bundle_ask(FILE *gateway, const char *line, int *ok, size_t *len)
{
	char head[CONTROL_HEADER], kind[8], *text = NULL;
	size_t part, n = strlen(line);

	*len = 0;
	do {
		char *more;

		if ((n > 0 && send(fileno(gateway), line, n, MSG_NOSIGNAL) != (ssize_t)n) ||
		    !fgets(head, sizeof(head), gateway) ||
		    sscanf(head, "%7s %zu", kind, &part) != 2)
			goto lost;
		n = 0;
		more = realloc(text, *len + part + 1);
		if (!more)
			goto lost;
		text = more;
		if (fread(text + *len, 1, part, gateway) != part)
			goto lost;
		*len += part;
		text[*len] = '\0';
	} while (strcmp(kind, "more") == 0);
	*ok = strcmp(kind, "ok") == 0;
	return text;
lost:
	free(text);
	return NULL;
}

static bool add_answer(struct bundle *b, FILE *gateway, const char *line, const char *name)
{
	char request[300];
	size_t len;
	int ok;
	char *text;

	snprintf(request, sizeof(request), "%s\n", line);
	text = bundle_ask(gateway, request, &ok, &len);
	if (!text)
		return false;
	add(b, name, text, len);
	free(text);
	return true;
}

/* The completion of "show tunnel " names them, one a line with its state behind a tab. */
static bool add_histories(struct bundle *b, FILE *gateway)
{
	size_t len;
	int ok;
	char *names = bundle_ask(gateway, "?show tunnel \n", &ok, &len), *save = NULL;
	unsigned n = 0;
	bool alive = names != NULL;

	for (char *line = names && ok ? strtok_r(names, "\n", &save) : NULL;
	     line && alive && n < TUNNELS_MAX; line = strtok_r(NULL, "\n", &save)) {
		char request[256], name[256];

		line[strcspn(line, "\t")] = '\0';
		if (strchr(line, '<') || strchr(line, '/'))
			continue;
		snprintf(request, sizeof(request), "--json show tunnel %s log", line);
		snprintf(name, sizeof(name), "tunnels/%s.json", line);
		alive = add_answer(b, gateway, request, name);
		n++;
	}
	free(names);
	return alive;
}

static bool add_gateway(struct bundle *b, FILE *gateway)
{
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		char line[64], name[64];

		snprintf(line, sizeof(line), "--json show %s", shows[i]);
		snprintf(name, sizeof(name), "show/%s.json", shows[i]);
		if (!add_answer(b, gateway, line, name))
			return false;
	}
	return add_answer(b, gateway, "doctor", "doctor.txt") &&
	       add_answer(b, gateway, "show configuration", "isthmus.conf") &&
	       add_histories(b, gateway);
}

int bundle_write(FILE *gateway, const char *file)
{
	struct bundle b = { .now = time(NULL) };
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct tm utc;

	if (fd < 0) {
		fprintf(stderr, "isthmus: %s: %s\n", file, strerror(errno));
		return -errno;
	}
	gmtime_r(&b.now, &utc);
	strftime(b.folder, sizeof(b.folder), "isthmus-support-%Y%m%d-%H%M%S", &utc);
	b.tar = archive_write_new();
	if (!b.tar || archive_write_add_filter_gzip(b.tar) != ARCHIVE_OK ||
	    archive_write_set_format_pax_restricted(b.tar) != ARCHIVE_OK ||
	    archive_write_open_fd(b.tar, fd) != ARCHIVE_OK) {
		b.error = -ENOMEM;
		goto out;
	}
	if (gateway && !add_gateway(&b, gateway))
		fprintf(stderr, "isthmus: the gateway went away; the bundle has the rest\n");
	add_system(&b);
	if (archive_write_close(b.tar) != ARCHIVE_OK && !b.error)
		b.error = -EIO;
out:
	if (b.error)
		fprintf(stderr, "isthmus: %s: %s\n", file,
			b.tar && archive_error_string(b.tar) ? archive_error_string(b.tar)
							     : strerror(-b.error));
	archive_write_free(b.tar);
	close(fd);
	if (b.error)
		unlink(file);
	return b.error;
}
