#include "tests/golden/pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	 0xa1b2c3d4 /* microseconds, this machine's byte order */
#define ETHERNET 1

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap, link;
};

struct frame_header {
	uint32_t sec, usec, captured, len;
};

static int read_frame(FILE *in, struct pcap *p)
{
	struct frame_header h;
	struct pcap_frame *more, *f;

	if (fread(&h, sizeof(h), 1, in) != 1)
		return feof(in) ? 1 : -EIO;
	if (h.captured != h.len || h.len > PCAP_FRAME_MAX)
		return -EINVAL;
	more = realloc(p->frame, (p->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->frame = more;
	f = &p->frame[p->n];
	f->sec = h.sec;
	f->usec = h.usec;
	f->len = h.len;
	if (fread(f->bytes, 1, h.len, in) != h.len)
		return -EINVAL;
	p->n++;
	return 0;
}

int pcap_read(struct pcap *p, const char *path)
{
	struct file_header h;
	FILE *in = fopen(path, "rb");
	int rc = -EINVAL;

	*p = (struct pcap){ 0 };
	if (!in)
		return -errno;
	if (fread(&h, sizeof(h), 1, in) != 1 || h.magic != MAGIC || h.link != ETHERNET)
		goto out;
	do {
		rc = read_frame(in, p);
	} while (rc == 0);
	if (rc > 0)
		rc = 0;
out:
	fclose(in);
	if (rc)
		pcap_clear(p);
	return rc;
}

void pcap_clear(struct pcap *p)
{
	free(p->frame);
	*p = (struct pcap){ 0 };
}
