/* What BIRD is told to do: configuration, sessions on and off; and what else it is asked. */
#include "routing/bird_client.h"

#include "routing/bird_names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLYING_LOOK (50 * BIRD_MS)

/* Reconfiguration is accepted and done, or goes on until "configure status" says so. */
enum { CODE_DONE = 3, CODE_IN_PROGRESS = 4, CODE_QUEUED = 5, CODE_CONTINUED = 8 };

static struct bird_link *link_of(struct bird *b, const struct operation *op)
{
	return &b->link[op->kind == OPERATION_SHOW ? BIRD_DUMP : BIRD_CONTROL];
}

static void end(struct bird *b, struct operation *op, int error, const char *text)
{
	struct operation **at = &b->operations;

	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	if (op->done)
		op->done(op->ctx, error, text);
	free(op);
}

void bird_control_reset(struct bird *b, int error)
{
	struct operation *op = b->operations, *next;

	b->operations = NULL;
	for (; op; op = next) {
		next = op->next;
		if (op->done)
			op->done(op->ctx, error, b->trouble);
		free(op);
	}
}

void bird_control_answer(struct bird *b, const struct bird_request *request,
			 const struct bird_line *line)
{
	struct operation *op = request->ptr;
	char text[512];

	if (op->kind == OPERATION_SHOW && op->line && line->kind == BIRD_LINE_MORE)
		op->line(op->ctx, line->text);
	/* "configure status" ends with 0000; what counts is the line before. */
	if (op->applying && line->kind == BIRD_LINE_MORE && line->code == CODE_DONE)
		op->applying = false;
	if (line->kind != BIRD_LINE_LAST)
		return;
	op->asked = false;
	bird_text_copy(text, sizeof(text), line->text);
	if (line->code >= 8000) {
		end(b, op, -EINVAL, text);
	} else if (op->kind == OPERATION_CONFIGURE &&
		   (op->applying || line->code == CODE_IN_PROGRESS || line->code == CODE_QUEUED ||
		    line->code == CODE_CONTINUED)) {
		op->applying = true;
		op->ask_at = b->now + APPLYING_LOOK;
		snprintf(op->command, sizeof(op->command), "configure status");
	} else {
		end(b, op, 0, text);
	}
}

void bird_set_admin(struct bird *b, struct session *s, enum bird_admin admin)
{
	b->n_admins += (admin != ADMIN_NONE) - (s->admin != ADMIN_NONE);
	s->admin = admin;
}

static void tell_admins(struct bird *b)
{
	static const char *const verb[] = { "", "enable", "disable", "restart" };

	for (uint32_t i = 0; b->n_admins > 0 && i < b->n_sessions; i++) {
		struct bird_request request = { .kind = ASK_ADMIN, .index = i };
		struct session *s = b->session[i];

		if (!s || s->admin == ADMIN_NONE)
			continue;
		if (!bird_link_ask(&b->link[BIRD_CONTROL], b->now, request, "%s \"tun*_%u\"",
				   verb[s->admin], i))
			return;
		if (s->admin != ADMIN_RESTART)
			s->disabled = s->admin == ADMIN_DISABLE;
		bird_set_admin(b, s, ADMIN_NONE);
	}
}

void bird_control_pump(struct bird *b)
{
	if (b->phase != PHASE_UP)
		return;
	tell_admins(b);
	for (struct operation *op = b->operations; op; op = op->next) {
		struct bird_request request = { .kind = ASK_OPERATION, .ptr = op };

		if (op->asked || b->now < op->ask_at)
			continue;
		op->asked = bird_link_ask(link_of(b, op), b->now, request, "%s", op->command);
		if (!op->asked)
			break; /* later ones wait behind it */
	}
}

uint64_t bird_control_deadline(const struct bird *b)
{
	uint64_t at = BIRD_NEVER;

	for (const struct operation *op = b->operations; op; op = op->next)
		if (!op->asked && op->ask_at > 0 && op->ask_at < at)
			at = op->ask_at;
	return at;
}

static int operate(struct bird *b, struct operation *op, bird_done_fn done, void *ctx)
{
	struct operation **at = &b->operations;

	if (!op)
		return -ENOMEM;
	op->done = done;
	op->ctx = ctx;
	while (*at)
		at = &(*at)->next;
	*at = op;
	bird_control_pump(b);
	bird_wake(b);
	return 0;
}

static struct operation *operation(int kind, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static struct operation *operation(int kind, const char *format, ...)
{
	struct operation *op = calloc(1, sizeof(*op));
	va_list args;

	if (!op)
		return NULL;
	op->kind = kind;
	va_start(args, format);
	vsnprintf(op->command, sizeof(op->command), format, args);
	va_end(args);
	return op;
}

int bird_check(struct bird *b, const char *path, bird_done_fn done, void *ctx)
{
	if (!bird_string_is_safe(path) || strlen(path) >= 512)
		return -EINVAL;
	if (b->phase != PHASE_UP)
		return -EAGAIN;
	return operate(b, operation(OPERATION_CHECK, "configure check \"%s\"", path), done, ctx);
}

int bird_configure(struct bird *b, bird_done_fn done, void *ctx)
{
	if (b->phase != PHASE_UP)
		return -EAGAIN;
	return operate(b, operation(OPERATION_CONFIGURE, "configure"), done, ctx);
}

int bird_show(struct bird *b, const char *command, void (*fn)(void *ctx, struct bird_text line),
	      bird_done_fn done, void *ctx)
{
	struct operation *op;

	if (strncmp(command, "show ", 5) != 0 || strpbrk(command, "\r\n") || strlen(command) >= 512)
		return -EINVAL;
	if (b->phase != PHASE_UP)
		return -EAGAIN;
	op = operation(OPERATION_SHOW, "%s", command);
	if (op)
		op->line = fn;
	return operate(b, op, done, ctx);
}
