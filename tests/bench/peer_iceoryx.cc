// iceoryx: untyped publisher and subscriber, in place at both ends. Its daemon RouDi lives as long as the processes of a
// row; they do not sign off from it, as that can wait for ever.
#include "tests/bench/peer_cxx.h"

#define PACKAGE "libiceoryx-posh-dev libiceoryx-hoofs-dev iceoryx"

#if __has_include(<iceoryx_posh/popo/untyped_publisher.hpp>)
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <csignal>
#include <memory>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace
{
pid_t roudi;
unsigned users;
constexpr uint32_t chunk_max = (4 << 20) - 4096; // largest of RouDi's default pools, with room for its header

struct state {
	unsigned serial;
};

struct end {
	std::unique_ptr<iox::popo::UntypedPublisher> out;
	std::unique_ptr<iox::popo::UntypedSubscriber> in;
	std::unique_ptr<iox::popo::WaitSet<1>> set;
	const void *held;
};

bool start_roudi()
{
	char name[] = "iox-roudi", log[] = "--log-level=off";
	char *argv[] = {name, log, nullptr};
	posix_spawn_file_actions_t quiet;

	if (users++)
		return true;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
	if (posix_spawnp(&roudi, name, &quiet, nullptr, argv, environ) != 0) {
		fprintf(stderr, "ipc: iceoryx: its daemon iox-roudi can't be started\n");
		users--;
		roudi = 0;
	}
	posix_spawn_file_actions_destroy(&quiet);
	return roudi > 0;
}

void end_roudi()
{
	if (--users || roudi <= 0)
		return;
	// One that ended by itself found another running, whose memory is not ours.
	if (waitpid(roudi, nullptr, WNOHANG) == 0) {
		kill(roudi, SIGTERM);
		waitpid(roudi, nullptr, 0);
		shm_unlink("/iceoryx_mgmt");
	}
	roudi = 0;
}

void *create(const contender *, const row *)
{
	static unsigned serial;

	return start_roudi() ? new state{serial++} : nullptr;
}

void destroy(void *state_)
{
	delete static_cast<state *>(state_);
	end_roudi();
}

iox::capro::ServiceDescription way(const state *s, const char *name)
{
	char event[128];

	snprintf(event, sizeof(event), "%s-%u", name, s->serial);
	return {"bench", "ipc", iox::capro::IdString_t(iox::cxx::TruncateToCapacity, event)};
}

void *open_end(void *state_, const row *row, unsigned who)
{
	auto *s = static_cast<state *>(state_);
	auto *e = new end;
	bool both = row->form == FORM_RTT || row->form == FORM_BLOCK;
	iox::popo::PublisherOptions tx;
	iox::popo::SubscriberOptions rx;
	char name[128];

	snprintf(name, sizeof(name), "bench-%d-%u", getpid(), who);
	iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff,
								 iox::log::LogLevelOutput::kHideLogLevel);
	iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
	tx.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
	rx.queueCapacity = row->form == FORM_BIG ? 2 : 256;
	rx.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
	if (who || both)
		e->out = std::make_unique<iox::popo::UntypedPublisher>(way(s, who ? "there" : "back"), tx);
	if (!who || both)
		e->in = std::make_unique<iox::popo::UntypedSubscriber>(way(s, who ? "back" : "there"), rx);
	if (row->form == FORM_BLOCK) {
		e->set = std::make_unique<iox::popo::WaitSet<1>>();
		e->set->attachState(*e->in, iox::popo::SubscriberState::HAS_DATA).or_else([](auto &) {
			_exit(1);
		});
	}
	// What is published before somebody subscribes is lost.
	while (e->out && !e->out->hasSubscribers())
		usleep(1000);
	while (e->in && e->in->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
		usleep(1000);
	return e;
}

inline void *room(end *e, uint32_t len)
{
	void *to = nullptr;

	e->out->loan(len).and_then([&](void *chunk) { to = chunk; });
	return to;
}

inline bool send(end *e, const void *msg, uint32_t len)
{
	void *to = room(e, len);

	if (!to)
		return false;
	memcpy(to, msg, len);
	e->out->publish(to);
	return true;
}

inline const void *take(end *e)
{
	e->held = nullptr;
	e->in->take().and_then([&](const void *chunk) { e->held = chunk; });
	return e->held;
}

inline const void *wait_take(end *e)
{
	const void *msg;

	while ((msg = take(e)) == nullptr)
		e->set->wait();
	return msg;
}

#define PEER iox
#define END end
#define SEND(e, msg, len) send(e, msg, len)
#define PEEK(e, len) take(e)
#define POP(e, len) (e)->in->release((e)->held)
#define ROOM(e, len) room(e, len)
#define COMMIT(e, len) (e)->out->publish(to)
#define WAIT_PEEK(e, len) wait_take(e)
#define BIG_SEND(e, src, len) send(e, src, static_cast<uint32_t>(len))
#define BIG_PEEK(e, len) take(e)
#define BIG_POP(e, len) (e)->in->release((e)->held)
#include "tests/bench/loops.inc"

const contender list[] = {
	{.name = "iceoryx",
	 .package = PACKAGE,
	 .forms = FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_BUILT) | FORM(FORM_BLOCK) | FORM(FORM_BIG),
	 .len_max = chunk_max,
	 .create = create,
	 .destroy = destroy,
	 .open = open_end,
	 .run = iox_run},
};
} // namespace
#else
static const contender list[] = {
	{.name = "iceoryx", .package = PACKAGE, .missing = "no <iceoryx_posh/popo/untyped_publisher.hpp>"}};
#endif
extern "C" const family family_iceoryx = {list, sizeof(list) / sizeof(list[0])};
