/* show tunnel NAME history: the samples of its minutes, drawn or as JSON. */
#include "gateway/show.h"

#include "gateway/clock.h"
#include "gateway/format.h"
#include "gateway/gateway.h"
#include "gateway/log.h"
#include "gateway/sampler.h"
#include "gateway/samples.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOURS_DEFAULT 24
#define COLUMNS	      72
#define ROWS	      3
#define AT_ONCE	      1440 /* rows of JSON a turn of the loop */
#define CELL	      4	   /* bytes of a character and NUL */

struct drawing {
	struct command_call *call;
	struct event *turn;
	struct samples_reader *reader;
	char name[CONF_NAME_BYTES];
	uint32_t first;
	unsigned n, next; /* minutes; next: of JSON */
	bool listing;
	struct sample *sample;
	bool *known;
};

static const struct timeval at_once;

static void forget(struct drawing *d)
{
	if (d->turn)
		event_free(d->turn);
	if (d->reader)
		samples_read_end(d->reader);
	free(d->sample);
	free(d->known);
	free(d);
}

static void end(struct drawing *d, int rc)
{
	struct command_call *call = d->call;

	call->cancel = NULL;
	forget(d);
	command_finish(call, rc);
}

static void on_cancel(struct command_call *call)
{
	end(call->state, command_fail(call, -ECANCELED, "nobody reads it"));
}

static const char *minute_text(uint32_t minute, char buf[LOG_TIME_MAX])
{
	log_time((uint64_t)minute * 60 * CLOCK_SECOND, buf);
	memcpy(buf + strlen("2026-11-22T11:28"), "Z", 2);
	return buf;
}

/* ---- for a person ------------------------------------------------------------------------ */

static const struct {
	enum sample_field field;
	const char *title;
	bool bytes;
} charts[] = {
	{ SAMPLE_IN_BYTES, "plain in", true },
	{ SAMPLE_OUT_BYTES, "plain out", true },
	{ SAMPLE_IN_WIRE_BYTES, "encrypted in", true },
	{ SAMPLE_OUT_WIRE_BYTES, "encrypted out", true },
	{ SAMPLE_IN_PACKETS, "packets in", false },
	{ SAMPLE_OUT_PACKETS, "packets out", false },
};

static const char *rate(double value, bool bytes, char buf[FORMAT_NUMBER_MAX])
{
	if (bytes)
		return format_bytes((uint64_t)(value + 0.5), buf);
	if (value < 10)
		snprintf(buf, FORMAT_NUMBER_MAX, "%.1f", value);
	else
		format_count((uint64_t)(value + 0.5), buf);
	return buf;
}

/* A column's mean a second; negative: not known. */
static double column(const struct drawing *d, enum sample_field f, unsigned c)
{
	unsigned from = d->n * c / COLUMNS, to = d->n * (c + 1) / COLUMNS, n = 0;
	double sum = 0;

	for (unsigned i = from; i < to || i == from; i++) {
		if (!d->known[i])
			continue;
		sum += (double)d->sample[i].v[f];
		n++;
	}
	return n ? sum / n / 60 : -1;
}

