/* isthmus: the operator's shell. Sends command lines to a running isthmusd and prints what it
 * answers; links nothing of the gateway. */
#include "gateway/bundle.h"
#include "gateway/control.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define ANSWER_SECONDS 30

enum { EXIT_REFUSED = 1, EXIT_WRONG = 2, EXIT_NOBODY = 3 };

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: isthmus [--socket PATH] [--json] [COMMAND...]\n"
		"Asks the running gateway. Without COMMAND, reads commands from standard input,\n"
		"one a line.\n"
		"\n"
		"  -s, --socket PATH  the gateway's socket (default: $ISTHMUS_SOCKET, else\n"
		"                     " CONTROL_SOCKET ")\n"
		"  -j, --json         answer in JSON\n"
		"  -V, --version      print the version\n"
		"  -h, --help         print this; 'isthmus help' lists the commands\n"
		"\n"
		"Without a gateway, too:\n"
		"  isthmus doctor [FILE]        is this box fit for it, and for FILE?\n"
		"  isthmus support-bundle FILE  writes a tar.gz of everything but secrets\n"
		"\n"
		"Exit status: 0 if every command was done, 1 if the gateway refused one, 2 if one\n"
		"is no command, 3 if the gateway cannot be reached.\n");
}

static FILE *reach(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	FILE *f = NULL;
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		fprintf(stderr, "isthmus: socket path is too long: %s\n", path);
		return NULL;
	}
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		f = fdopen(fd, "r");
	}
	if (!f) {
		fprintf(stderr, "isthmus: no gateway on %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return f;
}

/* The box can be looked at before anything runs: isthmusd does it, which knows the file. */
static int doctor(const char *file)
{
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("isthmusd"));

	path[n > 0 ? n : 0] = '\0';
	if (strrchr(path, '/')) {
		strcpy(strrchr(path, '/') + 1, "isthmusd");
		execl(path, "isthmusd", "--doctor", file, NULL);
	}
	execlp("isthmusd", "isthmusd", "--doctor", file, NULL);
	fprintf(stderr, "isthmus: isthmusd: %s\n", strerror(errno));
	return EXIT_NOBODY;
}

static int support_bundle(FILE *gateway, int n, char **word)
{
	if (n != 2) {
		fprintf(stderr, "isthmus: support-bundle FILE: which file is to be written?\n");
		return EXIT_WRONG;
	}
	return bundle_write(gateway, word[1]) == 0 ? 0 : EXIT_REFUSED;
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static int lost(void)
{
	fprintf(stderr, "isthmus: the gateway went away before it answered\n");
	return EXIT_NOBODY;
}

/* One frame of a reply: its kind, and its text to out or, if it is an error, stderr. */
static bool frame(FILE *gateway, char kind[8])
{
	char head[CONTROL_HEADER], buf[8192];
	FILE *out;
	size_t left;

	if (!fgets(head, sizeof(head), gateway) || sscanf(head, "%7s %zu", kind, &left) != 2)
		return false;
	out = strcmp(kind, "ok") == 0 || strcmp(kind, "more") == 0 ? stdout : stderr;
	if (out == stderr)
		fputs("isthmus: ", out);
	while (left > 0) {
		size_t n = fread(buf, 1, left < sizeof(buf) ? left : sizeof(buf), gateway);

		if (n == 0)
			return false;
		fwrite(buf, 1, n, out);
		left -= n;
	}
	fflush(out);
	return true;
}

/* Sends one line (with its line end) and prints the reply. */
static int ask(FILE *gateway, const char *line)
{
	char kind[8];

	if (!send_all(fileno(gateway), line, strlen(line)))
		return lost();
	do {
		if (!frame(gateway, kind))
			return lost();
	} while (strcmp(kind, "more") == 0);
	return strcmp(kind, "ok") == 0 ? 0 : strcmp(kind, "error") == 0 ? EXIT_REFUSED : EXIT_WRONG;
}

/* The words as one line; false: too long, or a word that would end the line. */
static bool join(char *line, size_t room, bool json, char **word, int n)
{
	size_t used = (size_t)snprintf(line, room, "%s", json ? "--json" : "");

	for (int i = 0; i < n; i++) {
		if (strpbrk(word[i], "\r\n"))
			return false;
		used += (size_t)snprintf(line + used, room - used, "%s%s", used ? " " : "",
					 word[i]);
		if (used + 2 > room)
			return false;
	}
	strcpy(line + used, "\n");
	return true;
}

static bool is_blank(const char *line)
{
	line += strspn(line, " \t\r\n");
	return *line == '\0' || *line == '#';
}

/* Commands from standard input; the first failure decides the exit status, the rest still runs. */
static int converse(FILE *gateway, bool json)
{
	bool person = isatty(STDIN_FILENO);
	char *line = NULL, request[LINE_MAX_BYTES];
	size_t room = 0;
	int status = 0, one = 0;

	while (one != EXIT_NOBODY) {
		if (person) {
			fputs("isthmus> ", stdout);
			fflush(stdout);
		}
		if (getline(&line, &room, stdin) < 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		if (is_blank(line))
			continue;
		if (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0)
			break;
		if (join(request, sizeof(request), json, &line, 1)) {
			one = ask(gateway, request);
		} else {
			fprintf(stderr, "isthmus: the line is too long\n");
			one = EXIT_REFUSED;
		}
		status = status ? status : one;
	}
	if (person && one != EXIT_NOBODY && feof(stdin))
		fputc('\n', stdout);
	free(line);
	return one == EXIT_NOBODY ? one : person ? 0 : status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
						 { "json", no_argument, NULL, 'j' },
						 { "version", no_argument, NULL, 'V' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *path = getenv("ISTHMUS_SOCKET");
	char line[LINE_MAX_BYTES];
	bool json = false;
	FILE *gateway;
	int o, status;

	while ((o = getopt_long(argc, argv, "+s:jVh", options, NULL)) != -1) {
		switch (o) {
		case 's':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'V':
			printf("isthmus %s\n", ISTHMUS_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_WRONG;
		}
	}
	if (optind < argc && !join(line, sizeof(line), json, argv + optind, argc - optind)) {
		fprintf(stderr, "isthmus: the command is too long\n");
		return EXIT_WRONG;
	}
	gateway = reach(path && path[0] ? path : CONTROL_SOCKET);
	if (optind < argc && strcmp(argv[optind], "support-bundle") == 0)
		status = support_bundle(gateway, argc - optind, argv + optind);
	else if (!gateway && optind < argc && strcmp(argv[optind], "doctor") == 0)
		status = doctor(optind + 1 < argc ? argv[optind + 1] : NULL);
	else if (!gateway)
		return EXIT_NOBODY;
	else
		status = optind < argc ? ask(gateway, line) : converse(gateway, json);
	if (gateway)
		fclose(gateway);
	return status;
}
