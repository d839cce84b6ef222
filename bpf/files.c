// Which files the programs are attached to.
#include "bpf/watch_priv.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bpf/chan.skel.h"
#include "shmchan/probe.h"

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
		{"mark", w->skel->progs.on_mark},
		{"sleep", w->skel->progs.on_sleep},
		{"wake", w->skel->progs.on_wake},
		{"dead_letter", w->skel->progs.on_dead_letter},
		{"recover", w->skel->progs.on_recover},
		{"settle", w->skel->progs.on_settle},
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

	watch_forget();
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

int watch_attach_tasks(struct watch *w)
{
	struct bpf_program *progs[WATCH_TASK_CNT] = {w->skel->progs.on_exit, w->skel->progs.on_exec};

	for (unsigned i = 0; i < WATCH_TASK_CNT; i++) {
		w->tasks[i] = bpf_program__attach(progs[i]);
		if (w->tasks[i] == NULL)
			return -errno;
	}
	return 0;
}

void watch_detach(struct watch *w)
{
	for (unsigned i = 0; i < w->file_cnt; i++)
		for (unsigned p = 0; p < WATCH_PROBE_CNT; p++)
			bpf_link__destroy(w->files[i].links[p]);
	for (unsigned i = 0; i < WATCH_TASK_CNT; i++)
		bpf_link__destroy(w->tasks[i]);
}
