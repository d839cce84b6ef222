// What the control socket can ask of a group's channels and dead letters (shmchan/edit.h). Each verb is carried out
// within one turn of the loop: no service is spawned or recovered meanwhile.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shmchan/edit.h"
#include "shmchan/record.h"
#include "supervisor/group.h"

#define INJECT_MAX (64u << 20) // bytes of records in one request
#define DRAIN_MAX 65536        // messages drained by one request: a death must not wait for long
#define RETRY_NS UINT64_C(5000000)

static json_t *refused(const struct group *g, const char *what, const char *name, int rc,
		       const struct shmchan_why *why)
{
	return control_error(
		"can't %s '%.64s' of group '%s': %s%s%s%s", what, name, g->plan->spec.name,
		why->text[0] ? why->text : shmchan_strerror(rc), rc == SHMCHAN_EBUSY ? ": shmsup stop " : "",
		rc == SHMCHAN_EBUSY ? g->plan->spec.name : "", rc == SHMCHAN_EBUSY ? " SERVICE" : "");
}

static const char *channel_of(const json_t *request)
{
	return json_string_value(json_object_get(request, "channel"));
}

// ------------------------------------------------------------------------------------------------ inject

// Only a file in memory: reading any other could take long, and everything waits for this process.
static json_t *read_records(int fd, unsigned char **out, size_t *size)
{
	struct stat st;

	*out = NULL;
	if (fd < 0)
		return control_error("no file of messages came with the request");
	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return control_error("the file of messages is not in memory (memfd_create)");
	if (st.st_size > INJECT_MAX)
		return control_error("more than %u bytes of messages in one request", INJECT_MAX);
	*size = (size_t)st.st_size;
	*out = malloc(*size + 1);
	if (!*out)
		return control_error("no memory for %zu bytes of messages", *size);
	if (pread(fd, *out, *size, 0) == (ssize_t)*size)
		return NULL;
	free(*out);
	*out = NULL;
	return control_error("can't read the file of messages");
}

// The id of a channel by its name, 0 if there is none.
static uint16_t id_of(const struct group *g, const char *name)
{
	for (unsigned i = 0; *name && i < g->plan->spec.chan_cnt; i++)
		if (strcmp(g->plan->spec.chans[i].name, name) == 0)
			return (uint16_t)(i + 1);
	return 0;
}

static int inject_one(struct group *g, const char *channel, const struct shmchan_record *r,
		      struct shmchan_why *why)
{
	const struct shmchan_edit_block block = {r->pool, r->block, r->block_len};
	const struct shmchan_msg m = {.data = r->data,
				      .len = r->len,
				      .type = r->type,
				      .corr = r->corr,
				      .reply = id_of(g, r->reply)};

	if (r->had_block && !r->block) {
		snprintf(why->text, sizeof(why->text), "message %llu had a block whose bytes are not with it",
			 (unsigned long long)r->pos);
		return SHMCHAN_EINVAL;
	}
	if (r->reply[0] && !m.reply) {
		snprintf(why->text, sizeof(why->text),
			 "message %llu wants its answer in '%s', which this group has not",
			 (unsigned long long)r->pos, r->reply);
		return SHMCHAN_ENOENT;
	}
	return shmchan_broker_inject(g->broker, channel, &m, r->block ? &block : NULL, why);
}

json_t *group_verb_inject(struct group *g, const json_t *request, struct control_wait *wait)
{
	const char *channel = channel_of(request);
	struct shmchan_why why = {0};
	json_int_t sent = 0;
	unsigned char *bytes;
	size_t size = 0, at = 0, used;
	json_t *reply;
	int rc = 0;

	if (!channel)
		return control_error("the request names no channel");
	reply = read_records(wait->fd, &bytes, &size);
	if (reply)
		return reply;
	while (at < size && rc == 0) {
		struct shmchan_record r;

		rc = shmchan_record_get(&r, bytes + at, size - at, &used);
		if (rc) {
			snprintf(why.text, sizeof(why.text), "message %lld of the request is no record",
				 (long long)sent + 1);
			break;
		}
		rc = inject_one(g, channel, &r, &why);
		at += used;
		sent += rc == 0;
	}
	free(bytes);
	if (sent)
		events_put(g->events, "inject", json_pack("{s:s, s:I}", "channel", channel, "sent", sent));
	if (rc && rc != SHMCHAN_FULL && rc != SHMCHAN_EXHAUSTED) {
		reply = refused(g, "send to channel", channel, rc, &why);
		json_object_set_new(reply, "sent", json_integer(sent));
		return reply;
	}
	return json_pack("{s:b, s:I, s:b}", "ok", 1, "sent", sent, "full", rc != 0);
}

