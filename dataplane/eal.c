#include "dataplane/eal.h"

#include <rte_bus_pci.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX  (24 + 2 * 32)
#define TEXT_MAX  160
#define CPU_LIMIT CPU_SETSIZE

static bool started, hugepages;

bool eal_has_hugepages(void)
{
	return hugepages;
}

bool eal_is_pci(const char *device)
{
	struct rte_pci_addr addr;

	return rte_pci_addr_parse(device, &addr) == 0;
}

/* Megabytes in free huge pages of the default size. */
static unsigned long free_huge_mb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long pages = 0, kb = 0;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "HugePages_Free: %lu", &pages) != 1)
			(void)sscanf(line, "Hugepagesize: %lu kB", &kb);
	}
	fclose(f);
	return pages * kb / 1024;
}

static bool is_worker_cpu(const struct conf_workers *w, unsigned cpu)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->lcore[i] == cpu)
			return true;
	}
	return false;
}

/* "0@(2,3),1@0,2@1": main where no worker is, if there is such a CPU. */
static int put_lcores(char *to, size_t size, const struct conf_workers *w)
{
	cpu_set_t may;
	size_t n = 0;
	bool some = false;
	unsigned cpu, i;

	if (sched_getaffinity(0, sizeof(may), &may) != 0)
		return -errno;
	for (i = 0; i < w->n; i++) {
		if (w->lcore[i] >= CPU_LIMIT || !CPU_ISSET(w->lcore[i], &may))
			return -ENODEV;
	}
	for (cpu = 0; cpu < CPU_LIMIT; cpu++)
		some |= CPU_ISSET(cpu, &may) && !is_worker_cpu(w, cpu);
	n += (size_t)snprintf(to + n, size - n, "0@(");
	for (cpu = 0, i = 0; cpu < CPU_LIMIT && n < size; cpu++) {
		if (CPU_ISSET(cpu, &may) && (!some || !is_worker_cpu(w, cpu)))
			n += (size_t)snprintf(to + n, size - n, "%s%u", i++ ? "," : "", cpu);
	}
	if (n < size)
		n += (size_t)snprintf(to + n, size - n, ")");
	for (i = 0; i < w->n && n < size; i++)
		n += (size_t)snprintf(to + n, size - n, ",%u@%u", i + 1, w->lcore[i]);
	return n < size ? 0 : -E2BIG;
}

/* DPDK makes its run-time folder even when nothing will be in it. */
static void leave_no_folder(void)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s", rte_eal_get_runtime_dir());
	slash = strrchr(path, '/');
	if (!slash || rmdir(path) != 0)
		return;
	*slash = '\0';
	(void)rmdir(path); /* empty too unless another DPDK program runs */
}

int eal_start(const struct conf *c, const char **error)
{
	static char lcores[8192], memory[16];
	static _Thread_local char text[TEXT_MAX];
	char *argv[ARGS_MAX];
	bool pci = false;
	int argc = 0, rc;

	if (started)
		return 0;
	*error = text;
	rc = put_lcores(lcores, sizeof(lcores), &c->workers);
	if (rc) {
		snprintf(text, sizeof(text),
			 "workers: a CPU in lcores does not exist here, or "
			 "this process may not run on it");
		return rc;
	}
	hugepages = c->workers.hugepages && free_huge_mb() >= c->workers.memory_mb;
	snprintf(memory, sizeof(memory), "%u", c->workers.memory_mb);

	argv[argc++] = (char *)"isthmusd";
	argv[argc++] = (char *)"--lcores";
	argv[argc++] = lcores;
	argv[argc++] = (char *)"-m";
	argv[argc++] = memory;
	/* No files, no sockets. */
	argv[argc++] = (char *)(hugepages ? "--in-memory" : "--no-shconf");
	argv[argc++] = (char *)(c->workers.telemetry ? "--file-prefix=isthmus" : "--no-telemetry");
	argv[argc++] = (char *)"--log-level=*:4"; /* warnings and worse */
	if (!hugepages)
		argv[argc++] = (char *)"--no-huge";
	for (unsigned i = 0; i < c->n_ports; i++) {
		if (!eal_is_pci(c->port[i].device))
			continue;
		pci = true;
		argv[argc++] = (char *)"-a";
		argv[argc++] = (char *)(uintptr_t)c->port[i].device;
	}
	if (!pci) {
		argv[argc++] = (char *)"--no-pci";
		argv[argc++] = (char *)"--iova-mode=va";
	}
	if (rte_eal_init(argc, argv) < 0) {
		snprintf(text, sizeof(text), "DPDK did not start with %u MB of %s: %s",
			 c->workers.memory_mb, hugepages ? "huge pages" : "ordinary memory",
			 strerror(rte_errno));
		return rte_errno ? -rte_errno : -EIO;
	}
	leave_no_folder();
	started = true;
	return 0;
}

int eal_node_of_worker(unsigned index)
{
	return (int)rte_lcore_to_socket_id(index + 1);
}

void *eal_zalloc(const char *what, size_t bytes, int node)
{
	void *p = rte_zmalloc_socket(what, bytes, RTE_CACHE_LINE_SIZE, node);

	return p ? p : rte_zmalloc(what, bytes, RTE_CACHE_LINE_SIZE);
}
