#include "gateway/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the folder's own */
}

void process_look(struct process_stats *out)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long pages = 0, resident = 0;
	struct rusage usage;
	struct rlimit limit;

	*out = (struct process_stats){ 0 };
	if (statm) {
		if (fscanf(statm, "%llu %llu", &pages, &resident) == 2) {
			out->virtual_bytes = pages * page;
			out->resident_bytes = resident * page;
		}
		fclose(statm);
	}
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		out->cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		out->max_fds = limit.rlim_cur;
	out->open_fds = count_fds();
}
