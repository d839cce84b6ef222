#include "bpf/watch_priv.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bpf/chan.skel.h"
#include "shmchan/probe.h"

#define STAMP_BITS_MIN 6
#define STAMP_BITS_MAX 16
// libbpf tells the cause of a failure only to its printer.
static _Thread_local char last_warning[200];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list ap)
{
	if (level == LIBBPF_WARN) {
		vsnprintf(last_warning, sizeof last_warning, format, ap);
		last_warning[strcspn(last_warning, "\n")] = '\0';
	}
	return 0;
}

const char *watch_built(void)
{
	return NULL;
}

int watch_explain(struct watch_why *why, int err, const char *what)
{
	if (err == -EPERM || err == -EACCES) {
		snprintf(why->text, sizeof why->text,
			 "no right to %s: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE%s",
			 what,
			 geteuid() == 0 ? "; root has been refused, so look at kernel lockdown and containers"
					: "");
		return WATCH_EPERM;
	}
	if (err == -ENOMEM) {
		snprintf(why->text, sizeof why->text, "out of memory, cannot %s", what);
		return WATCH_ENOMEM;
	}
	if (access("/sys/bus/event_source/devices/uprobe/type", R_OK) != 0)
		snprintf(why->text, sizeof why->text,
			 "cannot %s: this kernel has no uprobes (CONFIG_UPROBE_EVENTS), or /sys is not "
			 "mounted",
			 what);
	else
		snprintf(why->text, sizeof why->text, "the kernel refuses to %s: %s%s%s", what,
			 strerror(-err), last_warning[0] != '\0' ? "; " : "", last_warning);
	return WATCH_KERNEL;
}

// 2^bits >= 2 * capacity, see stamp_of in the program.
static uint32_t stamp_bits(uint32_t capacity)
{
	uint32_t bits = STAMP_BITS_MIN;
	while (bits < STAMP_BITS_MAX && 1ull << bits < 2ull * capacity)
		bits++;
	return bits;
}

static int size_maps(struct watch *w, const struct watch_chan *chans, unsigned chan_cnt)
{
	uint32_t ids = 1, stamps = 0;
	int err;
	for (unsigned i = 0; i < chan_cnt; i++) {
		ids = chans[i].id >= ids ? chans[i].id + 1u : ids;
		stamps += 1u << stamp_bits(chans[i].capacity);
	}
	err = bpf_map__set_max_entries(w->skel->maps.chans, ids);
	err = err != 0 ? err : bpf_map__set_max_entries(w->skel->maps.places, ids);
	return err != 0 ? err : bpf_map__set_max_entries(w->skel->maps.stamps, stamps != 0 ? stamps : 1);
}

static int place_stamps(struct watch *w, const struct watch_chan *chans, unsigned chan_cnt)
{
	uint32_t base = 0;
	for (unsigned i = 0; i < chan_cnt; i++) {
		uint32_t id = chans[i].id;
		struct probe_place place = {.base = base, .bits = stamp_bits(chans[i].capacity)};
		int err = bpf_map__update_elem(w->skel->maps.places, &id, sizeof id, &place, sizeof place, 0);
		if (err != 0)
			return err;
		base += 1u << place.bits;
	}
	return 0;
}

struct watch *watch_new(void)
{
	struct watch *w = calloc(1, sizeof *w);
	int cpu_cnt;

