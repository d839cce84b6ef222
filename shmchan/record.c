#include "shmchan/record.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "shmrec\r\n"
#define MESG 0x4753454du
#define END 0x21444e45u
#define FIXED 112 // bytes of a record before its payload
#define TAIL 8    // after it

enum { HAD_BLOCK = 1, HAS_BLOCK = 2 };

// Slice by one: recordings are read and written by tools, at the speed of a disk.
static uint32_t crc32_of(const unsigned char *data, size_t len)
{
	static const uint32_t nibble[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
					    0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
					    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
					    0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

static void put16(unsigned char *at, uint16_t v)
{
	v = htole16(v);
	memcpy(at, &v, sizeof(v));
}

static void put32(unsigned char *at, uint32_t v)
{
	v = htole32(v);
	memcpy(at, &v, sizeof(v));
}

static void put64(unsigned char *at, uint64_t v)
{
	v = htole64(v);
	memcpy(at, &v, sizeof(v));
}

static uint16_t get16(const unsigned char *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static void put_name(unsigned char *at, const char *name)
{
	memset(at, 0, SHMCHAN_NAME_MAX);
	memcpy(at, name, strnlen(name, SHMCHAN_NAME_MAX - 1));
}

static void get_name(char out[SHMCHAN_NAME_MAX], const unsigned char *at)
{
	memcpy(out, at, SHMCHAN_NAME_MAX - 1);
	out[SHMCHAN_NAME_MAX - 1] = 0;
}

void shmchan_record_header_put(unsigned char out[SHMCHAN_RECORD_HEADER],
			       const struct shmchan_record_header *h)
{
	memset(out, 0, SHMCHAN_RECORD_HEADER);
	memcpy(out, MAGIC, 8);
	put32(out + 8, SHMCHAN_RECORD_VERSION);
	put32(out + 12, SHMCHAN_RECORD_HEADER);
	put64(out + 16, h->time_ns);
	put_name(out + 24, h->group);
	put_name(out + 56, h->channel);
	put_name(out + 88, h->kind);
	put32(out + 120, h->msg_size);
	put32(out + 124, h->capacity);
	put32(out + SHMCHAN_RECORD_HEADER - 4, crc32_of(out, SHMCHAN_RECORD_HEADER - 4));
}

int shmchan_record_header_get(struct shmchan_record_header *out, const void *in, size_t size)
{
	const unsigned char *at = in;

	*out = (struct shmchan_record_header){0};
	if (size < 8)
		return SHMCHAN_ETRUNC;
	if (memcmp(at, MAGIC, 8) != 0)
		return SHMCHAN_ELAYOUT;
	if (size < SHMCHAN_RECORD_HEADER)
		return SHMCHAN_ETRUNC;
	out->version = get32(at + 8);
	if (out->version != SHMCHAN_RECORD_VERSION || get32(at + 12) != SHMCHAN_RECORD_HEADER ||
	    get32(at + SHMCHAN_RECORD_HEADER - 4) != crc32_of(at, SHMCHAN_RECORD_HEADER - 4))
		return SHMCHAN_ECORRUPT;
	out->time_ns = get64(at + 16);
	get_name(out->group, at + 24);
	get_name(out->channel, at + 56);
	get_name(out->kind, at + 88);
	out->msg_size = get32(at + 120);
	out->capacity = get32(at + 124);
	return 0;
}

size_t shmchan_record_size(const struct shmchan_record *r)
{
	uint64_t body = (uint64_t)r->len + (r->block ? r->block_len : 0);
	uint64_t size = FIXED + (body + 7) / 8 * 8 + TAIL;

	return r->len > SHMCHAN_MSG_MAX || size > SHMCHAN_RECORD_SIZE_MAX ? 0 : (size_t)size;
}

void shmchan_record_put(unsigned char *out, const struct shmchan_record *r)
{
	uint32_t size = (uint32_t)shmchan_record_size(r), block_len = r->block ? r->block_len : 0;

	memset(out, 0, FIXED);
	put32(out, r->is_end ? END : MESG);
	put32(out + 4, size);
	put64(out + 8, r->time_ns);
	put64(out + 16, r->pos);
	put64(out + 24, r->corr);
	put16(out + 32, r->type);
	put16(out + 34, (uint16_t)((r->had_block ? HAD_BLOCK : 0) | (r->block ? HAS_BLOCK : 0)));
	put32(out + 36, r->sender);
	put32(out + 40, r->len);
	put32(out + 44, block_len);
	put_name(out + 48, r->reply);
	put_name(out + 80, r->pool);
	if (r->len)
		memcpy(out + FIXED, r->data, r->len);
	if (block_len)
		memcpy(out + FIXED + r->len, r->block, block_len);
	memset(out + FIXED + r->len + block_len, 0, size - FIXED - r->len - block_len);
	put32(out + size - 4, crc32_of(out, size - 4));
}

int shmchan_record_get(struct shmchan_record *out, const void *in, size_t size, size_t *used)
{
	const unsigned char *at = in;
	uint32_t magic, total;
	uint16_t flags;

	*out = (struct shmchan_record){0};
	*used = 0;
	if (size < FIXED + TAIL)
		return SHMCHAN_ETRUNC;
	magic = get32(at);
	total = get32(at + 4);
	if ((magic != MESG && magic != END) || total < FIXED + TAIL || total % 8 != 0 ||
	    total > SHMCHAN_RECORD_SIZE_MAX)
		return SHMCHAN_ECORRUPT;
	if (total > size)
		return SHMCHAN_ETRUNC;
	flags = get16(at + 34);
	*out = (struct shmchan_record){.is_end = magic == END,
				       .time_ns = get64(at + 8),
				       .pos = get64(at + 16),
				       .corr = get64(at + 24),
				       .type = get16(at + 32),
				       .had_block = flags & HAD_BLOCK,
				       .sender = get32(at + 36),
				       .len = get32(at + 40),
				       .block_len = get32(at + 44)};
	get_name(out->reply, at + 48);
	get_name(out->pool, at + 80);
	if (out->len > SHMCHAN_MSG_MAX || (uint64_t)out->len + out->block_len > total - FIXED - TAIL ||
	    get32(at + total - 4) != crc32_of(at, total - 4))
		return SHMCHAN_ECORRUPT;
	out->data = at + FIXED;
	out->block = flags & HAS_BLOCK ? at + FIXED + out->len : NULL;
	*used = total;
	return 0;
}
