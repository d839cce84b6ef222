#include "tools/shmtool.h"

enum { P_NAME, P_BLOCK_SIZE, P_BLOCKS, P_FREE, P_OWNED, P_KEPT, P_SENT };
static const struct col pool_cols[] = {
	[P_NAME] = {"name", COL_STR, 0, "name of the pool"},
	[P_BLOCK_SIZE] = {"block_size", COL_U64, 0, "bytes of a block"},
	[P_BLOCKS] = {"blocks", COL_U64, 0, "blocks it has"},
	[P_FREE] = {"free", COL_U64, 0, "blocks nobody has"},
	[P_OWNED] = {"owned", COL_U64, 0, "blocks of processes, free when they die"},
	[P_KEPT] = {"kept", COL_U64, 0, "blocks that pass to the next incarnation"},
	[P_SENT] = {"sent", COL_U64, 0, "blocks in messages that nobody has taken"},
};

static void pool_row(struct table *t, const struct shmchan_view_pool *p)
{
	table_row(t);
	table_str(t, P_NAME, p->name);
	table_u64(t, P_BLOCK_SIZE, p->block_size);
	table_u64(t, P_BLOCKS, p->block_cnt);
	table_u64(t, P_FREE, p->free);
	table_u64(t, P_OWNED, p->owned);
	table_u64(t, P_KEPT, p->kept);
	table_u64(t, P_SENT, p->sent);
}

static int list_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_pool p;
	int status = EXIT_OK, code;
	for (unsigned i = 0; (code = shmchan_view_pool(v, i, &p)) != SHMCHAN_ENOENT; i++) {
		if (code == 0)
			pool_row(t, &p);
		else
			status = shmtool_unreadable(cli, p.name, code);
	}
	return status;
}

static int pool_list(const struct cli *cli)
{
	return shmtool_rows(cli, false, list_fill);
}

static int show_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_pool p;
	unsigned i;
	int status = shmtool_pool(cli, v, cli->args[0], &i), code;
	if (status != EXIT_OK)
		return status;
	code = shmchan_view_pool(v, i, &p);
	if (code != 0)
		return shmtool_unreadable(cli, p.name, code);
	pool_row(t, &p);
	return EXIT_OK;
}

static int pool_show(const struct cli *cli)
{
	return shmtool_rows(cli, true, show_fill);
}

enum { O_BLOCK, O_STATE, O_OWNER, O_INCARNATION, O_ALIVE, O_CHANNEL, O_POSITION, O_TAG };
static const struct col owner_cols[] = {
	[O_BLOCK] = {"block", COL_U64, 0, "index of the block in the pool"},
	[O_STATE] = {"state", COL_STR, 0, "owned, kept or sent"},
	[O_OWNER] = {"owner", COL_STR, 0, "service that has it (owned, kept)"},
	[O_INCARNATION] = {"incarnation", COL_U64, 0, "incarnation that has it"},
	[O_ALIVE] = {"alive", COL_BOOL, 0, "whether that incarnation is the current one and lives"},
	[O_CHANNEL] = {"channel", COL_STR, 0, "channel of the message it is in (sent)"},
	[O_POSITION] = {"position", COL_U64, 0, "position of that message, its lower 32 bits"},
	[O_TAG] = {"tag", COL_U64, 0, "name its owner gave it (kept)"},
};

static bool is_current(const struct shmchan_view *v, unsigned slot, uint32_t incarnation)
{
	struct shmchan_view_proc p;
	struct shmchan_view_group g;
	if (slot == 0) {
		shmchan_view_group(v, &g);
		return g.broker_alive;
	}
	return shmchan_view_proc(v, slot - 1, &p) == 0 && p.incarnation == incarnation && p.alive;
}

static void owner_row(struct table *t, const struct shmchan_view *v, uint32_t i,
		      const struct shmchan_view_block *b)
{
	char name[SHMCHAN_NAME_MAX];
	table_row(t);
	table_u64(t, O_BLOCK, i);
	if (b->state == SHMCHAN_VIEW_SENT) {
		table_str(t, O_STATE, "sent");
		table_str(t, O_CHANNEL, b->channel);
		table_u64(t, O_POSITION, b->pos);
		return;
	}
	table_str(t, O_STATE, b->state == SHMCHAN_VIEW_KEPT ? "kept" : "owned");
	table_str(t, O_OWNER, shmtool_service(v, b->slot, name));
	table_u64(t, O_INCARNATION, b->incarnation);
	table_bool(t, O_ALIVE, is_current(v, b->slot, b->incarnation));
	if (b->state == SHMCHAN_VIEW_KEPT)
		table_u64(t, O_TAG, b->tag);
}

static int owners_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_block b;
	unsigned pool;
	int status = shmtool_pool(cli, v, cli->args[0], &pool), code;
	if (status != EXIT_OK)
		return status;
	for (uint32_t i = 0; (code = shmchan_view_block(v, pool, i, &b)) != SHMCHAN_ENOENT; i++) {
		if (code != 0)
			return shmtool_unreadable(cli, cli->args[0], code);
		if (b.state != SHMCHAN_VIEW_FREE)
			owner_row(t, v, i, &b);
	}
	return EXIT_OK;
}

static int pool_owners(const struct cli *cli)
{
	return shmtool_rows(cli, false, owners_fill);
}

const struct verb pool_verbs[] = {
	{"list", "all pools with what their blocks are used for", "", NULL, COLS(pool_cols), 0, pool_list},
	{"show", "one pool", "POOL", NULL, COLS(pool_cols), 0, pool_show},
	{"owners", "the blocks that are not free, and whose they are", "POOL", NULL, COLS(owner_cols), 0,
	 pool_owners},
	NO_MORE_VERBS,
};
