// Messages in a file, or in any sequence of bytes: what `shmtool chan record` writes, `chan replay` reads, and the
// supervisor is sent to be injected. All numbers are little-endian; every part begins at a multiple of 8 bytes.
//
//	offset  bytes  header, once
//	0       8      "shmrec\r\n"
//	8       4      version, 1
//	12      4      bytes of the header, 160: records begin there
//	16      8      when it was begun, nanoseconds since 1970
//	24      32     group, ended by NUL
//	56      32     channel
//	88      32     kind of the channel, as in a topology
//	120     4      bytes of payload a message of it may have
//	124     4      capacity of the channel
//	128     28     0
//	156     4      CRC-32 (as in zlib) of the 156 bytes before
//
//	        bytes  record, one after the other
//	0       4      0x4753454d "MESG", or 0x21444e45 "END!" for the last
//	4       4      bytes of the record, a multiple of 8
//	8       8      when it was read, nanoseconds since 1970; END!: messages in the file
//	16      8      position in the channel; END!: messages that were missed
//	24      8      correlation id
//	32      2      type
//	34      2      flags: 1 it had a block, 2 the block's bytes follow the payload
//	36      4      process slot of the sender in [0,12), its incarnation in [12,32)
//	40      4      bytes of payload
//	44      4      bytes of the block, 0 without
//	48      32     channel the answer belongs in, empty if none was wanted
//	80      32     pool of the block, empty without
//	112            payload, block, and up to 7 bytes 0
//	-8      4      0
//	-4      4      CRC-32 of the record's bytes before
//
// A file without END! was cut short; what it holds up to there is good.
#ifndef SHMCHAN_RECORD_H
#define SHMCHAN_RECORD_H

#include <stdbool.h>
#include "shmchan/shmchan.h"

#define SHMCHAN_RECORD_VERSION 1
#define SHMCHAN_RECORD_HEADER 160
#define SHMCHAN_RECORD_SIZE_MAX (1u << 30)

struct shmchan_record_header {
	uint32_t version;
	uint64_t time_ns;
	char group[SHMCHAN_NAME_MAX], channel[SHMCHAN_NAME_MAX], kind[SHMCHAN_NAME_MAX];
	uint32_t msg_size, capacity;
};

struct shmchan_record {
	bool is_end; // then time_ns is the count of messages and pos that of those missed; all else is 0
	uint64_t time_ns, pos, corr;
	uint16_t type;
	bool had_block;
	uint32_t sender;
	uint32_t len, block_len;
	char reply[SHMCHAN_NAME_MAX], pool[SHMCHAN_NAME_MAX];
	const void *data, *block; // block: NULL if its bytes are not there
};

void shmchan_record_header_put(unsigned char out[SHMCHAN_RECORD_HEADER],
			       const struct shmchan_record_header *h);
// Returns 0; ETRUNC fewer bytes than a header; ELAYOUT not such a file; ECORRUPT another version, or the sum is wrong.
int shmchan_record_header_get(struct shmchan_record_header *out, const void *in, size_t size);

size_t shmchan_record_size(const struct shmchan_record *r); // bytes shmchan_record_put writes; 0 if too large
void shmchan_record_put(unsigned char *out, const struct shmchan_record *r);
// Reads the record at in; *used is its size. Its pointers are into `in`. Returns 0; ETRUNC the bytes end before it does;
// ECORRUPT what stands there is no record, or its sum is wrong.
int shmchan_record_get(struct shmchan_record *out, const void *in, size_t size, size_t *used);

#endif
