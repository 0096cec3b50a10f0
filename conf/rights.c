#include "conf/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(name, what) UINT64_C(1) << CAP_##name |

static int keep(uint64_t list)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(list >> 32 * i);

		data[i].permitted &= word;
		data[i].effective &= word;
		data[i].inheritable &= word;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int rights_limit(void)
{
	uint64_t list = RIGHTS(BIT) 0;

	for (int i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (!(list >> i & 1) && prctl(PR_CAPBSET_DROP, i) < 0 && errno != EPERM)
			return -errno;
	return keep(list);
}

int rights_none(void)
{
	return keep(0);
}