static void draw_row(struct page *p, const double *v, double most, unsigned row)
{
	static const char *const level[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	char line[COLUMNS * CELL + 1] = "";
	size_t at = 0;

	for (unsigned c = 0; c < COLUMNS; c++) {
		double eighths = most > 0 ? v[c] / most * 8 * ROWS : 0;
		int here = (int)(eighths + 0.999) - (int)(8 * row);
		const char *cell = v[c] < 0 ? (row == 0 ? "." : " ")
					    : level[here < 0   ? 0
						    : here > 8 ? 8
							       : here];
		size_t len = strlen(cell);

		memcpy(line + at, cell, len);
		at += len;
	}
	line[at] = '\0';
	page_line(p, "  |%s", line);
}

static void draw(struct drawing *d)
{
	struct page *p = d->call->page;
	char from[LOG_TIME_MAX], to[LOG_TIME_MAX], most_text[FORMAT_NUMBER_MAX],
		mean_text[FORMAT_NUMBER_MAX];
	unsigned known = 0;

	for (unsigned i = 0; i < d->n; i++)
		known += d->known[i];
	if (known == 0) {
		page_line(p, "No minute of tunnel '%s' is known yet.", d->name);
		return;
	}
	for (size_t k = 0; k < sizeof(charts) / sizeof(charts[0]); k++) {
		double v[COLUMNS], most = 0, sum = 0;

		for (unsigned c = 0; c < COLUMNS; c++) {
			v[c] = column(d, charts[k].field, c);
			most = v[c] > most ? v[c] : most;
		}
		for (unsigned i = 0; i < d->n; i++)
			sum += d->known[i] ? (double)d->sample[i].v[charts[k].field] : 0;
		page_line(p, "%s, a second: mean %s, highest column %s", charts[k].title,
			  rate(sum / known / 60, charts[k].bytes, mean_text),
			  rate(most, charts[k].bytes, most_text));
		for (unsigned row = ROWS; row-- > 0;)
			draw_row(p, v, most, row);
	}
	page_line(p, "  %s%*s", minute_text(d->first, from), COLUMNS + 1 - (int)strlen(from),
		  minute_text(d->first + d->n, to));
	page_line(p, "%u of %u minutes are known; a column is %.3g minutes, '.' is not known.",
		  known, d->n, (double)d->n / COLUMNS);
}

/* ---- for a machine ----------------------------------------------------------------------- */

static void list_some(struct drawing *d)
{
	struct page *p = d->call->page;
	char text[LOG_TIME_MAX];

	if (!d->listing) {
		page_text(p, "name", NULL, d->name);
		page_text(p, "first_minute", NULL, minute_text(d->first, text));
		page_number(p, "minutes", NULL, d->n);
		page_list(p, "samples");
		d->listing = true;
	}
	for (unsigned k = 0; k < AT_ONCE && d->next < d->n; k++, d->next++) {
		if (!d->known[d->next])
			continue;
		page_object(p, NULL, NULL);
		page_text(p, "minute", NULL, minute_text(d->first + d->next, text));
		for (unsigned f = 0; f < SAMPLE_FIELD_COUNT; f++)
			page_number(p, sample_field_name(f), NULL, d->sample[d->next].v[f]);
		page_end(p);
	}
	if (d->next == d->n)
		page_end(p);
}

/* ---- the command ------------------------------------------------------------------------- */

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct drawing *d = ctx;

	if (d->reader) {
		if (!samples_read_more(d->reader)) {
			samples_read_end(d->reader);
			d->reader = NULL;
		}
	} else if (d->call->json) {
		list_some(d);
	} else {
		draw(d);
		d->next = d->n;
	}
	if (d->next == d->n)
		end(d, 0);
	else
		evtimer_add(d->turn, &at_once);
}

int show_tunnel_samples(struct command_call *call)
{
	const char *folder = sampler_folder(call->gateway->sampler);
	unsigned long hours = call->n > 4 ? strtoul(call->word[4], NULL, 10) : HOURS_DEFAULT;
	int64_t i = command_tunnel(call, 2);
	struct drawing *d;

	if (i < 0)
		return (int)i;
	if (hours < 1 || hours > SAMPLES_MINUTES / 60)
		return command_fail(call, -EINVAL, "'%s' hours: 1 to %d are kept", call->word[4],
				    SAMPLES_MINUTES / 60);
	if (!folder[0])
		return command_fail(call, -ENOENT,
				    "no history is kept: it needs a state_directory");
	d = calloc(1, sizeof(*d));
	if (!d)
		return command_fail(call, -ENOMEM, "out of memory");
	d->call = call;
	d->n = (unsigned)hours * 60;
	d->first = (uint32_t)(clock_unix() / CLOCK_SECOND / 60) - d->n;
	snprintf(d->name, sizeof(d->name), "%s", tunnels_name(call->gateway->tunnels, (uint32_t)i));
	d->turn = evtimer_new(call->gateway->base, on_turn, d);
	d->sample = calloc(d->n, sizeof(*d->sample));
	d->known = calloc(d->n, sizeof(*d->known));
	if (d->turn && d->sample && d->known)
		d->reader = samples_read(folder, d->name, d->first, d->n, d->sample, d->known);
	if (!d->reader) {
		forget(d);
		return command_fail(call, -ENOMEM, "out of memory");
	}
	call->state = d;
	call->cancel = on_cancel;
	evtimer_add(d->turn, &at_once);
	return COMMAND_LATER;
}
