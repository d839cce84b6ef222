// Pins in the BPF file system. libbpf's link of a USDT probe stands for one kernel link per site and cannot be pinned as a
// whole; so the kernel is asked for the links of our programs, and each is pinned under its id.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "bpf/watch_priv.h"
#include "bpf/chan.skel.h"

#define BPF_FS "/sys/fs/bpf"
#define FILE_PIN "file_"

static void pin_path(char *buf, size_t size, const char *group, const char *name)
{
	snprintf(buf, size, "%s/%s%s%s", WATCH_PIN_ROOT, group, name != NULL ? "/" : "",
		 name != NULL ? name : "");
}

static int make_dirs(const char *group)
{
	struct statfs fs;
	char path[256];

	if (statfs(BPF_FS, &fs) != 0)
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC && mount("bpf", BPF_FS, "bpf", 0, "mode=0700") != 0)
		return -errno;
	if (mkdir(WATCH_PIN_ROOT, 0700) != 0 && errno != EEXIST)
		return -errno;
	pin_path(path, sizeof path, group, NULL);
	return mkdir(path, 0700) == 0 ? 0 : -errno;
}

static int pin_map(const struct bpf_map *map, const char *group, const char *name)
{
	char path[256];
	pin_path(path, sizeof path, group, name);
	return bpf_obj_pin(bpf_map__fd(map), path);
}

static bool is_ours(const struct watch *w, uint32_t prog_id)
{
	struct bpf_program *prog;
	bpf_object__for_each_program(prog, w->skel->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof info;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) == 0 && info.id == prog_id)
			return true;
	}
	return false;
}

static int pin_link(const struct watch *w, const char *group, uint32_t id)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof info;
	char path[256], name[32];
	int err = 0, fd = bpf_link_get_fd_by_id(id);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd; // somebody's, and gone since its id was read
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && is_ours(w, info.prog_id)) {
		snprintf(name, sizeof name, "link_%u", id);
		pin_path(path, sizeof path, group, name);
		err = bpf_obj_pin(fd, path);
	}
	close(fd);
	return err;
}

// Which files are attached to: the map of settings once more, by another name.
static int pin_file(const struct watch *w, const char *group, const struct watch_file *file)
{
	char name[64];
	snprintf(name, sizeof name, FILE_PIN "%lx_%lx", (unsigned long)file->dev, (unsigned long)file->ino);
	return pin_map(w->skel->maps.rodata, group, name);
}

static int pin_attached(struct watch *w, const char *group)
{
	uint32_t id = 0;
	int err = 0;
	while (err == 0 && bpf_link_get_next_id(id, &id) == 0)
		err = pin_link(w, group, id);
	for (; err == 0 && w->pinned_cnt < w->file_cnt; w->pinned_cnt++)
		err = pin_file(w, group, &w->files[w->pinned_cnt]);
	return err;
}

#define PINNED_MAPS 7
static void pinned_maps(const struct watch *w, struct bpf_map *maps[PINNED_MAPS], const char *names[PINNED_MAPS])
{
	struct bpf_map *const all[PINNED_MAPS] = {w->skel->maps.chans, w->skel->maps.places, w->skel->maps.stamps,
						  w->skel->maps.procs, w->skel->maps.lives,  w->skel->maps.tasks,
						  w->skel->maps.events};
	static const char *const all_names[PINNED_MAPS] = {"chans", "places", "stamps", "procs",
							   "lives", "tasks",  "events"};
	memcpy(maps, all, sizeof all);
	memcpy(names, all_names, sizeof all_names);
}

static int pin_all(struct watch *w, const char *group)
{
	struct bpf_map *maps[PINNED_MAPS];
	const char *names[PINNED_MAPS];
	int err = pin_map(w->skel->maps.rodata, group, "config");

	pinned_maps(w, maps, names);
	for (unsigned i = 0; i < PINNED_MAPS && err == 0; i++)
		err = pin_map(maps[i], group, names[i]);
	return err == 0 ? pin_attached(w, group) : err;
}

int watch_pin(struct watch *w, const char *group, struct watch_why *why)
{
	struct watch_why ignored;
	int err = make_dirs(group);
	if (err == -EEXIST) {
		snprintf(why->text, sizeof why->text, "group '%s' is attached to already; detach it first",
			 group);
		return WATCH_EXISTS;
	}
	if (err == 0) {
		err = pin_all(w, group);
		if (err != 0)
			watch_unpin(group, &ignored);
	}
	return err == 0 ? WATCH_OK : watch_explain(why, err, "pin in " BPF_FS);
}

int watch_unpin(const char *group, struct watch_why *why)
{
	char path[256];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	pin_path(path, sizeof path, group, NULL);
	dir = opendir(path);
	if (dir == NULL && errno == ENOENT) {
		snprintf(why->text, sizeof why->text, "nothing is attached to group '%s' for good", group);
		return WATCH_GONE;
	}
	if (dir == NULL)
		return watch_explain(why, -errno, "remove pins from " BPF_FS);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			err = -errno;
	closedir(dir);
	if (err == 0 && rmdir(path) != 0)
		err = -errno;
	rmdir(WATCH_PIN_ROOT); // succeeds with the last group
	return err == 0 ? WATCH_OK : watch_explain(why, err, "remove pins from " BPF_FS);
}

