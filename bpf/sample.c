// The iterator that samples counters, see sample.bpf.c.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bpf/sample.skel.h"
#include "bpf/watch_priv.h"

static int load(struct sample_bpf *skel, const struct watch_counters *c)
{
	int err;
	skel->rodata->pid = (uint32_t)c->pid;
	skel->rodata->ring_cnt = c->ring_cnt;
	err = sample_bpf__load(skel);
	for (uint32_t i = 0; err == 0 && i < c->ring_cnt && i < SAMPLE_RING_MAX; i++)
		err = bpf_map__update_elem(skel->maps.rings, &i, sizeof i, &c->rings[i], sizeof c->rings[i],
					   0);
	return err;
}

int watch_pin_counters(const char *group, const struct watch_counters *c, struct watch_why *why)
{
	union bpf_iter_link_info info = {.task = {.tid = (uint32_t)c->pid}};
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof info);
	struct sample_bpf *skel;
	struct bpf_link *link = NULL;
	char path[256];
	int err;

	watch_forget();
	skel = sample_bpf__open();
	err = skel != NULL ? load(skel, c) : -ENOMEM;
	if (err == 0) {
		link = bpf_program__attach_iter(skel->progs.counters, &opts);
		err = link != NULL ? 0 : -errno;
	}
	if (err == 0) {
		snprintf(path, sizeof path, WATCH_PIN_ROOT "/%s/counters", group);
		err = bpf_link__pin(link, path);
	}
	bpf_link__destroy(link); // the pin holds it
	sample_bpf__destroy(skel);
	return err == 0 ? WATCH_OK : watch_explain(why, err, "sample counters from BPF");
}
