#include "tests/shmchan/harness.h"

#include "shmchan/obj.h"

_Static_assert(offsetof(struct shmchan_obj, magic) == 0 && offsetof(struct shmchan_obj, version) == 8 &&
		       offsetof(struct shmchan_obj, kind) == 12 &&
		       offsetof(struct shmchan_obj, layout) == 16 &&
		       offsetof(struct shmchan_obj, size) == 24 && offsetof(struct shmchan_obj, id) == 32 &&
		       offsetof(struct shmchan_obj, group_tag) == 36 &&
		       offsetof(struct shmchan_obj, name) == 40 && offsetof(struct shmchan_obj, group) == 72,
	       "version and layout are read before anything else is known");

Test(obj, names)
{
	static const char *const good[] = {"a", "A-b_9", "0123456789012345678901234567890"};
	static const char *const bad[] = {
		"", "a.b", "a/b", " a", "ä", "a\n", "01234567890123456789012345678901"};

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert(shmchan_name_ok(good[i]));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(shmchan_name_ok(bad[i]), "'%s'", bad[i]);
	cr_assert_not(shmchan_name_ok(NULL));
}

Test(obj, join_refuses)
{
	struct shmchan_obj o = {0};
	struct shmchan_why why = {0};

	shmchan_obj_new(&o, SHMCHAN_OBJ_POOL, 200, "g", 5, "o", 2);
	cr_assert_eq(shmchan_obj_join(&o, 200, SHMCHAN_OBJ_POOL, &why), SHMCHAN_ECORRUPT, "not published");
	shmchan_obj_publish(&o);
	cr_assert_eq(shmchan_obj_join(&o, 200, SHMCHAN_OBJ_POOL, &why), 0);
	cr_assert_eq(shmchan_obj_join(&o, 201, SHMCHAN_OBJ_POOL, &why), 0);
	cr_assert_eq(shmchan_obj_join(&o, 199, SHMCHAN_OBJ_POOL, &why), SHMCHAN_ETRUNC);
	cr_assert_str_eq(why.object, "g.o");
	cr_assert_eq(shmchan_obj_join(&o, sizeof(o) - 1, SHMCHAN_OBJ_POOL, &why), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_obj_join(&o, 200, SHMCHAN_OBJ_RING, NULL), SHMCHAN_ECORRUPT);
	o.version = 4711;
	cr_assert_eq(shmchan_obj_join(&o, 200, SHMCHAN_OBJ_POOL, &why), SHMCHAN_ELAYOUT);
	cr_assert_neq(strstr(why.text, "4711"), NULL, "both versions are named");
	o.version = SHMCHAN_LAYOUT_VERSION;
	o.layout++;
	cr_assert_eq(shmchan_obj_join(&o, 200, SHMCHAN_OBJ_POOL, &why), SHMCHAN_ELAYOUT);
}

// What an earlier build has put into segments: who changes a layout raises the version and writes the new hash here.
Test(obj, layout_is_pinned)
{
	cr_assert_eq(SHMCHAN_LAYOUT_VERSION, 1);
	cr_assert_eq(shmchan_layout_hash(), 0x406d93282f438130ull, "%016llx",
		     (unsigned long long)shmchan_layout_hash());
}

Test(obj, every_code_has_words)
{
	for (int code = 0; code >= SHMCHAN_ENOMEM; code--) {
		cr_assert_str_neq(shmchan_strerror(code), "unknown error");
		for (int other = 0; other > code; other--)
			cr_assert_str_neq(shmchan_strerror(code), shmchan_strerror(other));
	}
	cr_assert_str_eq(shmchan_strerror(SHMCHAN_EBUSY - 1), "unknown error");
	cr_assert_str_eq(shmchan_strerror(1), "unknown error");
}

Test(obj, reasons_fit_in_their_line)
{
	struct shmchan_why why;
	char big[500];

	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	cr_assert_eq(shmchan_fail(&why, SHMCHAN_ESYS, 7, big, "%s", big), SHMCHAN_ESYS);
	cr_assert_eq(strlen(why.object), sizeof(why.object) - 1);
	cr_assert_eq(strlen(why.text), sizeof(why.text) - 1);
	cr_assert_eq(why.sys_errno, 7);
	cr_assert_eq(shmchan_fail(NULL, SHMCHAN_EPERM, 0, "o", "x"), SHMCHAN_EPERM);
}