// ------------------------------------------------------------------------------------------------ drain

json_t *group_verb_drain(struct group *g, const json_t *request, struct control_wait *wait)
{
	const char *channel = channel_of(request);
	const json_t *limit = json_object_get(request, "limit");
	bool drop = json_is_true(json_object_get(request, "drop"));
	struct shmchan_why why = {0};
	uint64_t most = DRAIN_MAX, cnt, left;
	int rc;

	if (!channel)
		return control_error("the request names no channel");
	if (limit && (!json_is_integer(limit) || json_integer_value(limit) < 1))
		return control_error("that is not a number of messages");
	if (limit && json_integer_value(limit) < DRAIN_MAX)
		most = (uint64_t)json_integer_value(limit);
	rc = shmchan_broker_drain(g->broker, channel, most, drop, &cnt, &left, &why);
	if (rc)
		return refused(g, "drain channel", channel, rc, &why);
	if (shmchan_broker_retry(g->broker) > 0 && !loop_timer_is_set(&g->retry))
		loop_timer_set(g->loop, &g->retry, RETRY_NS);
	events_put(g->events, "drain",
		   json_pack("{s:s, s:I, s:b}", "channel", channel, "drained", (json_int_t)cnt, "dropped",
			     drop));
	return json_pack("{s:b, s:I, s:I}", "ok", 1, "drained", (json_int_t)cnt, "left", (json_int_t)left);
}

// ------------------------------------------------------------------------------------------------ dead letters

static json_t *with_letter(struct group *g, const json_t *request, const char *event, const char *what,
			   int (*f)(struct shmchan_broker *b, uint64_t no, struct shmchan_why *why))
{
	const json_t *letter = json_object_get(request, "letter");
	struct shmchan_why why = {0};
	char name[24];
	int rc;

	if (!json_is_integer(letter) || json_integer_value(letter) < 1)
		return control_error("the request names no letter");
	rc = f(g->broker, (uint64_t)json_integer_value(letter), &why);
	snprintf(name, sizeof(name), "%lld", (long long)json_integer_value(letter));
	if (rc)
		return refused(g, what, name, rc, &why);
	events_put(g->events, event, json_pack("{s:I}", "letter", json_integer_value(letter)));
	return json_pack("{s:b}", "ok", 1);
}

json_t *group_verb_dead_drop(struct group *g, const json_t *request, struct control_wait *wait)
{
	return with_letter(g, request, "dead-drop", "drop dead letter", shmchan_broker_dead_drop);
}

json_t *group_verb_dead_replay(struct group *g, const json_t *request, struct control_wait *wait)
{
	return with_letter(g, request, "dead-replay", "replay dead letter", shmchan_broker_dead_replay);
}

// ------------------------------------------------------------------------------------------------ repair

static void tell(void *list, const char *object, const char *text)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "object", object, "text", text));
}

json_t *group_verb_repair(struct group *g, const json_t *request, struct control_wait *wait)
{
	json_t *list = json_array();
	int cnt = shmchan_broker_repair(g->broker, tell, list);

	if (cnt < 0) {
		json_decref(list);
		return control_error("can't repair group '%s': %s", g->plan->spec.name,
				     shmchan_strerror(cnt));
	}
	if (cnt)
		events_put(g->events, "repair", json_pack("{s:i}", "repaired", cnt));
	return json_pack("{s:b, s:o}", "ok", 1, "repaired", list);
}
