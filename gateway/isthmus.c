/* isthmus: the operator's command. One command as arguments, a script on standard input, or a
 * shell at a terminal; links nothing of the gateway. */
#include "gateway/bundle.h"
#include "gateway/control.h"
#include "gateway/shell.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: isthmus [OPTION...] [COMMAND...]\n"
		"Asks the running gateway. Without COMMAND: a shell at a terminal, else commands\n"
		"from standard input, one a line, '#' before a comment.\n"
		"\n"
		"  -s, --socket PATH   the gateway's socket (default: $ISTHMUS_SOCKET, else\n"
		"                      " CONTROL_SOCKET ")\n"
		"  -j, --json          answer in JSON\n"
		"  -k, --keep-going    a script goes on after a command that failed\n"
		"  -t, --timeout N     give up after N seconds without an answer\n"
		"  -c, --complete LINE print what may follow in an unfinished line\n"
		"  -V, --version       print the version\n"
		"  -h, --help          print this; 'isthmus help' lists the commands\n"
		"\n"
		"Without a gateway, too:\n"
		"  isthmus doctor [FILE]        is this box fit for it, and for FILE?\n"
		"  isthmus support-bundle FILE  writes a tar.gz of everything but secrets\n"
		"\n"
		"Exit status: 0 if every command was done, 1 if the gateway refused one, 2 if one\n"
		"is no command, 3 if the gateway cannot be reached. A script's is that of the first\n"
		"command that failed.\n");
}

/* Adds a word to the line, quoted if the gateway would else read it as several or none. False: it
 * does not fit, or would end the line. */
static bool add_word(char *line, size_t room, const char *word)
{
	bool quoted = word[0] == '\0' || strpbrk(word, " \t\"'\\");
	size_t used = strlen(line);

	/* Twice its length and quotes, at most. */
	if (strpbrk(word, "\r\n") || used + 2 * strlen(word) + 4 > room)
		return false;
	if (used > 0)
		line[used++] = ' ';
	if (quoted)
		line[used++] = '"';
	for (; *word; word++) {
		if (quoted && strchr("\"\\", *word))
			line[used++] = '\\';
		line[used++] = *word;
	}
	if (quoted)
		line[used++] = '"';
	line[used] = '\0';
	return true;
}

/* The box can be looked at before anything runs: isthmusd does it, which knows the file. */
static enum shell_status doctor(const char *file)
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
	return SHELL_NOBODY;
}

static enum shell_status support_bundle(struct link *link, int n, char **word)
{
	FILE *gateway = NULL;
	int rc;

	if (n != 2) {
		fprintf(stderr, "isthmus: support-bundle FILE: which file is to be written?\n");
		return SHELL_WRONG;
	}
	rc = link_open(link);
	if (rc < 0)
		fprintf(stderr, "isthmus: no gateway on %s: %s\n", link->path, strerror(-rc));
	else
		gateway = fdopen(dup(link->fd), "r");
	rc = bundle_write(gateway, word[1]);
	if (gateway)
		fclose(gateway);
	return rc == 0 ? SHELL_DONE : SHELL_REFUSED;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
						 { "json", no_argument, NULL, 'j' },
						 { "keep-going", no_argument, NULL, 'k' },
						 { "timeout", required_argument, NULL, 't' },
						 { "complete", required_argument, NULL, 'c' },
						 { "version", no_argument, NULL, 'V' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *path = getenv("ISTHMUS_SOCKET"), *unfinished = NULL;
	struct link link = { .path = CONTROL_SOCKET, .fd = -1 };
	struct shell_setup setup = { .link = &link, .logs = -1 };
	char line[SHELL_LINE_MAX] = "";
	enum shell_status status;
	int o;

	while ((o = getopt_long(argc, argv, "+s:jkt:c:Vh", options, NULL)) != -1) {
		switch (o) {
		case 's':
			path = optarg;
			break;
		case 'j':
			setup.json = true;
			break;
		case 'k':
			setup.keep_going = true;
			break;
		case 't':
			link.patience = atoi(optarg);
			break;
		case 'c':
			unfinished = optarg;
			break;
		case 'V':
			printf("isthmus %s\n", ISTHMUS_VERSION);
			return SHELL_DONE;
		case 'h':
			usage(stdout);
			return SHELL_DONE;
		default:
			usage(stderr);
			return SHELL_WRONG;
		}
	}
	if (path && path[0])
		link.path = path;
	if (optind < argc && strcmp(argv[optind], "support-bundle") == 0)
		return support_bundle(&link, argc - optind, argv + optind);
	if (optind < argc && strcmp(argv[optind], "doctor") == 0 && link_open(&link) < 0)
		return doctor(optind + 1 < argc ? argv[optind + 1] : NULL);
	if (unfinished) {
		snprintf(line, sizeof(line), "?%s", unfinished);
	} else {
		for (; optind < argc; optind++) {
			if (add_word(line, sizeof(line), argv[optind]))
				continue;
			fprintf(stderr, "isthmus: the command is too long, or more than a line\n");
			return SHELL_WRONG;
		}
	}
	if (line[0])
		status = shell_one(&setup, line, "isthmus: ");
	else if (isatty(STDIN_FILENO))
		status = shell_talk(&setup);
	else
		status = shell_script(&setup);
	explicit_bzero(line, sizeof(line));
	link_free(&link);
	return status;
}
