#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "supervisor/chaos.h"
#include "supervisor/plan.h"
#include "supervisor/topology.h"
#include "supervisor/topology_form.h"
#include "supervisor/topology_keys.h"

static const char good[] =
	"group: g # a comment\n"
	"variables: {n: 3, dir: /tmp, on: 'yes'}\n"
	"services:\n"
	"  - name: a\n"
	"    command: ${dir}/prog\n"
	"    args: [-x, \"${dir}/${n}\", '${n}', '$${n}', \"\xc3\xa9${n}\", \"${replica}\"]\n"
	"    replicas: ${n}\n"
	"    restart: on-failure\n"
	"channels:\n"
	"  - {name: c, kind: mpsc, producers: [a], consumers: [a-1], on_crash: redeliver}\n"
	"job:\n"
	"  complete: a-1\n"
	"  report: {sent: c.enqueued + c.dead, z: c.done}\n"
	"chaos: {enabled: \"${on}\", services: [a], every_ms: [1, 2]}\n";

static char path[64];

static void make_file(void)
{
	snprintf(path, sizeof(path), "/tmp/sup_topology.%d", (int)getpid());
}

static void remove_file(void)
{
	unlink(path);
}

TestSuite(topology, .init = make_file, .fini = remove_file);

static int load(struct topo **out, const char *text, size_t len, const char *const *sets, unsigned set_cnt,
		struct fail *fail)
{
	FILE *f = fopen(path, "we");

	cr_assert(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
	return topo_load(out, path, sets, set_cnt, fail);
}

Test(topology, what_the_file_says)
{
	struct topo *t;
	struct fail fail;
	unsigned cnt;

	cr_assert_eq(load(&t, good, strlen(good), NULL, 0, &fail), 0, "%s", fail.text);
	const struct topo_data *d = topo_data(t);
	const struct topo_pair *report = topo_report(t, &cnt);

	cr_assert_str_eq(d->group, "g");
	cr_assert_eq(d->services_cnt, 1);
	cr_assert_eq(*d->services[0].replicas, 3);
	cr_assert_str_eq(d->services[0].command, "/tmp/prog");
	cr_assert_str_eq(d->services[0].args[1], "/tmp/3");
	cr_assert_str_eq(d->services[0].args[2], "3");
	cr_assert_str_eq(d->services[0].args[3], "$${n}");
	cr_assert_str_eq(d->services[0].args[4], "\xc3\xa9"
						 "3");
	cr_assert_str_eq(d->services[0].args[5], "${replica}");
	cr_assert_null(d->services[0].stop_timeout_ms);
	cr_assert_eq(d->services[0].restart, TOPO_ON_FAILURE);
	cr_assert_eq(d->channels[0].on_crash, SHMCHAN_REDELIVER);
	cr_assert_eq(d->chaos->enabled, TOPO_YES);
	cr_assert_eq(cnt, 2);
	cr_assert_str_eq(report[0].key, "sent");
	cr_assert_str_eq(report[0].value, "c.enqueued + c.dead");
	cr_assert_eq(report[1].line, 13);
	topo_free(t);
}

Test(topology, values_of_set_arrive_as_they_are)
{
	static const char *const values[] = {"dir=",
					     "dir=a b",
					     "dir=\"quoted\"",
					     "dir=back\\slash",
					     "dir=$${replica}",
					     "dir=# : [x] {y} - | > ' % @",
					     "dir=\xc3\xa9"};
	struct topo *t;
	struct plan *p;
	struct fail fail;

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char want[128];

		cr_assert_eq(load(&t, good, strlen(good), &values[i], 1, &fail), 0, "%s", fail.text);
		cr_assert_eq(plan_make(&p, t, NULL, &fail), 0, "%s", fail.text);
		topo_free(t);
		snprintf(want, sizeof(want), "%s/3", values[i] + 4);
		cr_assert_str_eq(p->services[0].argv[2], want);
		cr_assert_str_eq(p->services[0].argv[4], "${n}");
		cr_assert_str_eq(p->services[1].argv[6], "2");
		plan_free(p);
	}
}

Test(topology, a_place_is_the_deepest_that_the_file_has)
{
	struct topo *t;
	struct fail fail;
	char want[128];

	cr_assert_eq(load(&t, good, strlen(good), NULL, 0, &fail), 0);
	topo_bad(t, (struct topo_place){"services", 0, "args", 2}, &fail, "x");
	snprintf(want, sizeof(want), "%s:6:26: x", path);
	cr_assert_str_eq(fail.text, want);
	cr_assert_eq(fail.status, SUP_TOPOLOGY);
	topo_bad(t, (struct topo_place){"services", 0, "nothing", 2}, &fail, "x");
	snprintf(want, sizeof(want), "%s:4:5: x", path);
	cr_assert_str_eq(fail.text, want);
	topo_bad(t, (struct topo_place){"services", 7, NULL, TOPO_NONE}, &fail, "x\n\x1b[y");
	snprintf(want, sizeof(want), "%s:4:3: x??[y", path);
	cr_assert_str_eq(fail.text, want);
	topo_free(t);
}

