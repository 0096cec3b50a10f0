/* What the gateway needs of the rest of the system: ports, files, BIRD, the clock, rights. */
#include "gateway/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

/* ---- ports ------------------------------------------------------------------------------- */

/* "0000:3b:00.0" */
static bool is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	int n = 0;

	return sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &n) == 4 &&
	       (device[n] == '\0' || device[n] == ',');
}

static void pci_port(struct doctor *d, const struct conf_port *p)
{
	char pci[16], path[600], link[512], name[160], *driver;
	ssize_t n;

	snprintf(pci, sizeof(pci), "%.12s", p->device);
	snprintf(name, sizeof(name), "port %s", p->name);
	if (!doctor_exists(d, "/sys/bus/pci/devices/%s", pci)) {
		doctor_say(d, DOCTOR_BAD, name, "lspci -D lists them; correct the port's device",
			   "there is no PCI device %s", pci);
		return;
	}
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", d->root, pci);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	driver = basename(link);
	if (n <= 0)
		doctor_say(d, DOCTOR_BAD, name, "dpdk-devbind.py --bind=vfio-pci, with its address",
			   "%s has no driver", pci);
	else if (strcmp(driver, "vfio-pci") == 0 || strncmp(driver, "mlx", 3) == 0 ||
		 strcmp(driver, "igb_uio") == 0 || strcmp(driver, "uio_pci_generic") == 0 ||
		 strcmp(driver, "mana") == 0)
		doctor_say(d, DOCTOR_OK, name, NULL, "%s by %s", pci, driver);
	else
		doctor_say(d, DOCTOR_BAD, name, "dpdk-devbind.py --bind=vfio-pci, with its address",
			   "%s belongs to the kernel's driver %s", pci, driver);
}

static void kernel_port(struct doctor *d, const struct conf_port *p, const char *iface)
{
	char link[64], state[32] = "", name[160], mtu[16];
	size_t n = strcspn(iface, ",");

	snprintf(link, sizeof(link), "%.*s", (int)(n < 63 ? n : 63), iface);
	snprintf(name, sizeof(name), "port %s", p->name);
	if (!doctor_exists(d, "/sys/class/net/%s", link)) {
		doctor_say(d, DOCTOR_BAD, name, "ip link lists them; correct the port's device",
			   "there is no interface %s in this network namespace", link);
		return;
	}
	doctor_read(d, state, sizeof(state), "/sys/class/net/%s/operstate", link);
	if (strcmp(state, "down") == 0)
		doctor_say(d, DOCTOR_BAD, name, "ip link set it up; is a cable in it?",
			   "interface %s is down", link);
	else if (doctor_read(d, mtu, sizeof(mtu), "/sys/class/net/%s/mtu", link) &&
		 atoi(mtu) < p->mtu)
		doctor_say(d, DOCTOR_BAD, name, "ip link set its mtu, or lower the port's",
			   "interface %s has an MTU of %s, the port one of %u", link, mtu, p->mtu);
	else
		doctor_say(d, DOCTOR_NOTE, name, NULL,
			   "interface %s of the kernel's: much slower than a port of DPDK's own",
			   link);
}

/* UDP sockets of others on IKE's ports, in /proc/net/udp: both would answer the peers. */
static void other_ike(struct doctor *d)
{
	char *text = malloc(65536);

	if (text && doctor_read(d, text, 65536, "/proc/net/udp") &&
	    (strstr(text, ":01F4 ") || strstr(text, ":1194 ")))
		doctor_say(
			d, DOCTOR_BAD, "IKE ports",
			"ss -ulpn 'sport = :500' names it; end it, or give it another namespace",
			"another IKE daemon has UDP 500 or 4500 here, and answers our peers, too");
	free(text);
}

void doctor_ports(struct doctor *d)
{
	bool pci = false, kernel = false;

	for (unsigned i = 0; d->conf && i < d->conf->n_ports; i++) {
		const struct conf_port *p = &d->conf->port[i];
		const char *iface = strstr(p->device, "iface=");

		if (is_pci(p->device))
			pci_port(d, p);
		else if (iface)
			kernel_port(d, p, iface + strlen("iface="));
		pci = pci || is_pci(p->device);
		kernel = kernel || iface;
	}
	if (kernel)
		other_ike(d);
	if (!pci)
		return;
	if (doctor_exists(d, "/sys/kernel/iommu_groups/0"))
		doctor_say(d, DOCTOR_OK, "IOMMU", NULL, "in use");
	else
		doctor_say(
			d, DOCTOR_NOTE, "IOMMU",
			"intel_iommu=on iommu=pt (or amd_iommu) on the kernel's command line; or "
			"vfio's enable_unsafe_noiommu_mode",
			"none: vfio-pci refuses devices");
}

/* ---- files ------------------------------------------------------------------------------- */

static void file(struct doctor *d)
{
	struct stat st;

	if (stat(d->conf->path, &st) < 0)
		doctor_say(d, DOCTOR_BAD, "configuration", NULL, "%s: %s", d->conf->path,
			   strerror(errno));
	else if (st.st_mode & 077)
		doctor_say(d, DOCTOR_BAD, "configuration", "chmod 600, because it holds keys",
			   "%s can be read or written by others", d->conf->path);
	else
		doctor_say(d, DOCTOR_OK, "configuration", NULL, "%s, its owner's alone",
			   d->conf->path);
}

