// What the files of `shmtool probe` share: a group, what is attached to it, and how its sampling was found.
#ifndef TOOLS_PROBE_H
#define TOOLS_PROBE_H

#include "tools/attach.h"
#include "tools/shmtool.h"

struct probe_run {
	const struct cli *cli;
	struct shmchan_view *v; // NULL if the group has ended and only its pins are left
	struct shmchan_view_group group;
	struct shmchan_view_chan *chans; // as they were found; chan_cnt of them could be read
	unsigned chan_cnt;
	struct watch *w;
	bool pinned;    // w is what `probe attach` left
	double seconds; // that it watched itself
};

// probe_open opens the group named on the command line. Sampling that a killed shmtool left is set back, and said on
// stderr. With `gone_too`, a group that has ended and left pins will do: v is then NULL. Returns an exit status.
int probe_open(const struct cli *cli, struct probe_run *r, bool gone_too);
void probe_close(struct probe_run *r);

// probe_use_pins opens what `probe attach` left for this very group; false if there is nothing.
bool probe_use_pins(struct probe_run *r);
// probe_attach_now loads, unless that is done, and attaches to what lives. Returns an exit status.
int probe_attach_now(struct probe_run *r, attach_adjust adjust, void *ctx);

// probe_every_option reads --every; 0 if it isn't given. false after a message.
bool probe_every_option(const struct cli *cli, uint32_t *every);
bool probe_seconds_option(const struct cli *cli, double *seconds); // unchanged if --seconds isn't given
// probe_sample sets the sampling of all channels, for good or for as long as this process lives; 0 is the default.
int probe_sample(struct probe_run *r, uint32_t every, bool for_good);
// probe_marks_afresh: channels that are as deep as their alert depth already tell so with their next message.
void probe_marks_afresh(struct probe_run *r);
int probe_sample_back(struct probe_run *r); // as it was found

// probe_wait calls step(ctx) about every `interval` seconds and attaches to programs born meanwhile, until the time is over
// (0: never), step returns false, the group ends, or one of the signals of live_block comes.
void probe_wait(struct probe_run *r, double seconds, double interval, bool (*step)(void *ctx), void *ctx);

// probe_watched is the run of the verbs that look at what is attached or, failing that or if told so by --seconds or
// --every, watch for a while; then print.
int probe_watched(const struct cli *cli, int (*print)(struct probe_run *r));
// One message in how many is sampled, of the channel with that id; 0 if it is not known.
uint32_t probe_every(const struct probe_run *r, uint16_t id);
// Name of that channel or process slot into buf of PROBE_NAME_MAX bytes; "" if there is none.
const char *probe_chan_name(const struct probe_run *r, uint16_t id, char *buf);
const char *probe_proc_name(const struct probe_run *r, unsigned slot, char *buf);

int probe_show(const struct cli *cli);   // probe_show.c
void probe_show_schema(struct jsonw *j); // the keys of the schema of its object
int probe_hist(const struct cli *cli);   // probe_hist.c
int probe_alerts(const struct cli *cli); // probe_alerts.c
#define PROBE_ALERT_COL_CNT 13
extern const struct col probe_alert_cols[PROBE_ALERT_COL_CNT];

#endif
