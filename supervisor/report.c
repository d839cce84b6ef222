#include "supervisor/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOT_THERE UINT_MAX

struct report {
	const struct plan *plan;
	struct shmchan_view *view;
	unsigned *index; // of the plan's channel i in the view
	struct report_values values;
};

static unsigned *find_channels(const struct report *r)
{
	const struct shmchan_group_spec *spec = &r->plan->spec;
	unsigned *index = malloc((spec->chan_cnt + 1) * sizeof(*index));
	struct shmchan_view_group g;
	struct shmchan_view_chan c;

	if (!index)
		return NULL;
	shmchan_view_group(r->view, &g);
	for (unsigned i = 0; i < spec->chan_cnt; i++) {
		index[i] = NOT_THERE;
		for (unsigned j = 0; j < g.chan_cnt && index[i] == NOT_THERE; j++) {
			unsigned k = (i + j) % g.chan_cnt; // usually the same order

			if (shmchan_view_chan(r->view, k, &c) == 0 &&
			    strcmp(c.name, spec->chans[i].name) == 0)
				index[i] = k;
		}
	}
	return index;
}

int report_open(struct report **out, const struct plan *plan, struct fail *fail)
{
	struct report *r = calloc(1, sizeof(*r));
	struct shmchan_why why = {0};
	int rc;

	*out = NULL;
	if (!r)
		return fail_set(fail, SUP_SYSTEM, "no memory for the report");
	r->plan = plan;
	r->values.sums = calloc(plan->job.report_cnt + 1, sizeof(*r->values.sums));
	r->values.zeros = calloc(plan->job.zero_cnt + 1, sizeof(*r->values.zeros));
	rc = shmchan_view_open(&r->view, plan->spec.name, &why);
	if (rc == 0)
		r->index = find_channels(r);
	if (rc || !r->index || !r->values.sums || !r->values.zeros) {
		report_close(r);
		return fail_set(fail, SUP_SYSTEM, "can't read the counters of group '%s': %s",
				plan->spec.name,
				!rc           ? "no memory"
				: why.text[0] ? why.text
					      : shmchan_strerror(rc));
	}
	*out = r;
	return 0;
}

void report_close(struct report *r)
{
	if (!r)
		return;
	if (r->view)
		shmchan_view_close(r->view);
	free(r->index);
	free(r->values.sums);
	free(r->values.zeros);
	free(r);
}

static uint64_t field_of(const struct shmchan_view_chan *c, unsigned field)
{
	switch (field) {
	case PLAN_ENQUEUED:
		return c->stat.enqueued;
	case PLAN_DEQUEUED:
		return c->stat.dequeued;
	case PLAN_DONE:
		return c->stat.done;
	case PLAN_DEAD:
		return c->stat.dead;
	case PLAN_DROPPED:
		return c->stat.dropped;
	default:
		return field - PLAN_TALLY < SHMCHAN_TALLY_MAX ? c->tally[field - PLAN_TALLY] : 0;
	}
}

static int read_sum(struct report *r, const struct plan_sum *sum, uint64_t *out, struct fail *fail)
{
	struct shmchan_view_chan c;

	*out = 0;
	for (unsigned t = 0; t < sum->term_cnt; t++)
		for (unsigned i = 0; i < sum->terms[t].chan_cnt; i++) {
			unsigned chan = sum->terms[t].chan + i;
			int rc = r->index[chan] == NOT_THERE ? SHMCHAN_ENOENT
							     : shmchan_view_chan(r->view, r->index[chan], &c);

			if (rc)
				return fail_set(fail, SUP_SYSTEM,
						"can't read the counters of channel '%s': %s",
						r->plan->spec.chans[chan].name, shmchan_strerror(rc));
			*out += field_of(&c, sum->terms[t].field);
		}
	return 0;
}

int report_read(struct report *r, struct report_values *out, struct fail *fail)
{
	const struct plan_job *job = &r->plan->job;

	for (unsigned i = 0; i < job->report_cnt; i++)
		if (read_sum(r, &job->report[i], &r->values.sums[i], fail))
			return -1;
	for (unsigned i = 0; i < job->zero_cnt; i++)
		if (read_sum(r, &job->zero[i], &r->values.zeros[i], fail))
			return -1;
	*out = r->values;
	return 0;
}