// Damaged in a thousand ways, a file is taken or refused with a message that names it; asan sees the rest.
Test(topology, damaged_files_are_refused)
{
	static const char junk[] = "{}[]:,-#&*!|>'\"%@`${} \n\t\0\xff\xc3\x80"
				   "0129az";
	uint64_t random = 20;
	size_t len = strlen(good);
	char text[sizeof(good)];
	unsigned refused = 0;

	for (unsigned round = 0; round < 3000; round++) {
		struct topo *t;
		struct plan *p;
		struct fail fail = {0};

		memcpy(text, good, len);
		for (unsigned n = 1 + (unsigned)(chaos_random(&random) % 4); n; n--)
			text[chaos_random(&random) % len] = junk[chaos_random(&random) % (sizeof(junk) - 1)];
		if (load(&t, text, len - (round % 5 ? 0 : chaos_random(&random) % len), NULL, 0, &fail)) {
			cr_assert_not_null(strstr(fail.text, path), "%s", fail.text);
			refused++;
			continue;
		}
		if (plan_make(&p, t, NULL, &fail) == 0)
			plan_free(p);
		else
			cr_assert_not_null(strstr(fail.text, path), "%s", fail.text);
		topo_free(t);
	}
	cr_assert_gt(refused, 1000);
}

static unsigned count_keys(const cyaml_schema_field_t *fields, const char *section)
{
	unsigned cnt = 0;

	for (const cyaml_schema_field_t *f = fields; f->key; f++, cnt++) {
		const cyaml_schema_value_t *v = &f->value;

		cr_assert(topo_key_find(section, f->key), "%s: %s is not described", section, f->key);
		if (v->type == CYAML_SEQUENCE)
			v = v->sequence.entry;
		if (v->type == CYAML_MAPPING)
			cnt += count_keys(v->mapping.fields, f->key);
	}
	return cnt;
}

Test(topology, every_key_is_described_once)
{
	unsigned cnt = 0;

	for (const struct topo_key *k = topo_keys; k->key; k++, cnt++)
		cr_assert_eq(topo_key_find(k->section, k->key), k, "%s: %s is described twice", k->section,
			     k->key);
	cr_assert_eq(count_keys(topo_top_fields, "topology"), cnt);
}

Test(topology, forms)
{
	uint64_t a, b;
	cpu_set_t cpus;
	int cap;

	cr_assert(topo_size("0", &a) && a == 0);
	cr_assert(topo_size("3K", &a) && a == 3072);
	cr_assert(topo_size("18446744073709551615", &a) && a == UINT64_MAX);
	cr_assert(topo_class("4K*64", &a, &b) && a == 4096 && b == 64);
	cr_assert(!topo_class("4K", &a, &b) && !topo_class("4K*", &a, &b) && !topo_class("*4", &a, &b) &&
		  !topo_class("4K*4K", &a, &b) && !topo_class("4K x 4", &a, &b));
	cr_assert(topo_size("16777215T", &a) && !topo_size("16777216T", &a));
	cr_assert(!topo_size("", &a) && !topo_size("K", &a) && !topo_size("1KB", &a) && !topo_size("-1", &a));
	cr_assert(!topo_size("18446744073709551616", &a));
	cr_assert(topo_limit("5", &a, &b) && a == 5 && b == 5);
	cr_assert(topo_limit("5:unlimited", &a, &b) && a == 5 && b == UINT64_MAX);
	cr_assert(!topo_limit("unlimited:5", &a, &b) && !topo_limit("5:", &a, &b) && !topo_limit(":5", &a, &b));
	cr_assert(topo_cpus("1023", &cpus) && CPU_COUNT(&cpus) == 1);
	cr_assert(topo_cpus("0-2,2-4", &cpus) && CPU_COUNT(&cpus) == 5);
	cr_assert(!topo_cpus("", &cpus) && !topo_cpus("0,", &cpus) && !topo_cpus(",0", &cpus) &&
		  !topo_cpus("0-1024", &cpus) && !topo_cpus("18446744073709551616", &cpus));
	cr_assert(topo_cap("chown", &cap) && cap == 0);
	cr_assert(topo_cap("CAP_Net_Raw", &cap) && cap == 13);
	cr_assert(!topo_cap("", &cap) && !topo_cap("cap_", &cap) && !topo_cap("13", &cap));
}
