#include "procs/eth/config.h"
#include "procs/eth/eth_file.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, struct eth_config *c, struct eth_config_fault *f)
{
	return eth_config_parse(text, strlen(text), ETH_MAINNET, c, f);
}

/* The official files must give what is built in: numbers are written down twice only here. */
Test(eth_config, official_files_are_the_defaults)
{
	static const char *const names[ETH_PRESETS] = {"config/config-mainnet.yaml",
						       "config/config-minimal.yaml"};

	for (int i = 0; i < ETH_PRESETS; i++) {
		char *path = vec_path(names[i]);
		struct eth_config c, want = eth_config_default(i);
		struct eth_file f;

		cr_assert(eth_file_read(path, 1 << 20, &f, NULL) == 0, "%s", path);
		/* The other preset as the default, so that PRESET_BASE has to decide. */
		cr_assert(eth_config_parse((char *)f.p, f.n, 1 - i, &c, NULL) == 0, "%s", path);
		cr_assert(c.preset == want.preset &&
			  !memcmp(c.genesis_fork_version, want.genesis_fork_version, 4));
		cr_assert(!strcmp(c.name, want.name));
#define X(field, official, mainnet, minimal) cr_assert(c.field == want.field, "%s: " #official, path);
		ETH_CONFIG_NUMBERS(X)
#undef X
		free(f.p);
		free(path);
	}
}

/* The preset files must give what preset.h says. */
Test(eth_config, official_preset_files)
{
	static const char *const names[ETH_PRESETS] = {"config/preset-mainnet-phase0.yaml",
						       "config/preset-minimal-phase0.yaml"};

	for (int i = 0; i < ETH_PRESETS; i++) {
		char *path = vec_path(names[i]), value[64];
		struct eth_file f;

		cr_assert(eth_file_read(path, 1 << 20, &f, NULL) == 0, "%s", path);
		struct vec_file y = {path, f.p, f.n};
#define X(field, official, mainnet, minimal)                                                 \
	cr_assert(vec_yaml(&y, #official, value, sizeof(value)), "%s: no " #official, path); \
	cr_assert(strtoull(value, NULL, 10) == eth_preset(i)->field, "%s: " #official, path);
		ETH_PRESET_VALUES(X)
#undef X
		free(f.p);
		free(path);
	}
}

Test(eth_config, values_and_refusals)
{
	struct eth_config_fault f;
	struct eth_config c;

	cr_assert(parse("PRESET_BASE: minimal\nSECONDS_PER_SLOT: 3\nELECTRA_FORK_EPOCH: 7\n", &c, &f) == 0);
	cr_assert(c.preset == ETH_MINIMAL && c.seconds_per_slot == 3 && c.genesis_fork_version[3] == 1);
	cr_assert(parse("GENESIS_FORK_VERSION: 0x0a0b0c0d\n", &c, &f) == 0 &&
		  c.genesis_fork_version[1] == 11);
	cr_assert(parse("a: 1\nSECONDS_PER_SLOT: 12s\n", &c, &f) == ETH_ERR_CONFIG_VALUE);
	cr_assert(f.line == 2 && !strcmp(f.key, "SECONDS_PER_SLOT"));
	cr_assert(parse("SECONDS_PER_SLOT: 0\n", &c, &f) == ETH_ERR_CONFIG_VALUE);
	cr_assert(parse("GENESIS_DELAY: -1\n", &c, &f) == ETH_ERR_CONFIG_VALUE);
	cr_assert(parse("GENESIS_DELAY: 99999999999999999999\n", &c, &f) == ETH_ERR_CONFIG_VALUE);
	cr_assert(parse("GENESIS_FORK_VERSION: 0x0a0b0c\n", &c, &f) == ETH_ERR_CONFIG_VALUE);
	cr_assert(parse("PRESET_BASE: gnosis\n", &c, &f) == ETH_ERR_CONFIG_PRESET && f.line == 1);
	cr_assert(parse("- a\n- b\n", &c, &f) == ETH_ERR_CONFIG_SYNTAX);
	cr_assert(parse("a: [1\n", &c, &f) == ETH_ERR_CONFIG_SYNTAX);
	cr_assert(parse("", &c, &f) == ETH_ERR_CONFIG_SYNTAX);
}