/* ---- BIRD -------------------------------------------------------------------------------- */

static bool uses_bgp(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (c->connection[i].bgp)
			return true;
	return false;
}

static void bird_version(const char *program, char *to, size_t size)
{
	char line[CONF_DEVICE_BYTES + 64];
	FILE *p;

	to[0] = '\0';
	if (strpbrk(program, "'\n"))
		return;
	snprintf(line, sizeof(line), "'%s' --version 2>&1", program);
	p = popen(line, "re");
	if (p && !fgets(to, (int)size, p))
		to[0] = '\0';
	if (p)
		pclose(p);
	to[strcspn(to, "\n")] = '\0';
}

static void bird(struct doctor *d)
{
	const struct conf_bird *b = &d->conf->bird;
	char version[128];

	if (b->attach[0]) {
		if (doctor_exists(d, "%s", b->attach))
			doctor_say(d, DOCTOR_OK, "BIRD", NULL, "yours, at %s", b->attach);
		else
			doctor_say(d, DOCTOR_BAD, "BIRD", "start it, or correct bird.attach",
				   "nobody listens at %s", b->attach);
		return;
	}
	if (d->running)
		snprintf(version, sizeof(version), "%s%s", d->bird[0] ? "BIRD version " : "",
			 d->bird);
	else
		bird_version(b->program, version, sizeof(version));
	if (access(b->program, X_OK) < 0)
		doctor_say(d, DOCTOR_BAD, "BIRD", "apt install bird2", "%s: %s", b->program,
			   strerror(errno));
	else if (!strstr(version, "version 2.") && (!d->running || version[0]))
		doctor_say(d, DOCTOR_BAD, "BIRD", "apt install bird2",
			   "%s says '%s'; version 2 is needed", b->program, version);
	else if (!getpwnam(b->user) || !getgrnam(b->group))
		doctor_say(d, DOCTOR_BAD, "BIRD",
			   "create them, or correct bird.user and bird.group",
			   "there is no user '%s' or no group '%s'", b->user, b->group);
	else
		doctor_say(d, DOCTOR_OK, "BIRD", NULL, "%s, %s", b->program,
			   version[0] ? version : "which does not run yet");
	if (!doctor_exists(d, "/dev/net/tun"))
		doctor_say(d, DOCTOR_BAD, "TUN", "modprobe tun",
			   "no /dev/net/tun, which BGP's packets go through");
}

/* ---- clock, rights, limits --------------------------------------------------------------- */

static void clock_sync(struct doctor *d)
{
	struct timex t = { 0 };

	if (d->root[0] || adjtimex(&t) < 0)
		return;
	if (t.status & STA_UNSYNC)
		doctor_say(d, DOCTOR_NOTE, "clock", "apt install chrony",
			   "not synchronised: logs and the customer's cannot be compared");
	else
		doctor_say(d, DOCTOR_OK, "clock", NULL, "synchronised");
}

static void capabilities(struct doctor *d)
{
	static const struct {
		unsigned bit;
		const char *name;
	} needed[] = {
		{ 12, "net_admin" }, { 13, "net_raw" }, { 14, "ipc_lock" }, { 23, "sys_nice" }
	};
	char text[4096], missing[128] = "", *p;
	uint64_t held;

	if (!doctor_read(d, text, sizeof(text), "/proc/self/status") ||
	    !(p = strstr(text, "CapEff:")))
		return;
	held = strtoull(p + strlen("CapEff:"), NULL, 16);
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(held >> needed[i].bit & 1))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 " %s", needed[i].name);
	if (missing[0])
		doctor_say(d, DOCTOR_BAD, "capabilities",
			   "run it as root, or by the unit of the package", "missing:%s", missing);
	else
		doctor_say(d, DOCTOR_OK, "capabilities", NULL, "all that are needed");
}

static void kernel(struct doctor *d)
{
	char text[128];
	unsigned first, last;

	if (doctor_read(d, text, sizeof(text), "/proc/sys/net/ipv4/ip_local_port_range") &&
	    sscanf(text, "%u %u", &first, &last) == 2 && last - first < 2000)
		doctor_say(d, DOCTOR_NOTE, "BGP ports",
			   "sysctl net.ipv4.ip_local_port_range='32768 60999'",
			   "only %u local ports for BGP sessions that we open", last - first + 1);
	if (doctor_read(d, text, sizeof(text), "/proc/sys/kernel/core_pattern") && text[0] == '|')
		doctor_say(
			d, DOCTOR_OK, "core dumps", NULL,
			"go to a program (%.40s); isthmusd makes none, because of the keys in it",
			text + 1);
}

void doctor_system(struct doctor *d)
{
	if (d->conf) {
		file(d);
		if (uses_bgp(d->conf))
			bird(d);
	}
	clock_sync(d);
	capabilities(d);
	kernel(d);
}
