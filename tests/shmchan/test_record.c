#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "shmchan/record.h"

static const struct shmchan_record_header header = {.time_ns = 1700000000123456789,
						    .group = "node",
						    .channel = "requests-1",
						    .kind = "spsc",
						    .msg_size = 8192,
						    .capacity = 64};

Test(record, a_header_comes_back)
{
	unsigned char bytes[SHMCHAN_RECORD_HEADER];
	struct shmchan_record_header h;

	shmchan_record_header_put(bytes, &header);
	cr_assert_eq(memcmp(bytes, "shmrec\r\n\1\0\0\0\xa0\0\0\0", 16), 0,
		     "the first bytes are what the format says");
	cr_assert_eq(shmchan_record_header_get(&h, bytes, sizeof(bytes)), 0);
	cr_assert_eq(h.time_ns, header.time_ns);
	cr_assert_str_eq(h.group, "node");
	cr_assert_str_eq(h.channel, "requests-1");
	cr_assert_str_eq(h.kind, "spsc");
	cr_assert_eq(h.msg_size, 8192);
	cr_assert_eq(h.capacity, 64);
	cr_assert_eq(shmchan_record_header_get(&h, bytes, 7), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_record_header_get(&h, bytes, sizeof(bytes) - 1), SHMCHAN_ETRUNC);
	bytes[8] = 2;
	cr_assert_eq(shmchan_record_header_get(&h, bytes, sizeof(bytes)), SHMCHAN_ECORRUPT);
	cr_assert_eq(h.version, 2, "the version is told also when it is another");
	cr_assert_eq(shmchan_record_header_get(&h, "SQLite format 3", 15), SHMCHAN_ELAYOUT);
}

static size_t put(unsigned char *bytes, const struct shmchan_record *r)
{
	size_t size = shmchan_record_size(r);

	cr_assert_neq(size, 0);
	cr_assert_eq(size % 8, 0);
	memset(bytes, 0xaa, size);
	shmchan_record_put(bytes, r);
	return size;
}

Test(record, messages_come_back)
{
	static const struct shmchan_record records[] = {
		{.time_ns = 5,
		 .pos = 6,
		 .corr = UINT64_MAX,
		 .type = 7,
		 .sender = 0x3001,
		 .data = "payload",
		 .len = 7,
		 .reply = "verdicts"},
		{.had_block = true, .pool = "states"},
		{.had_block = true,
		 .pool = "states",
		 .block = "state of it",
		 .block_len = 11,
		 .data = "x",
		 .len = 1},
		{.is_end = true, .time_ns = 3, .pos = 9},
	};
	unsigned char bytes[1024];
	struct shmchan_record r;
	size_t used;

	for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		const struct shmchan_record *want = &records[i];
		size_t size = put(bytes, want);

		cr_assert_eq(shmchan_record_get(&r, bytes, size, &used), 0);
		cr_assert_eq(used, size);
		cr_assert_eq(r.is_end, want->is_end);
		cr_assert_eq(r.time_ns, want->time_ns);
		cr_assert_eq(r.pos, want->pos);
		cr_assert_eq(r.corr, want->corr);
		cr_assert_eq(r.type, want->type);
		cr_assert_eq(r.sender, want->sender);
		cr_assert_eq(r.had_block, want->had_block);
		cr_assert_eq(r.len, want->len);
		cr_assert_eq(memcmp(r.data, want->len ? want->data : "", want->len), 0);
		cr_assert_eq(r.block != NULL, want->block != NULL);
		if (want->block)
			cr_assert_eq(memcmp(r.block, want->block, want->block_len), 0);
		cr_assert_str_eq(r.reply, want->reply);
		cr_assert_str_eq(r.pool, want->pool);
	}
}

// Every single changed bit is found, and every length that is too short is told as such.
Test(record, damage_is_found)
{
	const struct shmchan_record want = {.corr = 77, .data = "0123456789", .len = 10, .reply = "r"};
	unsigned char bytes[256], copy[256];
	struct shmchan_record r;
	size_t size = put(bytes, &want), used;

	for (size_t bit = 0; bit < size * 8; bit++) {
		memcpy(copy, bytes, size);
		copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
		cr_assert_neq(shmchan_record_get(&r, copy, size, &used), 0, "bit %zu", bit);
		cr_assert_eq(used, 0);
	}
	for (size_t n = 0; n < size; n++)
		cr_assert_eq(shmchan_record_get(&r, bytes, n, &used), SHMCHAN_ETRUNC, "%zu bytes", n);
	for (size_t bit = 0; bit < SHMCHAN_RECORD_HEADER * 8; bit++) {
		struct shmchan_record_header h;

		shmchan_record_header_put(copy, &header);
		copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
		cr_assert_neq(shmchan_record_header_get(&h, copy, SHMCHAN_RECORD_HEADER), 0, "bit %zu", bit);
	}
}

// Lengths that lie, with a sum that is right: nothing outside the bytes is told of.
Test(record, lengths_are_bounded)
{
	struct shmchan_record r = {.len = SHMCHAN_MSG_MAX + 1};

	cr_assert_eq(shmchan_record_size(&r), 0);
	r = (struct shmchan_record){.block = "", .block_len = UINT32_MAX};
	cr_assert_eq(shmchan_record_size(&r), 0);
}
