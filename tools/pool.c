#include "tools/shmtool.h"

enum { P_NAME, P_BLOCK_SIZE, P_BLOCKS, P_FREE, P_CACHED, P_OWNED, P_KEPT, P_SENT };
static const struct col pool_cols[] = {
	[P_NAME] = {"name", COL_STR, 0, "name of the pool"},
	[P_BLOCK_SIZE] = {"block_size", COL_U64, 0, "bytes of a block; of the largest if there are several sizes"},
	[P_BLOCKS] = {"blocks", COL_U64, 0, "blocks it has"},
	[P_FREE] = {"free", COL_U64, 0, "blocks nobody has"},
	[P_CACHED] = {"cached", COL_U64, 0, "free blocks in the magazine of the process that freed them last"},
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
	table_u64(t, P_CACHED, p->cached);
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
	[O_STATE] = {"state", COL_STR, 0, "owned, kept, cached or sent"},
	[O_OWNER] = {"owner", COL_STR, 0, "service that has it (owned, kept, cached)"},
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
	table_str(t, O_STATE, b->state == SHMCHAN_VIEW_KEPT     ? "kept"
			       : b->state == SHMCHAN_VIEW_CACHED ? "cached"
								 : "owned");
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

static int classes_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_pool p;
	unsigned i;
	int status = shmtool_pool(cli, v, cli->args[0], &i), code;
	if (status != EXIT_OK)
		return status;
	for (unsigned c = 0; (code = shmchan_view_pool_class(v, i, c, &p)) != SHMCHAN_ENOENT; c++) {
		if (code != 0)
			return shmtool_unreadable(cli, p.name, code);
		pool_row(t, &p);
	}
	return EXIT_OK;
}

static int pool_classes(const struct cli *cli)
{
	return shmtool_rows(cli, false, classes_fill);
}

enum { A_SERVICE, A_INCARNATION, A_ALIVE, A_OWNED, A_KEPT, A_CACHED, A_BYTES };
static const struct col account_cols[] = {
	[A_SERVICE] = {"service", COL_STR, 0, "who has the blocks"},
	[A_INCARNATION] = {"incarnation", COL_U64, 0, "which incarnation of it"},
	[A_ALIVE] = {"alive", COL_BOOL, 0, "whether that is the current one and lives"},
	[A_OWNED] = {"owned", COL_U64, 0, "blocks that are free when it dies"},
	[A_KEPT] = {"kept", COL_U64, 0, "blocks that pass to the next incarnation"},
	[A_CACHED] = {"cached", COL_U64, 0, "free blocks in its magazine"},
	[A_BYTES] = {"bytes", COL_U64, 0, "room of the owned and the kept blocks"},
};

static int accounts_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	static struct shmchan_view_account a[2 * SHMCHAN_SLOT_MAX];
	char name[SHMCHAN_NAME_MAX];
	unsigned pool, cnt;
	int status = shmtool_pool(cli, v, cli->args[0], &pool), code;
	if (status != EXIT_OK)
		return status;
	code = shmchan_view_pool_accounts(v, pool, a, 2 * SHMCHAN_SLOT_MAX, &cnt);
	if (code != 0)
		return shmtool_unreadable(cli, cli->args[0], code);
	for (unsigned i = 0; i < cnt; i++) {
		table_row(t);
		table_str(t, A_SERVICE, shmtool_service(v, a[i].slot, name));
		table_u64(t, A_INCARNATION, a[i].incarnation);
		table_bool(t, A_ALIVE, is_current(v, a[i].slot, a[i].incarnation));
		table_u64(t, A_OWNED, a[i].owned);
		table_u64(t, A_KEPT, a[i].kept);
		table_u64(t, A_CACHED, a[i].cached);
		table_u64(t, A_BYTES, a[i].bytes);
	}
	return EXIT_OK;
}

static int pool_accounts(const struct cli *cli)
{
	return shmtool_rows(cli, false, accounts_fill);
}

const struct verb pool_verbs[] = {
	{"list", "all pools with what their blocks are used for", "", NULL, COLS(pool_cols), 0, pool_list},
	{"show", "one pool", "POOL", NULL, COLS(pool_cols), VERB_RECORD, pool_show},
	{"owners", "the blocks that are not free, and whose they are", "POOL", NULL, COLS(owner_cols), 0,
	 pool_owners},
	{"classes", "the sizes of its blocks, and what those of each are used for", "POOL", NULL,
	 COLS(pool_cols), 0, pool_classes},
	{"accounts", "how much of it each process has", "POOL", NULL, COLS(account_cols), 0, pool_accounts},
	NO_MORE_VERBS,
};
