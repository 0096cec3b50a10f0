/* The doctor, looking at machines that are folders: each finding, and its next step. */
#include "gateway/doctor.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/isthmus-doctor-XXXXXX";
static struct conf conf;
static struct conf_port port[2];

static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(full, 0700);
		*p = '/';
	}
	unlink(full);
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void point(const char *path, const char *to)
{
	char full[512];

	put(path, "");
	snprintf(full, sizeof(full), "%s%s", root, path);
	unlink(full);
	assert_int_equal(symlink(to, full), 0);
}

static void fit_machine(void)
{
	put("/proc/cpuinfo", "processor : 0\nflags\t\t: fpu aes pclmulqdq avx2 avx512f vaes "
			     "vpclmulqdq\nbugs :\n");
	put("/proc/meminfo",
	    "HugePages_Total:     512\nHugePages_Free:      500\nHugepagesize:       "
	    "2048 kB\n");
	put("/proc/self/limits",
	    "Max locked memory         unlimited            unlimited            "
	    "bytes\nMax open files            65536                65536      files\n");
	put("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
	put("/proc/net/udp", "  sl  local_address\n");
	put("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
	put("/proc/sys/kernel/core_pattern", "core\n");
	put("/sys/devices/system/cpu/online", "0-7\n");
	put("/sys/devices/system/cpu/isolated", "2-3\n");
	put("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n");
	put("/sys/kernel/iommu_groups/0/type", "DMA\n");
	put("/sys/bus/pci/devices/0000:3b:00.0/vendor", "0x15b3\n");
	point("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../bus/pci/drivers/vfio-pci");
	put("/sys/class/net/eth1/operstate", "up\n");
	put("/sys/class/net/eth1/mtu", "1500\n");
	put("/isthmus.conf", "");
}

static int setup(void **state)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/isthmus.conf", root);
	memset(&conf, 0, sizeof(conf));
	fit_machine();
	chmod(path, 0600);
	conf.path = path;
	conf.workers = (struct conf_workers){
		.n = 2, .lcore = { 2, 3 }, .hugepages = true, .memory_mb = 512
	};
	conf.n_ports = 2;
	conf.port = port;
	strcpy(port[0].name, "wan");
	strcpy(port[0].device, "0000:3b:00.0");
	strcpy(port[1].name, "vpc");
	strcpy(port[1].device, "net_af_packet0,iface=eth1");
	port[1].mtu = 1500;
	return 0;
}

static char *look(struct doctor *d)
{
	size_t len;
	char *text;

	*d = (struct doctor){ .page = page_new(false), .conf = &conf, .root = root };
	page_list(d->page, "checks");
	doctor_box(d);
	page_end(d->page);
	doctor_verdict(d);
	text = strdup(page_finish(d->page, &len));
	page_free(d->page);
	return text;
}

static void a_fit_machine_is_called_so(void **state)
{
	struct doctor d;
	char *text = look(&d);

	assert_int_equal(d.bad, 0);
	/* The kernel's own interface. */
	assert_int_equal(d.notes, 1);
	assert_non_null(strstr(text, "Nothing is wrong; 1 to think about\n"));
	assert_non_null(strstr(text, "0000:3b:00.0 by vfio-pci"));
	free(text);
}

static void every_fault_is_found(void **state)
{
	static const struct {
		const char *path, *content; /* of a file of the machine */
		const char *found, *next;
	} rows[] = {
		{ "/proc/cpuinfo", "processor: 0\nflags\t\t: fpu sse2\nbugs :\n", "no AES-NI",
		  "pass the host's CPU" },
		{ "/proc/cpuinfo", "processor: 0\nflags\t\t: fpu aes pclmulqdq avx2\nbugs :\n",
		  "AES-NI and AVX2", NULL },
		{ "/proc/meminfo", "HugePages_Total: 0\nHugePages_Free: 0\nHugepagesize: 2048 kB\n",
		  "none reserved", "vm.nr_hugepages" },
		{ "/proc/meminfo", "HugePages_Total: 9\nHugePages_Free: 9\nHugepagesize: 2048 kB\n",
		  "18 MB free of 18 MB; workers.memory_mb asks for 512 MB", "vm.nr_hugepages" },
		{ "/proc/self/limits",
		  "Max locked memory 65536 65536 bytes\nMax open files 256 9 f\n",
		  "64 kB may be locked", "LimitMEMLOCK=infinity" },
		{ "/proc/self/limits",
		  "Max locked memory 65536 65536 bytes\nMax open files 256 9 f\n", "256 at most",
		  "LimitNOFILE" },
		{ "/proc/self/status", "CapEff:\t0000000000001000\n",
		  "missing: net_raw ipc_lock sys_nice", "as root" },
		{ "/proc/net/udp", "  0: 00000000:01F4 00000000:0000 07\n", "another IKE daemon",
		  "ss -ulpn" },
		{ "/proc/sys/net/ipv4/ip_local_port_range", "40000 40999\n",
		  "only 1000 local ports", "sysctl" },
		{ "/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump\n",
		  "isthmusd makes none", NULL },
		{ "/sys/devices/system/cpu/online", "0-2\n", "no CPU 3 here; online are 0-2",
		  "choose lcores" },
		{ "/sys/devices/system/cpu/isolated", "\n", "the workers' CPU 2,3", "isolcpus" },
		{ "/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n",
		  "CPU 2 saves power", "cpupower" },
		{ "/sys/class/net/eth1/operstate", "down\n", "interface eth1 is down",
		  "set it up" },
		{ "/sys/class/net/eth1/mtu", "1400\n", "has an MTU of 1400, the port one of 1500",
		  "lower the port's" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct doctor d;
		char *text, *at, *next;

		setup(NULL);
		put(rows[i].path, rows[i].content);
		text = look(&d);
		at = strstr(text, rows[i].found);
		if (!at)
			fail_msg("row %u: no '%s' in\n%s", i, rows[i].found, text);
		next = strchr(at, '\n') + 1;
		if (rows[i].next && (!strstr(next, rows[i].next) || !strstr(next, "->")))
			fail_msg("row %u: no '%s' in\n%s", i, rows[i].next, text);
		free(text);
	}
}

static void a_port_of_the_kernels_is_named(void **state)
{
	struct doctor d;
	char *text;

	point("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../bus/pci/drivers/ixgbe");
	text = look(&d);
	assert_non_null(strstr(text, "belongs to the kernel's driver ixgbe"));
	assert_int_equal(d.bad, 1);
	free(text);
	strcpy(port[0].device, "0000:3b:00.7");
	text = look(&d);
	assert_non_null(strstr(text, "there is no PCI device 0000:3b:00.7"));
	free(text);
}

static void keys_that_others_can_read(void **state)
{
	struct doctor d;
	char *text;

	chmod(conf.path, 0644);
	text = look(&d);
	assert_non_null(strstr(text, "can be read or written by others"));
	free(text);
}

static void every_reason_has_a_next_step(void **state)
{
	struct conf_tunnel t = { .name = "dc1-1" };
	struct tunnel one = { .conf = &t, .enabled = true };
	struct tunnels all = { .n = 1, .count = 1, .v = &one };

	addr_parse(&t.customer_ip, "198.51.100.2");
	addr_parse(&t.cloud_ip, "203.0.113.1");
	for (unsigned r = 0; r < IKE_REASON_COUNT; r++) {
		struct doctor d = { .page = page_new(false), .root = root };
		const char *text;
		size_t len;

		one.reason = (enum ike_reason)r;
		page_list(d.page, "checks");
		doctor_tunnels(&d, &all);
		page_end(d.page);
		text = page_finish(d.page, &len);
		assert_non_null(strstr(text, " BAD   tunnel dc1-1   DOWN"));
		assert_non_null(strstr(text, "\n                      -> "));
		assert_null(strchr(text, '{'));
		page_free(d.page);
	}
}

static int teardown(void **state)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -r '%s'", root);
	return system(line);
}

static int make_root(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_fit_machine_is_called_so, setup),
		cmocka_unit_test_setup(every_fault_is_found, setup),
		cmocka_unit_test_setup(a_port_of_the_kernels_is_named, setup),
		cmocka_unit_test_setup(keys_that_others_can_read, setup),
		cmocka_unit_test_setup(every_reason_has_a_next_step, setup),
	};

	return cmocka_run_group_tests(tests, make_root, teardown);
}
