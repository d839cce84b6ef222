#include "shmchan/obj.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAGIC 0x6e6168636d6873ull // "shmchan"

bool shmchan_name_ok(const char *name)
{
	size_t n = name ? strnlen(name, SHMCHAN_NAME_MAX) : 0;

	return n > 0 && n < SHMCHAN_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

void shmchan_obj_new(struct shmchan_obj *o, enum shmchan_obj_kind kind, uint64_t size, const char *group,
		     uint32_t group_tag, const char *name, uint32_t id)
{
	o->version = SHMCHAN_LAYOUT_VERSION;
	o->kind = kind;
	o->layout = shmchan_layout_hash();
	o->size = size;
	o->id = id;
	o->group_tag = group_tag;
	snprintf(o->group, sizeof(o->group), "%s", group);
	snprintf(o->name, sizeof(o->name), "%s", name);
}

void shmchan_obj_publish(struct shmchan_obj *o)
{
	atomic_store_explicit(&o->magic, MAGIC, memory_order_release);
}

int shmchan_obj_join(const struct shmchan_obj *o, size_t size, enum shmchan_obj_kind kind,
		     struct shmchan_why *why)
{
	char name[2 * SHMCHAN_NAME_MAX];
	uint64_t layout = shmchan_layout_hash(), want;

	if (size < sizeof(*o))
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "segment", "%zu bytes, too few for a header",
				    size);
	snprintf(name, sizeof(name), "%.31s.%.31s", o->group, o->name);
	// Pairs with shmchan_obj_publish: with the magic, everything that new wrote is there.
	if (atomic_load_explicit(&o->magic, memory_order_acquire) != MAGIC)
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, name, "no shmchan object, or not finished");
	if (o->version != SHMCHAN_LAYOUT_VERSION || o->layout != layout)
		return shmchan_fail(why, SHMCHAN_ELAYOUT, 0, name,
				    "layout version %u/%016llx, this binary has %u/%016llx", o->version,
				    (unsigned long long)o->layout, SHMCHAN_LAYOUT_VERSION,
				    (unsigned long long)layout);
	if (o->kind != (uint32_t)kind)
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, name, "object kind %u, expected %u", o->kind,
				    kind);
	want = o->size;
	if (want > size)
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, name, "segment has %zu bytes, the object %llu",
				    size, (unsigned long long)want);
	return 0;
}

int shmchan_fail(struct shmchan_why *why, int code, int sys_errno, const char *object, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return code;
	why->code = code;
	why->sys_errno = sys_errno;
	snprintf(why->object, sizeof(why->object), "%s", object);
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return code;
}
