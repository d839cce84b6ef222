#include "procs/eth/preset.h"

#include <string.h>

static const struct eth_preset presets[ETH_PRESETS] = {
	[ETH_MAINNET] =
		{
			.id = ETH_MAINNET,
			.name = "mainnet",
#define X(field, official, mainnet, minimal) .field = UINT64_C(mainnet),
			ETH_PRESET_VALUES(X)
#undef X
				.eth1_votes_limit = 64 * 32,
			.epoch_attestations_limit = 128 * 32,
		},
	[ETH_MINIMAL] =
		{
			.id = ETH_MINIMAL,
			.name = "minimal",
#define X(field, official, mainnet, minimal) .field = UINT64_C(minimal),
			ETH_PRESET_VALUES(X)
#undef X
				.eth1_votes_limit = 4 * 8,
			.epoch_attestations_limit = 128 * 8,
		},
};

const struct eth_preset *eth_preset(enum eth_preset_id id)
{
	return &presets[id];
}

const struct eth_preset *eth_preset_by_name(const char *name)
{
	for (size_t i = 0; i < ETH_PRESETS; i++)
		if (!strcmp(presets[i].name, name))
			return &presets[i];
	return NULL;
}