int watch_pinned(void (*f)(void *ctx, const char *group), void *ctx, struct watch_why *why)
{
	struct dirent *entry;
	int cnt = 0;
	DIR *dir = opendir(WATCH_PIN_ROOT);

	if (dir == NULL)
		return errno == ENOENT ? 0 : watch_explain(why, -errno, "list the pins in " BPF_FS);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			f(ctx, entry->d_name);
			cnt++;
		}
	closedir(dir);
	return cnt;
}

// ---------------------------------------------------------------------------------------------- opening pins

static int open_pin(const char *group, const char *name)
{
	char path[256];
	pin_path(path, sizeof path, group, name);
	return bpf_obj_get(path);
}

static int read_tag(const char *group, uint32_t *group_tag)
{
	struct chan_bpf__rodata config;
	uint32_t key = 0;
	int fd = open_pin(group, "config"), err;

	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &key, &config);
	close(fd);
	*group_tag = config.group_tag;
	return err;
}

// Pins of another build may hold records of another size.
static int open_map(int *fd, const char *group, const char *name, size_t value_size, unsigned *entries)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof info;
	int err;

	*fd = open_pin(group, name);
	if (*fd < 0)
		return *fd;
	err = bpf_obj_get_info_by_fd(*fd, &info, &len);
	if (err == 0 && info.value_size != value_size)
		err = -EPROTO;
	*entries = info.max_entries;
	return err;
}

static int nothing_attached(struct watch_why *why, const char *group)
{
	snprintf(why->text, sizeof why->text, "nothing is attached to group '%s' for good", group);
	return WATCH_GONE;
}

static int of_another_version(struct watch_why *why, const char *group)
{
	snprintf(why->text, sizeof why->text,
		 "what is attached to group '%s' was attached by another version; detach it and attach again", group);
	return WATCH_KERNEL;
}

int watch_open_pinned(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why)
{
	struct watch *w = watch_new();
	unsigned bytes;
	int err;

	*out = NULL;
	if (w == NULL)
		return watch_explain(why, -ENOMEM, "open pins");
	err = open_map(&w->chans_fd, group, "chans", sizeof(struct probe_chan), &w->chan_max);
	err = err != 0 ? err : read_tag(group, group_tag);
	err = err != 0 ? err
		       : open_map(&w->places_fd, group, "places", sizeof(struct probe_place), &w->chan_max);
	err = err != 0 ? err
		       : open_map(&w->procs_fd, group, "procs", sizeof(struct probe_proc), &w->proc_max);
	err = err != 0 ? err
		       : open_map(&w->lives_fd, group, "lives", sizeof(struct probe_life), &w->proc_max);
	err = err != 0 ? err : open_map(&w->events_fd, group, "events", 0, &bytes);
	if (err == 0) {
		*out = w;
		return WATCH_OK;
	}
	watch_close(w);
	if (err == -ENOENT)
		return nothing_attached(why, group);
	if (err == -EPROTO)
		return of_another_version(why, group);
	return watch_explain(why, err, "open the pins in " BPF_FS);
}

// ------------------------------------------------------------------------------------------------- adding to pins

// The descriptor stays the caller's; libbpf keeps its own.
static int reuse(struct bpf_map *map, const char *group, const char *name)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof info;
	int fd = open_pin(group, name), err;

	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (err == 0 && info.value_size != bpf_map__value_size(map))
		err = -EPROTO;
	if (err == 0)
		err = bpf_map__reuse_fd(map, fd);
	close(fd);
	return err;
}

static int load_more(struct watch *w, const char *group, uint32_t *group_tag)
{
	struct bpf_map *maps[PINNED_MAPS];
	const char *names[PINNED_MAPS];
	int err = read_tag(group, group_tag);

	w->skel = chan_bpf__open();
	if (w->skel == NULL)
		return -ENOMEM;
	w->skel->rodata->group_tag = *group_tag;
	pinned_maps(w, maps, names);
	for (unsigned i = 0; i < PINNED_MAPS && err == 0; i++)
		err = reuse(maps[i], group, names[i]);
	return err == 0 ? chan_bpf__load(w->skel) : err;
}

static void note_files(struct watch *w, DIR *dir)
{
	struct dirent *entry;
	unsigned long dev, ino;

	while ((entry = readdir(dir)) != NULL && w->file_cnt < WATCH_FILE_MAX)
		if (sscanf(entry->d_name, FILE_PIN "%lx_%lx", &dev, &ino) == 2)
			w->files[w->file_cnt++] = (struct watch_file){.dev = dev, .ino = ino};
	w->pinned_cnt = w->file_cnt;
}

int watch_more(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why)
{
	struct watch *w = watch_new();
	char path[256];
	DIR *dir;
	int err;

	*out = NULL;
	if (w == NULL)
		return watch_explain(why, -ENOMEM, "open pins");
	pin_path(path, sizeof path, group, NULL);
	dir = opendir(path);
	w->lock = dir != NULL ? fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 0) : -1;
	if (w->lock < 0 || flock(w->lock, LOCK_EX) != 0)
		err = -errno;
	else
		err = load_more(w, group, group_tag);
	if (err == 0)
		note_files(w, dir);
	if (dir != NULL)
		closedir(dir);
	if (err == 0) {
		watch_use_maps(w);
		*out = w;
		return WATCH_OK;
	}
	watch_close(w);
	if (err == -ENOENT)
		return nothing_attached(why, group);
	return err == -EPROTO ? of_another_version(why, group) : watch_explain(why, err, "load BPF programs");
}

int watch_pin_more(struct watch *w, const char *group, struct watch_why *why)
{
	int err = pin_attached(w, group);
	return err == 0 ? WATCH_OK : watch_explain(why, err, "pin in " BPF_FS);
}
