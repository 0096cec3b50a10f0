/* Runs a fuzz target once over each file of the folders and files named on the command line. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

static int replay_file(const char *path, size_t size)
{
	/* Exactly as long as the input, so that a sanitizer sees the first byte beyond it. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");
	int rc = 1;

	if (f && data && fread(data, 1, size, f) == size) {
		/* The last line tells which input it was, should this be the last. */
		printf("%s (%zu bytes)\n", path, size);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, size);
		rc = 0;
	} else {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	}
	if (f)
		fclose(f);
	free(data);
	return rc;
}

static int replay(const char *path, unsigned *files);

static int replay_folder(const char *path, unsigned *files)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char child[PATH_BYTES];
	int rc = 0;

	if (!dir) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		rc |= replay(child, files);
	}
	closedir(dir);
	return rc;
}

static int replay(const char *path, unsigned *files)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	if (S_ISDIR(st.st_mode))
		return replay_folder(path, files);
	(*files)++;
	return replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	int rc = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		rc |= replay(argv[i], &files);
	LLVMFuzzerTestOneInput(NULL, 0);
	printf("%u inputs\n", files);
	return files > 0 ? rc : 1;
}
