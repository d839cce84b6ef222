#include "shmchan/chan.h"
#include "shmchan/dead.h"
#include "shmchan/list.h"

// FNV-1a over sizes and offsets: two builds whose structs differ disagree here even if nobody raised the version.
uint64_t shmchan_layout_hash(void)
{
	static const uint32_t shape[] = {
		SHMCHAN_LAYOUT_VERSION,
		sizeof(struct shmchan_obj),
		offsetof(struct shmchan_obj, group),
		sizeof(struct shmchan_ctl),
		offsetof(struct shmchan_ctl, entries_off),
		offsetof(struct shmchan_ctl, pulses_off),
		SHMCHAN_PULSE_WORDS,
		sizeof(struct shmchan_ctl_proc),
		offsetof(struct shmchan_ctl_proc, bell),
		offsetof(struct shmchan_ctl_proc, given),
		sizeof(struct shmchan_ctl_entry),
		offsetof(struct shmchan_ctl_entry, tally_name),
		sizeof(struct shmchan_ring),
		offsetof(struct shmchan_ring, taken),
		offsetof(struct shmchan_ring, head),
		offsetof(struct shmchan_ring, notice_cnt),
		offsetof(struct shmchan_ring, tally),
		SHMCHAN_DATA_AT_ONE,
		SHMCHAN_DATA_AT_MANY,
		sizeof(struct shmchan_ext),
		offsetof(struct shmchan_ext, block),
		sizeof(struct shmchan_list),
		sizeof(struct shmchan_list_rx),
		sizeof(struct shmchan_link),
		sizeof(struct shmchan_node),
		offsetof(struct shmchan_node, link),
		offsetof(struct shmchan_node, data),
		sizeof(struct shmchan_tally),
		SHMCHAN_TALLY_OWN,
		sizeof(struct shmchan_pool_shm),
		sizeof(struct shmchan_pool_word),
		sizeof(struct shmchan_pool_link),
		offsetof(struct shmchan_pool_link, data),
		SHMCHAN_BLOCK_CACHED,
		sizeof(struct shmchan_dead_shm),
		sizeof(struct shmchan_dead_entry),
		offsetof(struct shmchan_dead_entry, data),
	};
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		h = (h ^ shape[i]) * 0x100000001b3ull;
	return h;
}
