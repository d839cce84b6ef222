#include "tests/shmchan/harness.h"

#include <sys/stat.h>
#include "shmchan/seg.h"

struct place {
	char group[SHMCHAN_NAME_MAX];
};

static struct place place(void)
{
	struct harness h;
	struct place p;

	harness_name(&h);
	memcpy(p.group, h.group, sizeof(p.group));
	return p;
}

static void count(void *ctx, const char *group, const char *object)
{
	(void)group;
	*(unsigned *)ctx += object ? 1 : 100;
}

Test(seg, lives_from_create_to_unlink)
{
	struct place p = place();
	struct shmchan_seg a, b, none;
	struct shmchan_why why = {0};
	char name[SHMCHAN_SEG_NAME_MAX], path[SHMCHAN_SEG_NAME_MAX + 16];
	struct stat st;
	unsigned n = 0;

	cr_assert_eq(shmchan_seg_open(&none, p.group, NULL, false, &why), SHMCHAN_ENOENT);
	cr_assert_eq(why.sys_errno, ENOENT);
	cr_assert_null(none.base);
	cr_assert_eq(shmchan_seg_create(&a, p.group, "x", 5000, &why), 0);
	cr_assert_eq(shmchan_seg_create(&none, p.group, "x", 5000, &why), SHMCHAN_EEXIST);
	cr_assert_eq(why.code, SHMCHAN_EEXIST);
	shmchan_seg_name(name, p.group, "x");
	cr_assert_str_eq(why.object, name);
	snprintf(path, sizeof(path), "/dev/shm%s", name);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(shmchan_seg_open(&b, p.group, "x", true, &why), 0);
	cr_assert_eq(b.size, 5000);
	((char *)a.base)[4999] = 7;
	cr_assert_eq(((char *)b.base)[4999], 7);
	shmchan_seg_each(p.group, count, &n);
	cr_assert_eq(n, 1);
	cr_assert_eq(shmchan_seg_unlink(p.group, "x"), 0);
	cr_assert_eq(shmchan_seg_unlink(p.group, "x"), SHMCHAN_ENOENT);
	shmchan_seg_close(&a);
	shmchan_seg_close(&a);
	shmchan_seg_close(&b);
}

// More than the file system has: refused now, instead of a SIGBUS at the first touch.
Test(seg, memory_is_set_aside_at_creation)
{
	struct place p = place();
	struct shmchan_why why = {0};
	struct shmchan_seg s;

	cr_assert_eq(shmchan_seg_create(&s, p.group, "x", (size_t)1 << 50, &why), SHMCHAN_ESYS);
	cr_assert_neq(why.sys_errno, 0);
	cr_assert_eq(shmchan_seg_unlink(p.group, "x"), SHMCHAN_ENOENT, "nothing is left");
}

Test(seg, cut_short)
{
	struct place p = place();
	struct harness h;
	struct shmchan_why why = {0};
	struct shmchan_seg s, t;

	memcpy(h.group, p.group, sizeof(h.group));
	cr_assert_eq(shmchan_seg_create(&s, p.group, "x", 3 * 4096, &why), 0);
	cr_assert(shmchan_seg_intact(&s));
	harness_truncate(&h, "x", 2 * 4096 + 1);
	cr_assert(shmchan_seg_intact(&s), "the last page is still there");
	harness_truncate(&h, "x", 2 * 4096);
	cr_assert_not(shmchan_seg_intact(&s));
	cr_assert_eq(shmchan_seg_open(&t, p.group, "x", false, &why), 0);
	cr_assert_eq(t.size, 2 * 4096);
	cr_assert(shmchan_seg_intact(&t), "also where it can't be written");
	shmchan_seg_close(&t);
	harness_truncate(&h, "x", sizeof(struct shmchan_obj) - 1);
	cr_assert_eq(shmchan_seg_open(&t, p.group, "x", false, &why), SHMCHAN_ETRUNC);
	harness_truncate(&h, "x", 0);
	cr_assert_eq(shmchan_seg_open(&t, p.group, "x", false, &why), SHMCHAN_ETRUNC);
	shmchan_seg_close(&s);
	shmchan_seg_unlink(p.group, "x");
}
