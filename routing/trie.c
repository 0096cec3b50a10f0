#include "routing/trie.h"

#include <stdlib.h>

static struct node **root_of(struct trie *t, const struct prefix *p)
{
	return p->addr.family == ADDR_IPV6 ? &t->root6 : &t->root4;
}

static unsigned bit_at(const struct prefix *p, unsigned i)
{
	return p->addr.b[i / 8] >> (7 - i % 8) & 1;
}

/* How many leading bits a and b share, at most the length of the shorter. */
static unsigned common_bits(const struct prefix *a, const struct prefix *b)
{
	unsigned max = a->len < b->len ? a->len : b->len;

	for (unsigned i = 0; i * 8 < max; i++) {
		unsigned diff = a->addr.b[i] ^ b->addr.b[i];
		unsigned bits;

		if (diff == 0)
			continue;
		bits = i * 8 + (unsigned)__builtin_clz(diff) - 24;
		return bits < max ? bits : max;
	}
	return max;
}

struct node *trie_find(const struct trie *t, const struct prefix *p)
{
	struct node *n = p->addr.family == ADDR_IPV6 ? t->root6 : t->root4;

	while (n != NULL && n->prefix.len < p->len)
		n = n->child[bit_at(p, n->prefix.len)];
	return n != NULL && prefix_equal(&n->prefix, p) ? n : NULL;
}

static struct node *node_new(const struct prefix *p)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n != NULL)
		n->prefix = *p;
	return n;
}

static void hang_under(struct node *parent, struct node *child)
{
	parent->child[bit_at(&child->prefix, parent->prefix.len)] = child;
	child->parent = parent;
}

/* Puts n where old is, and old somewhere below n: directly, or n is a fork with beside on its other
 * side. */
static void insert_above(struct node **link, struct node *n, struct node *old, struct node *beside)
{
	*link = n;
	n->parent = old->parent;
	n->claims = old->claims;
	hang_under(n, old);
	if (beside != NULL)
		hang_under(n, beside);
}

struct node *trie_get(struct trie *t, const struct prefix *p)
{
	struct node **link = root_of(t, p), *parent = NULL, *old, *n, *fork;
	unsigned common = 0;

	for (old = *link; old != NULL; old = *link) {
		common = common_bits(&old->prefix, p);
		if (common < old->prefix.len)
			break;
		if (old->prefix.len == p->len)
			return old;
		parent = old;
		link = &old->child[bit_at(p, old->prefix.len)];
	}
	n = node_new(p);
	if (n == NULL)
		return NULL;
	if (old == NULL) {
		*link = n;
		n->parent = parent;
	} else if (common == p->len) {
		insert_above(link, n, old, NULL);
	} else {
		struct prefix shared = { .addr = p->addr, .len = (uint8_t)common };

		shared = prefix_network(&shared);
		fork = node_new(&shared);
		if (fork == NULL) {
			free(n);
			return NULL;
		}
		insert_above(link, fork, old, n);
	}
	return n;
}

static bool remove_if_useless(struct trie *t, struct node *n)
{
	struct node *only = n->child[0] != NULL ? n->child[0] : n->child[1];
	struct node **link;

	if (n->here != NULL || (n->child[0] != NULL && n->child[1] != NULL))
		return false;
	link = n->parent == NULL ? root_of(t, &n->prefix)
				 : &n->parent->child[n->parent->child[1] == n];
	*link = only;
	if (only != NULL)
		only->parent = n->parent;
	free(n);
	return true;
}

void trie_prune(struct trie *t, struct node *n)
{
	struct node *parent = n->parent;

	if (remove_if_useless(t, n) && parent != NULL)
		remove_if_useless(t, parent);
}

static void clear(struct node *n)
{
	if (n == NULL)
		return;
	clear(n->child[0]);
	clear(n->child[1]);
	for (struct claim *c = n->here, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(n);
}

void trie_clear(struct trie *t)
{
	clear(t->root4);
	clear(t->root6);
	*t = (struct trie){ 0 };
}
