#include "conf/model.h"
#include "conf/rights.h"
#include "conf/secret.h"
#include "conf/state.h"
#include "gateway/doctor.h"
#include "gateway/gateway.h"
#include "gateway/log.h"
#include "gateway/terminal.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* AddressSanitizer's leak check traces the process (gcc tells of it by a macro, clang by a
 * feature). */
#if defined(__SANITIZE_ADDRESS__)
#define TRACED_BY_ITSELF true
#elif defined(__has_feature)
#define TRACED_BY_ITSELF __has_feature(address_sanitizer)
#else
#define TRACED_BY_ITSELF false
#endif

#define DEFAULT_FILE "/etc/isthmus/isthmus.conf"

enum { EXIT_STARTED_NOT = 1, EXIT_BAD_FILE = 2 };

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: isthmusd [--check|--doctor] [--verbose] [--no-shell] [FILE]\n"
		"Runs the IPsec gateway that FILE describes (default " DEFAULT_FILE ")\n"
		"in the foreground, logging to standard error, until SIGTERM or SIGINT. At a\n"
		"terminal it is the operator's shell as well.\n"
		"\n"
		"  -c, --check    only check FILE: tell everything that is wrong with it\n"
		"  -d, --doctor   only look at this box: is it fit for FILE?\n"
		"  -v, --verbose  log more\n"
		"  -n, --no-shell no shell at a terminal, only the log\n"
		"  -V, --version  print the version\n"
		"  -h, --help     print this\n"
		"\n"
		"Exit status: 0 after a clean stop or a good check, 1 if the gateway could not\n"
		"start, 2 if FILE or the command line is wrong.\n");
}

/* Keys must not leave this process by a core dump, a debugger of the same user or a file that
 * somebody else can read. */
static int harden(void)
{
	struct rlimit none = { 0, 0 };

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -1;
	return TRACED_BY_ITSELF ? 0 : prctl(PR_SET_DUMPABLE, 0);
}

static unsigned count_tunnels(const struct conf *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_connections; i++)
		n += c->connection[i].n_tunnels;
	return n;
}

/* c NULL: there is no usable file. */
static int examine(const struct conf *c)
{
	struct doctor d = { .page = page_new(false), .conf = c, .root = "" };
	const char *text;
	size_t len;

	if (!d.page)
		return EXIT_STARTED_NOT;
	page_list(d.page, "checks");
	doctor_box(&d);
	page_end(d.page);
	doctor_verdict(&d);
	text = page_finish(d.page, &len);
	if (text)
		fwrite(text, 1, len, stdout);
	page_free(d.page);
	return d.bad ? EXIT_STARTED_NOT : 0;
}

static int check(const struct conf *c)
{
	printf("%s: ok: ports %u, border gateways %u, VPCs %u, connections %u, tunnels %u\n",
	       c->path, c->n_ports, c->n_border_gateways, c->n_vpcs, c->n_connections,
	       count_tunnels(c));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "check", no_argument, NULL, 'c' },
						 { "doctor", no_argument, NULL, 'd' },
						 { "verbose", no_argument, NULL, 'v' },
						 { "no-shell", no_argument, NULL, 'n' },
						 { "version", no_argument, NULL, 'V' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct problem_list problems = { 0 };
	enum log_level most = LOG_INFO;
	bool only_check = false, only_examine = false, shell = true;
	const char *path;
	struct conf *c;
	int o, status, asker = -1;

	while ((o = getopt_long(argc, argv, "cdvnVh", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			only_check = true;
			break;
		case 'd':
			only_examine = true;
			break;
		case 'v':
			most = LOG_DEBUG;
			break;
		case 'n':
			shell = false;
			break;
		case 'V':
			printf("isthmusd %s\n", ISTHMUS_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_BAD_FILE;
		}
	}
	if (argc - optind > 1) {
		fprintf(stderr, "isthmusd: one FILE only, '%s' is too much\n", argv[optind + 1]);
		return EXIT_BAD_FILE;
	}
	path = optind < argc ? argv[optind] : DEFAULT_FILE;
	if (shell && !only_check && !only_examine && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		asker = terminal_start();
	log_open(STDERR_FILENO, most);
	if (rights_limit() < 0 || harden() < 0 || secret_init() < 0) {
		log_error("gateway", NULL, "cannot protect the memory that keeps keys");
		return EXIT_STARTED_NOT;
	}
	c = only_check || only_examine ? conf_load(path, &problems) : state_start(path, &problems);
	problem_print(&problems, stderr);
	problem_clear(&problems);
	if (!c) {
		fprintf(stderr, "isthmusd: %s is not usable: nothing was started\n", path);
		if (only_examine)
			examine(NULL);
		return EXIT_BAD_FILE;
	}
	if (!only_check && !only_examine) {
		log_configure(&c->log); /* says itself what is wrong */
		status = gateway_run(c, asker);
		terminal_end();
		return status;
	}
	status = only_check ? check(c) : examine(c);
	conf_free(c);
	return status;
}
