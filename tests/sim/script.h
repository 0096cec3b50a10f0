/* Two nodes that want something at the same time, and all that must come of it, word for word.
 *
 * Both wishes become requests that cross on the wire. One exchange, that of node `whose`, suffers
 * the fate of the case. The lowest nonce of a collision is forced. What is expected is a line as in
 * tests/sim/trace.h; beside it always holds: one IKE SA and one pair remain, the same at both ends,
 * nothing has leaked, and where nobody deleted anything not one packet was lost. */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include <stddef.h>

struct sim;

enum script_wish {
	CREATE_CHILD, /* the first pair was lost at both ends before */
	REKEY_CHILD,
	DELETE_CHILD,
	REKEY_IKE,
	DELETE_IKE,
	LACK_CHILD, /* the pair is gone here, and the peer has not been told */
	REFUSE,	    /* everything, by TEMPORARY_FAILURE */
};

enum script_fate {
	IN_ORDER,
	ANSWER_LATE,  /* by 300 ms: after all that follows it, before its repetition */
	REQUEST_LOST, /* once */
	ANSWER_LOST,  /* once */
	DOUBLED,      /* every message of both nodes for two seconds */
	AFTER_DELETE, /* a copy of the request and the first answer come when all is over */
};

/* Whose nonce is the lowest: of a request, or of the answer to the other's request. */
enum script_lowest { ANY, REQUEST_0, REQUEST_1, ANSWER_0, ANSWER_1 };

struct script_case {
	const char *name;
	enum script_wish wish[2];
	enum script_fate fate;
	unsigned whose;
	enum script_lowest lowest;
	const char *expected;
};

/* All cases as cmocka tests; its result is the program's. With SCRIPT_RECORD in the environment
 * prints what happened instead of asserting it. */
int script_main(const char *group, const struct script_case *cases, size_t n);

#endif
