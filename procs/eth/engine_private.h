#ifndef ETH_ENGINE_PRIVATE_H
#define ETH_ENGINE_PRIVATE_H

#include "procs/eth/engine.h"

#include <stdbool.h>

/* Epochs whose shuffling is remembered: the current, previous and next one of a few forks. */
#define SHUFFLINGS 8

/* Most signatures a block can have: its own, RANDAO, two per proposer and attester slashing, attestations,
 * exits. */
#define SIGNATURES_MAX (2 + 2 * 16 + 2 * 2 + 128 + 16)

struct proposer {
	bool known;
	uint64_t index;
	uint64_t effective_print; /* of the state it was computed by */
};

/* One epoch's shuffling, by epoch, seed and active set. */
struct shuffling_entry {
	uint64_t used; /* larger is more recent; 0 is empty */
	uint64_t epoch;
	uint8_t seed[32];
	uint64_t active_print; /* of a state with this active set */
	size_t active, room;
	uint32_t *index;  /* shuffled */
	uint32_t *sorted; /* as get_active_validator_indices */
	struct proposer proposer[32];
};

enum key_state { KEY_UNKNOWN, KEY_VALID, KEY_INVALID };

/* What is known of the key at an index of the registry; holds while the registry has these bytes there. */
struct key_entry {
	uint8_t bytes[48];
	uint8_t state;  /* enum key_state */
	uint8_t mapped; /* bytes are in the map */
	struct bls_pubkey key;
};

/* Signatures of one block, verified together at its end. */
struct signature_set {
	bool collecting;
	size_t n;
	struct bls_item item[SIGNATURES_MAX];
	struct bls_pubkey key[SIGNATURES_MAX];
	struct bls_signature signature[SIGNATURES_MAX];
	uint8_t message[SIGNATURES_MAX][32];
	int code[SIGNATURES_MAX];             /* what to answer when this one is wrong */
	const uint8_t *bytes[SIGNATURES_MAX]; /* the signature, in the block */
	int8_t result[SIGNATURES_MAX];
	/* Where the key is a sum: that many of `index`, indices and not pointers, because deposits may move the keys. */
	size_t signers[SIGNATURES_MAX];
	uint32_t *index;
	const struct bls_pubkey **pointer;
	size_t indices, index_room;
	void *scratch;
	size_t scratch_bytes;
};

/* What validators did in the epochs of the state being processed. */
struct participation {
	uint8_t *flags;      /* PART_… per validator */
	uint8_t *increments; /* effective balance in increments; ETH_ODD where that is not whole, or large */
	const struct eth_pending **source; /* earliest inclusion of each previous source attester */
	size_t room;
	uint64_t slashed;      /* how many are */
	uint64_t total_active; /* get_total_active_balance */
	uint64_t previous_source, previous_target, previous_head, current_target; /* at least one increment */
};

/* Where exits queue: found by one pass over the registry, then kept up to date while one block is processed.
 */
struct exit_queue {
	bool known;
	uint64_t epoch, exits; /* the last epoch that has exits, and how many */
	uint64_t churn_limit;
};

struct eth_engine {
	struct eth_config config;
	const struct eth_preset *preset;
	uint64_t clock; /* counts uses of shufflings */
	struct shuffling_entry shuffling[SHUFFLINGS];
	struct key_entry *key;
	size_t keys, keys_room; /* entries in use */
	uint32_t *map;          /* open addressing: 0 is empty, otherwise index + 1 */
	size_t map_room, map_used;
	uint64_t map_secret; /* so that nobody can choose keys that collide */
	bool appending;      /* one state is at work, whose registry only grows, by eth_engine_appended */
	bool map_synced;     /* while appending: the map holds all of that registry */
	struct signature_set *signatures;
	struct participation part;
	struct exit_queue exits;
	void *scratch; /* of shuffles and of the activation queue */
	size_t scratch_room;
};

/* Between these two, look-ups of unknown public keys need not compare the whole registry each time. */
void eth_engine_append_begin(struct eth_engine *e);
void eth_engine_append_end(struct eth_engine *e);
int eth_engine_appended(struct eth_engine *e, const struct eth_state *s, uint64_t index);

/* Memory of at least that many bytes until the next call; NULL when out of memory. */
void *eth_engine_scratch(struct eth_engine *e, size_t bytes);

/*
 * Checks one signature over a 32-byte message, or adds it to the set while a block is collecting. The key is
 * copied. Returns 0 or `code`; while collecting, `signature` has to stay until eth_signatures_end.
 */
int eth_signature_check(struct eth_engine *e, const struct bls_pubkey *key, const uint8_t message[32],
			const uint8_t signature[96], int code);

/*
 * The same for one signature by several validators of the state, each index in its registry: by the sum of their keys.
 * ETH_BAD_PUBKEY, ETH_ERR_MEMORY. While collecting, `signature` has to stay until eth_signatures_end.
 */
int eth_aggregate_check(struct eth_engine *e, const struct eth_state *s, const uint64_t *index, size_t n,
			const uint8_t message[32], const uint8_t signature[96], int code);
void eth_signatures_begin(struct eth_engine *e);
/*
 * Verifies what was collected since begin: 0, or the code of the first wrong one. `drop`: only ends the
 * collecting, the block is refused for another reason.
 */
int eth_signatures_end(struct eth_engine *e, bool drop);

#endif
