#ifndef NCLI_CHAIN_H
#define NCLI_CHAIN_H

#include "procs/eth/engine.h"
#include "procs/ncli/ncli.h"

/*
 * The configuration that --config names, by default the official one of the preset, and the preset: that of the
 * configuration where --preset is not given. Prints what is wrong.
 */
enum ncli_status ncli_config(const struct ncli *n, const struct eth_preset **preset,
			     struct eth_config *config);

/* An engine; NULL and a message where memory is lacking. */
struct eth_engine *ncli_engine_of(const struct ncli *n, const struct eth_config *config);

/* Reads a BeaconState as a state block with room to grow, and writes one. Both print what is wrong. */
enum ncli_status ncli_load_state(const struct ncli *n, const char *path, const struct eth_preset *preset,
				 struct eth_state **out);
enum ncli_status ncli_store_state_file(const struct ncli *n, const char *path, const struct eth_state *s);

/* The mocked start; free() it. */
enum ncli_status ncli_interop_state(const struct ncli *n, const struct eth_config *config,
				    uint64_t validators, uint64_t time, struct eth_state **out);

#endif