	last_warning[0] = '\0';
	libbpf_set_print(keep_warning);
	if (w == NULL)
		return NULL;
	cpu_cnt = libbpf_num_possible_cpus();
	w->chans_fd = -1;
	w->cpu_cnt = cpu_cnt > 0 ? (unsigned)cpu_cnt : 1;
	w->per_cpu = calloc(w->cpu_cnt, sizeof *w->per_cpu);
	if (w->per_cpu == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

int watch_open(struct watch **out, uint32_t group_tag, const struct watch_chan *chans, unsigned chan_cnt,
	       struct watch_why *why)
{
	struct watch *w = watch_new();
	int err;

	*out = NULL;
	if (w == NULL)
		return watch_explain(why, -ENOMEM, "load BPF programs");
	w->skel = chan_bpf__open();
	err = w->skel != NULL ? 0 : -ENOMEM;
	if (err == 0) {
		w->skel->rodata->group_tag = group_tag;
		err = size_maps(w, chans, chan_cnt);
	}
	err = err != 0 ? err : chan_bpf__load(w->skel);
	err = err != 0 ? err : place_stamps(w, chans, chan_cnt);
	if (err != 0) {
		watch_close(w);
		return watch_explain(why, err, "load BPF programs");
	}
	w->chans_fd = bpf_map__fd(w->skel->maps.chans);
	*out = w;
	return WATCH_OK;
}

void watch_close(struct watch *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->file_cnt; i++)
		for (unsigned p = 0; p < WATCH_PROBE_CNT; p++)
			bpf_link__destroy(w->files[i].links[p]);
	if (w->skel == NULL && w->chans_fd >= 0)
		close(w->chans_fd);
	chan_bpf__destroy(w->skel);
	free(w->per_cpu);
	free(w);
}

unsigned watch_files(const struct watch *w)
{
	return w->file_cnt;
}

// Attaches every program to its probe in the file; -ENOENT if the file has none of them.
static int attach_probes(struct watch *w, struct watch_file *file, const char *path)
{
	const struct {
		const char *probe;
		struct bpf_program *prog;
	} table[WATCH_PROBE_CNT] = {
		{"push", w->skel->progs.on_push},
		{"pop", w->skel->progs.on_pop},
		{"done", w->skel->progs.on_done},
		{"full", w->skel->progs.on_full},
		{"dead_letter", w->skel->progs.on_dead_letter},
	};
	int found = 0, err = 0;

	// A program that links no sending end has no push, and so on: a missing probe is no error.
	for (unsigned p = 0; p < WATCH_PROBE_CNT && err == 0; p++) {
		file->links[p] = bpf_program__attach_usdt(table[p].prog, -1, path, SHMCHAN_PROBE_PROVIDER,
							  table[p].probe, NULL);
		if (file->links[p] != NULL)
			found++;
		else if (errno != ENOENT)
			err = -errno;
	}
	if (err == 0 && found > 0)
		return 0;
	for (unsigned p = 0; p < WATCH_PROBE_CNT; p++) {
		bpf_link__destroy(file->links[p]);
		file->links[p] = NULL;
	}
	return err != 0 ? err : -ENOENT;
}

// Attaches to a file unless that has been done. -ENOENT: it has no probes, or it is gone.
static int attach_file(struct watch *w, const char *path)
{
	struct stat st;
	int err;
	if (stat(path, &st) != 0)
		return -errno;
	for (unsigned i = 0; i < w->file_cnt; i++)
		if (w->files[i].dev == st.st_dev && w->files[i].ino == st.st_ino)
			return 0;
	if (w->file_cnt == WATCH_FILE_MAX)
		return -E2BIG;
	w->files[w->file_cnt] = (struct watch_file){.dev = st.st_dev, .ino = st.st_ino};
	err = attach_probes(w, &w->files[w->file_cnt], path);
	if (err == 0)
		w->file_cnt++;
	return err;
}

// The shared library, if the process has mapped one. Taken by its mapping (map_files), so that it is the file
// the process runs even if another one has its path by now.
static int attach_library(struct watch *w, pid_t pid)
{
	char path[64], line[512];
	unsigned long from, to;
	int err = -ENOENT;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	while (fgets(line, sizeof line, f) != NULL) {
		const char *base = strrchr(line, '/');
		char perms[8];
		if (base == NULL || strncmp(base, "/libshmchan.so", 14) != 0 ||
		    sscanf(line, "%lx-%lx %7s", &from, &to, perms) != 3 || strchr(perms, 'x') == NULL)
			continue;
		snprintf(path, sizeof path, "/proc/%d/map_files/%lx-%lx", pid, from, to);
		err = attach_file(w, path);
		break;
	}
	fclose(f);
	return err;
}

int watch_attach_pid(struct watch *w, pid_t pid, struct watch_why *why)
{
	char path[64];
	int program, library;

	last_warning[0] = '\0';
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	program = attach_file(w, path);
	library = program == 0 || program == -ENOENT ? attach_library(w, pid) : 0;
	if (program == 0 || library == 0) {
		int err = program != 0 && program != -ENOENT ? program : library != -ENOENT ? library : 0;
		return err == 0 ? WATCH_OK : watch_explain(why, err, "attach to the probes");
	}
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		snprintf(why->text, sizeof why->text, "process %d has ended", pid);
		return WATCH_GONE;
	}
	if (program == -ENOENT && library == -ENOENT) {
		snprintf(why->text, sizeof why->text,
			 "process %d has no probes: its libshmchan was built without sys/sdt.h; install "
			 "systemtap-sdt-dev and build it again",
			 pid);
		return WATCH_NO_SITES;
	}
	return watch_explain(why, program != -ENOENT ? program : library, "attach to the probes");
}

static void hist_sum(struct hist *to, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		to->cnt[i] += from->cnt[i];
}

int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out)
{
	uint32_t key = id;
	int err = bpf_map_lookup_elem(w->chans_fd, &key, w->per_cpu);
	memset(out, 0, sizeof *out);
	if (err != 0)
		return WATCH_KERNEL;
	for (unsigned i = 0; i < w->cpu_cnt; i++) {
		const struct probe_chan *c = &w->per_cpu[i];
		out->push += c->push;
		out->pop += c->pop;
		out->done += c->done;
		out->full += c->full;
		out->dead_letter += c->dead_letter;
		out->unmatched += c->unmatched;
		if (out->high_water < c->high_water)
			out->high_water = c->high_water;
		hist_sum(&out->depth, &c->depth);
		hist_sum(&out->wait, &c->wait);
		hist_sum(&out->service, &c->service);
	}
	return WATCH_OK;
}
