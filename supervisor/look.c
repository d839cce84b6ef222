#include "supervisor/look.h"

#include <stdlib.h>
#include <string.h>

struct ends {
	unsigned *inputs, *outputs;
	unsigned input_cnt, output_cnt;
};

struct look {
	const struct plan *plan;
	struct shmchan_view *view;
	struct ends *ends; // of service i
};

static bool names(const unsigned *slots, unsigned cnt, unsigned slot)
{
	for (unsigned i = 0; i < cnt; i++)
		if (slots[i] == slot)
			return true;
	return false;
}

static bool find_ends(struct ends *e, const struct shmchan_group_spec *spec, unsigned slot)
{
	e->inputs = calloc(spec->chan_cnt + 1, sizeof(*e->inputs));
	e->outputs = calloc(spec->chan_cnt + 1, sizeof(*e->outputs));
	for (unsigned i = 0; e->inputs && e->outputs && i < spec->chan_cnt; i++) {
		const struct shmchan_chan_spec *c = &spec->chans[i];

		if (names(c->consumers, c->consumer_cnt, slot))
			e->inputs[e->input_cnt++] = i;
		if (names(c->producers, c->producer_cnt, slot))
			e->outputs[e->output_cnt++] = i;
	}
	return e->inputs && e->outputs;
}

int look_open(struct look **out, const struct plan *plan, struct fail *fail)
{
	struct look *l = calloc(1, sizeof(*l));
	struct shmchan_why why = {0};
	bool memory = l != NULL;
	int rc = 0;

	*out = NULL;
	if (memory) {
		l->plan = plan;
		l->ends = calloc(plan->spec.service_cnt, sizeof(*l->ends));
		memory = l->ends != NULL;
	}
	for (unsigned i = 0; memory && i < plan->spec.service_cnt; i++)
		memory = find_ends(&l->ends[i], &plan->spec, i + 1);
	if (memory)
		rc = shmchan_view_open(&l->view, plan->spec.name, &why);
	if (!memory || rc) {
		look_close(l);
		return fail_set(fail, SUP_SYSTEM, "can't look at the channels of group '%s': %s",
				plan->spec.name,
				!memory       ? "no memory"
				: why.text[0] ? why.text
					      : shmchan_strerror(rc));
	}
	*out = l;
	return 0;
}

void look_close(struct look *l)
{
	if (!l)
		return;
	for (unsigned i = 0; l->ends && i < l->plan->spec.service_cnt; i++) {
		free(l->ends[i].inputs);
		free(l->ends[i].outputs);
	}
	free(l->ends);
	if (l->view)
		shmchan_view_close(l->view);
	free(l);
}

struct shmchan_view *look_view(const struct look *l)
{
	return l->view;
}

// The broker lists channels in the order of its specification.
int look_chan(const struct look *l, unsigned i, struct shmchan_view_chan *out)
{
	int rc = shmchan_view_chan(l->view, i, out);

	if (!rc && strcmp(out->name, l->plan->spec.chans[i].name) != 0)
		return SHMCHAN_ENOENT;
	return rc;
}

const unsigned *look_inputs(const struct look *l, unsigned service, unsigned *cnt)
{
	*cnt = l->ends[service].input_cnt;
	return l->ends[service].inputs;
}

const unsigned *look_outputs(const struct look *l, unsigned service, unsigned *cnt)
{
	*cnt = l->ends[service].output_cnt;
	return l->ends[service].outputs;
}

void look_service(const struct look *l, unsigned i, struct look_service *out)
{
	const struct ends *e = &l->ends[i];
	struct shmchan_view_proc proc;
	struct shmchan_view_chan c;
	uint64_t most = 0;

	*out = (struct look_service){.busiest = PLAN_NONE};
	if (shmchan_view_proc(l->view, i, &proc) == 0)
		out->beat = proc.beat;
	for (unsigned k = 0; k < e->input_cnt; k++) {
		if (look_chan(l, e->inputs[k], &c))
			continue;
		out->depth_in += c.stat.depth;
		out->in_flight += c.stat.in_flight;
		out->moved += c.stat.dequeued + c.stat.done;
		if (c.stat.depth + c.stat.in_flight > most) {
			most = c.stat.depth + c.stat.in_flight;
			out->busiest = e->inputs[k];
		}
	}
	for (unsigned k = 0; k < e->output_cnt; k++)
		if (look_chan(l, e->outputs[k], &c) == 0)
			out->depth_out += c.stat.depth;
}
