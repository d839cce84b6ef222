#ifndef PROCS_ETH_BLS_BATCH_H
#define PROCS_ETH_BLS_BATCH_H

/* Part of engine.inc: many signatures at once. With factors r_i, all signatures s_i by keys p_i on messages
 * m_i are valid, up to the chance of a lucky factor, when
 *
 *     product over messages m of e(sum of r_i p_i over i with m_i = m, H(m))  =  e(g1, sum of r_i s_i).
 *
 * A factor is a + b x^2 with 32-bit a, b, which the endomorphisms (-phi on G1, psi^2 on G2) turn into two
 * products of half the length. The 2^64 pairs give 2^64 different factors modulo r: |a + b x^2| < 2^160 < r.
 */

struct batch {
	uint32_t (*factors)[2]; /* by item */
	uint32_t *order;        /* items, equal messages side by side */
};

static void batch_factors(struct batch *b, size_t n, const uint8_t seed[BLS_SEED_BYTES])
{
	uint8_t out[256];
	for (size_t i = 0; i < n; i++) {
		uint64_t counter = i / 32;
		if (i % 32 == 0)
			bls_expand_message(out, &counter, sizeof(counter), seed, BLS_SEED_BYTES);
		memcpy(b->factors[i], out + 8 * (i % 32), 8);
		b->factors[i][0] |= 1;
	}
}

static int item_cmp(const struct bls_item *a, const struct bls_item *b)
{
	if (a->message_len != b->message_len)
		return a->message_len < b->message_len ? -1 : 1;
	return a->message_len ? memcmp(a->message, b->message, a->message_len) : 0;
}

/* Heap sort: in place, without recursion, n log n whatever the messages are. */
static void batch_sort(struct batch *b, const struct bls_item *items, size_t n)
{
	uint32_t *o = b->order;
	for (size_t i = 0; i < n; i++)
		o[i] = (uint32_t)i;
	for (size_t start = n / 2, end = n; end > 1;) {
		uint32_t v;
		if (start) {
			v = o[--start];
		} else {
			v = o[--end];
			o[end] = o[0];
		}
		size_t i = start, child;
		while ((child = 2 * i + 1) < end) {
			if (child + 1 < end && item_cmp(&items[o[child]], &items[o[child + 1]]) < 0)
				child++;
			if (item_cmp(&items[v], &items[o[child]]) >= 0)
				break;
			o[i] = o[child];
			i = child;
		}
		o[i] = v;
	}
}

/* r += [a + b x^2] p */
static void g1_mul_factor(struct g1 *r, const struct g1a *p, const uint32_t factor[2])
{
	struct g1a q = *p;
	struct g1 both, t;
	fp_mul(&q.x, &q.x, &fp_beta);
	fp_neg(&q.y, &q.y);
	g1_from_affine(&both, p);
	g1_add_affine(&both, &both, &q);
	g1_set_inf(&t);
	for (int i = 31; i >= 0; i--) {
		unsigned column = (factor[0] >> i & 1) | (factor[1] >> i & 1) << 1;
		g1_dbl(&t, &t);
		if (column == 3)
			g1_add(&t, &t, &both);
		else if (column)
			g1_add_affine(&t, &t, column == 1 ? p : &q);
	}
	g1_add(r, r, &t);
}

static void g2_mul_factor(struct g2 *r, const struct g2a *p, const uint32_t factor[2])
{
	struct g2a q;
	struct g2 both, t;
	fp2_mul_fp(&q.x, &p->x, &fp_psi2_x);
	fp2_neg(&q.y, &p->y);
	g2_from_affine(&both, p);
	g2_add_affine(&both, &both, &q);
	g2_set_inf(&t);
	for (int i = 31; i >= 0; i--) {
		unsigned column = (factor[0] >> i & 1) | (factor[1] >> i & 1) << 1;
		g2_dbl(&t, &t);
		if (column == 3)
			g2_add(&t, &t, &both);
		else if (column)
			g2_add_affine(&t, &t, column == 1 ? p : &q);
	}
	g2_add(r, r, &t);
}

static int batch_verify(const struct bls_item *items, size_t n, const uint8_t *seed, void *scratch)
{
	struct batch b = {.factors = scratch};
	b.order = (uint32_t *)(b.factors + n);
	struct product t;
	struct g2 sum, h;
	struct g2a q;
	struct g1a p;
	t.n = t.started = 0;
	batch_factors(&b, n, seed);
	batch_sort(&b, items, n);
	g2_set_inf(&sum);
	for (size_t i = 0; i < n; i++) {
		signature_point(&q, items[i].signature);
		g2_mul_factor(&sum, &q, b.factors[i]);
	}
	for (size_t i = 0, j; i < n; i = j) {
		const struct bls_item *first = &items[b.order[i]];
		struct g1 key;
		g1_set_inf(&key);
		for (j = i; j < n && item_cmp(first, &items[b.order[j]]) == 0; j++) {
			key_point(&p, items[b.order[j]].key);
			g1_mul_factor(&key, &p, b.factors[b.order[j]]);
		}
		g1_to_affine(&p, &key);
		hash_point(&h, first->message, first->message_len, BLS_DST, BLS_DST_LEN);
		g2_to_affine(&q, &h);
		product_add(&t, &p, &q);
	}
	g2_to_affine(&q, &sum);
	return product_check(&t, &q);
}

#endif