bool report_balance(const struct plan *plan, const struct report_values *v, char *why, size_t size)
{
	const struct plan_job *job = &plan->job;
	uint64_t sum = 0;

	for (unsigned i = 1; i < job->balance_cnt; i++)
		sum += v->sums[job->balance[i]];
	if (job->balance_cnt && v->sums[job->balance[0]] != sum) {
		snprintf(why, size, "%s is %llu, but what became of them adds up to %llu",
			 job->report[job->balance[0]].key, (unsigned long long)v->sums[job->balance[0]],
			 (unsigned long long)sum);
		return false;
	}
	for (unsigned i = 0; i < job->zero_cnt; i++)
		if (v->zeros[i]) {
			snprintf(why, size, "%s is %llu, it must be 0", job->zero[i].key,
				 (unsigned long long)v->zeros[i]);
			return false;
		}
	return true;
}

void report_sums(const struct plan *plan, const struct report_values *v, json_t *to)
{
	for (unsigned i = 0; i < plan->job.report_cnt; i++)
		json_object_set_new(to, plan->job.report[i].key, json_integer((json_int_t)v->sums[i]));
}

void report_line(const struct plan *plan, const struct report_values *v, const unsigned *which, unsigned cnt,
		 char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (unsigned i = 0; i < cnt && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s %llu", i ? ", " : "",
					 plan->job.report[which[i]].key,
					 (unsigned long long)v->sums[which[i]]);
}

static void folder_of(const char *file, char *out)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		strcpy(out, ".");
	else
		snprintf(out, PATH_MAX, "%.*s", slash == file ? 1 : (int)(slash - file), file);
}

int report_check_file(const char *file, struct fail *fail)
{
	char folder[PATH_MAX];
	struct stat st;

	if (strcmp(file, "-") == 0)
		return 0;
	if (!file[0] || strlen(file) >= PATH_MAX - 16)
		return fail_set(fail, SUP_REPORT, "--report '%s' is not the name of a file", file);
	if (stat(file, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return fail_set(fail, SUP_REPORT, "--report %s is a directory", file);
		if (!S_ISREG(st.st_mode))
			return access(file, W_OK) == 0
				       ? 0
				       : fail_set(fail, SUP_REPORT, "can't write report %s: %s", file,
						  strerror(errno));
	}
	folder_of(file, folder);
	if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
		return fail_set(fail, SUP_REPORT, "can't write report %s: %s is not a directory", file,
				folder);
	if (access(folder, W_OK | X_OK))
		return fail_set(fail, SUP_REPORT, "can't write report %s: folder %s: %s", file, folder,
				strerror(errno));
	return 0;
}

static int write_all(int fd, const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(fd, s, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno ? errno : EIO;
		s += n;
		len -= (size_t)n;
	}
	return 0;
}

static int replace_file(const char *file, const char *text, size_t len)
{
	char temp[PATH_MAX];
	struct stat st;
	// A rename would put a file in the place of a device, or of a link like /dev/stdout.
	bool direct = lstat(file, &st) == 0 && !S_ISREG(st.st_mode);
	int fd, err;

	snprintf(temp, sizeof(temp), direct ? "%s" : "%s.%d.tmp", file, (int)getpid());
	fd = open(temp, O_WRONLY | O_CLOEXEC | O_CREAT | O_TRUNC | (direct ? 0 : O_NOFOLLOW), 0644);
	if (fd < 0)
		return errno;
	err = write_all(fd, text, len);
	if (close(fd) && !err)
		err = errno;
	if (!direct && !err && rename(temp, file))
		err = errno;
	if (!direct && err)
		unlink(temp);
	return err;
}

int report_write(const char *file, const json_t *object, struct fail *fail)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)), *line;
	int len, err;

	len = text ? asprintf(&line, "%s\n", text) : -1;
	free(text);
	if (len < 0)
		return fail_set(fail, SUP_REPORT, "can't write report %s: no memory", file);
	err = strcmp(file, "-") == 0 ? write_all(STDOUT_FILENO, line, (size_t)len)
				     : replace_file(file, line, (size_t)len);
	free(line);
	return err ? fail_set(fail, SUP_REPORT, "can't write report %s: %s", file, strerror(err)) : 0;
}
