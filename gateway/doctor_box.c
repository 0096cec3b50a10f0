/* What of the machine itself decides whether the gateway is fast, or runs at all. */
#include "gateway/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS_MAX 16384

/* ---- CPUs -------------------------------------------------------------------------------- */

static bool has_flag(const char *flags, const char *flag)
{
	size_t n = strlen(flag);

	for (const char *p = flags; (p = strstr(p, flag)) != NULL; p += n)
		if (p > flags && p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n' || p[n] == '\0'))
			return true;
	return false;
}

static void features(struct doctor *d)
{
	char *info = malloc(FLAGS_MAX);
	char *flags, *end;

	if (!info || !doctor_read(d, info, FLAGS_MAX, "/proc/cpuinfo"))
		goto out;
	flags = strstr(info, "\nflags");
	end = flags ? strchr(flags + 1, '\n') : NULL;
	if (!flags || !end)
		goto out;
	*end = '\0';
	if (!has_flag(flags, "aes") || !has_flag(flags, "pclmulqdq"))
		doctor_say(
			d, DOCTOR_BAD, "cpu",
			"in a virtual machine, pass the host's CPU through; else another machine",
			"no AES-NI or PCLMULQDQ: encryption is many times slower");
	else if (has_flag(flags, "vaes") && has_flag(flags, "vpclmulqdq") &&
		 has_flag(flags, "avx512f"))
		doctor_say(d, DOCTOR_OK, "cpu", NULL,
			   "AVX-512 and VAES: IPsec-MB's fastest engine, and our own AES-GCM");
	else if (has_flag(flags, "vaes") && has_flag(flags, "vpclmulqdq") &&
		 has_flag(flags, "avx2"))
		doctor_say(d, DOCTOR_OK, "cpu", NULL,
			   "AVX2 and VAES: our own AES-GCM, with half the cycles of IPsec-MB's");
	else
		doctor_say(d, DOCTOR_NOTE, "cpu", NULL,
			   "AES-NI%s: AES-GCM takes twice the cycles that it does with VAES",
			   has_flag(flags, "avx2") ? " and AVX2" : "");
out:
	free(info);
}

static void worker_cpus(struct doctor *d)
{
	const struct conf_workers *w = &d->conf->workers;
	char online[256], isolated[256], governor[64], bad[256] = "", shared[256] = "",
						       slow[256] = "";
	unsigned doubled = 0;

	if (!doctor_read(d, online, sizeof(online), "/sys/devices/system/cpu/online"))
		return;
	doctor_read(d, isolated, sizeof(isolated), "/sys/devices/system/cpu/isolated");
	for (unsigned i = 0; i < w->n; i++) {
		unsigned cpu = w->lcore[i];
		char *to = !doctor_in_list(online, cpu)	    ? bad
			   : !doctor_in_list(isolated, cpu) ? shared
							    : NULL;

		if (to)
			snprintf(to + strlen(to), 256 - strlen(to), "%s%u", *to ? "," : "", cpu);
		if (doctor_read(d, governor, sizeof(governor),
				"/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu) &&
		    strcmp(governor, "performance") != 0)
			snprintf(slow + strlen(slow), 256 - strlen(slow), "%s%u",
				 slow[0] ? "," : "", cpu);
		for (unsigned k = 0; k < i; k++)
			doubled += w->lcore[k] == cpu;
	}
	if (bad[0])
		doctor_say(d, DOCTOR_BAD, "workers", "choose lcores of those that are",
			   "no CPU %s here; online are %s", bad, online);
	else if (doubled)
		doctor_say(d, DOCTOR_NOTE, "workers", "give each worker a CPU of its own in lcores",
			   "workers share CPUs: they wait for each other");
	else
		doctor_say(d, DOCTOR_OK, "workers", NULL, "%u, each with a CPU of its own", w->n);
	if (shared[0] && !bad[0])
		doctor_say(
			d, DOCTOR_NOTE, "isolation",
			w->idle_nap
				? NULL
				: "add isolcpus, nohz_full and rcu_nocbs with these CPUs to the "
				  "kernel's command line, and leave CPU 0 to the rest",
			"the kernel schedules others on the workers' CPU %s: packets wait or are lost "
			"meanwhile",
			shared);
	else if (!bad[0])
		doctor_say(d, DOCTOR_OK, "isolation", NULL, "the workers' CPUs are theirs alone");
	if (slow[0])
		doctor_say(d, DOCTOR_NOTE, "frequency", "cpupower frequency-set -g performance",
			   "CPU %s saves power, and is slow when packets come", slow);
}

void doctor_cpus(struct doctor *d)
{
	features(d);
	if (d->conf)
		worker_cpus(d);
}

/* ---- memory ------------------------------------------------------------------------------ */

static uint64_t meminfo(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

static void huge_pages(struct doctor *d)
{
	char text[4096];
	uint64_t total, left, size_kb, need_mb = d->conf ? d->conf->workers.memory_mb : 512;
	bool wanted = !d->conf || d->conf->workers.hugepages;

	if (!doctor_read(d, text, sizeof(text), "/proc/meminfo"))
		return;
	total = meminfo(text, "HugePages_Total:");
	left = meminfo(text, "HugePages_Free:");
	size_kb = meminfo(text, "Hugepagesize:");
	if (!wanted)
		doctor_say(
			d, DOCTOR_NOTE, "huge pages", "set workers.hugepages = true",
			"not used, because the configuration says so: more cycles for each packet");
	else if (total == 0)
		doctor_say(
			d, DOCTOR_NOTE, "huge pages",
			"sysctl vm.nr_hugepages=N, with N pages for workers.memory_mb and a quarter "
			"more",
			"none reserved: physical ports with vfio-pci need them, others are slower");
	else if (!d->running && left * size_kb / 1024 < need_mb)
		doctor_say(d, DOCTOR_BAD, "huge pages",
			   "sysctl vm.nr_hugepages=N with more, or less workers.memory_mb",
			   "%llu MB free of %llu MB; workers.memory_mb asks for %llu MB",
			   (unsigned long long)(left * size_kb / 1024),
			   (unsigned long long)(total * size_kb / 1024),
			   (unsigned long long)need_mb);
	else
		doctor_say(d, DOCTOR_OK, "huge pages", NULL, "%llu of %llu kB, %llu free",
			   (unsigned long long)total, (unsigned long long)size_kb,
			   (unsigned long long)left);
}

/* A soft limit of this process; UINT64_MAX: unlimited. */
static uint64_t limit(const struct doctor *d, const char *name)
{
	char text[4096], *p;

	if (!doctor_read(d, text, sizeof(text), "/proc/self/limits"))
		return UINT64_MAX;
	p = strstr(text, name);
	if (!p)
		return UINT64_MAX;
	p += strlen(name);
	p += strspn(p, " ");
	return strncmp(p, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(p, NULL, 10);
}

void doctor_memory(struct doctor *d)
{
	uint64_t locked = limit(d, "Max locked memory"), files = limit(d, "Max open files");

	huge_pages(d);
	if (locked < 64u << 20)
		doctor_say(
			d, DOCTOR_NOTE, "locked memory",
			"LimitMEMLOCK=infinity in the unit, ulimit -l unlimited in a shell",
			"%llu kB may be locked: keys could reach swap, and vfio-pci maps nothing",
			(unsigned long long)(locked / 1024));
	else
		doctor_say(d, DOCTOR_OK, "locked memory", NULL,
			   "may be locked: keys never reach swap");
	if (files < 1024)
		doctor_say(d, DOCTOR_NOTE, "open files", "LimitNOFILE=65536 in the unit",
			   "%llu at most", (unsigned long long)files);
}
