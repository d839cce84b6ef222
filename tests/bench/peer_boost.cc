// Boost: lockfree::spsc_queue (single and in batches), interprocess::message_queue.
#include "tests/bench/peer_cxx.h"

#define PACKAGE "libboost-dev"

#if __has_include(<boost/lockfree/spsc_queue.hpp>)
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdio>
#include <memory>
#include <new>
#include <unistd.h>

namespace
{
using boost::interprocess::message_queue;

template <size_t N, size_t CAP>
using ring = boost::lockfree::spsc_queue<message<N>, boost::lockfree::capacity<CAP>>;

enum { RING, QUEUE };
constexpr size_t deep = 8192, usual = 1024, shallow = 64; // the capacities of the rows

struct state {
	size_t bytes;
	void *there, *back;
	char there_name[48], back_name[48];
};

struct end {
	void *out, *in;
	message_queue *out_mq, *in_mq;
	size_t cap;
	alignas(64) char msg[LEN_MAX];
};

template <class R> void build(state *s)
{
	s->there = new (reinterpret_cast<char *>(s) + 4096) R;
	s->back = new (reinterpret_cast<char *>(s) + 4096 + (sizeof(R) + 4095) / 4096 * 4096) R;
}

size_t size_of(const row *row)
{
	size_t cell = (row->cap + 1) * static_cast<size_t>(row->len) + 4096;

	return 4096 + 2 * ((cell + 4095) / 4096 * 4096);
}

void *create_ring(const contender *, const row *row)
{
	size_t bytes = size_of(row);
	auto *s = static_cast<state *>(bench_shared(bytes));

	if (!s)
		return nullptr;
	s->bytes = bytes;
	if (row->len == 8)
		build<ring<8, usual>>(s);
	else if (row->cap == shallow)
		build<ring<64, shallow>>(s);
	else if (row->len == 64)
		build<ring<64, usual>>(s);
	else if (row->cap == usual)
		build<ring<1024, usual>>(s);
	else
		build<ring<1024, deep>>(s);
	return s;
}

void destroy_ring(void *state_)
{
	auto *s = static_cast<state *>(state_);

	bench_unshare(s, s->bytes);
}

void *create_queue(const contender *, const row *row)
{
	static unsigned serial;
	auto s = std::make_unique<state>();

	snprintf(s->there_name, sizeof(s->there_name), "bench-%d-%u-there", getpid(), serial);
	snprintf(s->back_name, sizeof(s->back_name), "bench-%d-%u-back", getpid(), serial++);
	try {
		message_queue(boost::interprocess::create_only, s->there_name, row->cap, row->len);
		message_queue(boost::interprocess::create_only, s->back_name, row->cap, row->len);
	} catch (const std::exception &e) {
		fprintf(stderr, "ipc: boost message_queue: %s\n", e.what());
		message_queue::remove(s->there_name);
		return nullptr;
	}
	return s.release();
}

void destroy_queue(void *state_)
{
	std::unique_ptr<state> s(static_cast<state *>(state_));

	message_queue::remove(s->there_name);
	message_queue::remove(s->back_name);
}

void *open_ring(void *state_, const row *row, unsigned who)
{
	auto *s = static_cast<state *>(state_);
	auto *e = new end{};

	e->out = who ? s->there : s->back;
	e->in = who ? s->back : s->there;
	e->cap = row->cap;
	return e;
}

void *open_queue(void *state_, const row *, unsigned who)
{
	auto *s = static_cast<state *>(state_);
	auto *e = new end{};

	try {
		e->out_mq =
			new message_queue(boost::interprocess::open_only, who ? s->there_name : s->back_name);
		e->in_mq =
			new message_queue(boost::interprocess::open_only, who ? s->back_name : s->there_name);
	} catch (const std::exception &x) {
		fprintf(stderr, "ipc: boost message_queue: %s\n", x.what());
		return nullptr;
	}
	return e;
}

// f is called with the ring as what it is; len is a constant where this is used.
template <class F> __attribute__((always_inline)) inline auto with(void *r, size_t cap, size_t len, F f)
{
	if (len == 8)
		return f(static_cast<ring<8, usual> *>(r), std::integral_constant<size_t, 8>());
	if (cap == shallow)
		return f(static_cast<ring<64, shallow> *>(r), std::integral_constant<size_t, 64>());
	if (len == 64)
		return f(static_cast<ring<64, usual> *>(r), std::integral_constant<size_t, 64>());
	if (cap == deep)
		return f(static_cast<ring<1024, deep> *>(r), std::integral_constant<size_t, 1024>());
	return f(static_cast<ring<1024, usual> *>(r), std::integral_constant<size_t, 1024>());
}

__attribute__((always_inline)) inline bool ring_send(end *e, const void *msg, size_t len)
{
	return with(e->out, e->cap, len, [&](auto *r, auto n) { return r->push(*as<n>(msg)); });
}

__attribute__((always_inline)) inline const void *ring_take(end *e, size_t len)
{
	return with(e->in, e->cap, len, [&](auto *r, auto n) { return r->pop(*as<n>(e->msg)); })
		       ? e->msg
		       : nullptr;
}

__attribute__((always_inline)) inline unsigned ring_send_n(end *e, const void *msgs, unsigned cnt, size_t len)
{
	return with(e->out, e->cap, len,
		    [&](auto *r, auto n) { return static_cast<unsigned>(r->push(as<n>(msgs), cnt)); });
}

__attribute__((always_inline)) inline unsigned ring_take_n(end *e, void *buf, unsigned cnt, size_t len)
{
	return with(e->in, e->cap, len,
		    [&](auto *r, auto n) { return static_cast<unsigned>(r->pop(as<n>(buf), cnt)); });
}

// In place: the front of the queue is read, then popped.
__attribute__((always_inline)) inline const void *ring_front(end *e, size_t len)
{
	return with(e->in, e->cap, len, [&](auto *r, auto) -> const void * {
		return r->read_available() ? static_cast<const void *>(&r->front()) : nullptr;
	});
}

__attribute__((always_inline)) inline void ring_pop(end *e, size_t len)
{
	with(e->in, e->cap, len, [&](auto *r, auto) { return r->pop(); });
}

bool queue_try_send(end *e, const void *msg, size_t len)
{
	return e->out_mq->try_send(msg, len, 0);
}

const void *queue_try_take(end *e, size_t len)
{
	message_queue::size_type got;
	unsigned priority;

	return e->in_mq->try_receive(e->msg, len, got, priority) ? e->msg : nullptr;
}

bool queue_send(end *e, const void *msg, size_t len)
{
	e->out_mq->send(msg, len, 0);
	return true;
}

const void *queue_take(end *e, size_t len)
{
	message_queue::size_type got;
	unsigned priority;

	e->in_mq->receive(e->msg, len, got, priority);
	return e->msg;
}

#define PEER ring
#define END end
#define SEND(e, msg, len) ring_send(e, msg, len)
#define PEEK(e, len) ring_take(e, len)
#define POP(e, len) (void)0
#define SEND_N(e, msgs, n, len) ring_send_n(e, msgs, n, len)
#define TAKE_N(e, buf, n, len) ring_take_n(e, buf, n, len)
#include "tests/bench/loops.inc"

#define PEER front
#define END end
#define SEND(e, msg, len) ring_send(e, msg, len)
#define PEEK(e, len) ring_front(e, len)
#define POP(e, len) ring_pop(e, len)
#include "tests/bench/loops.inc"

#define PEER queue
#define END end
#define SEND(e, msg, len) queue_try_send(e, msg, len)
#define PEEK(e, len) queue_try_take(e, len)
#define POP(e, len) (void)0
#define WAIT_SEND(e, msg, len) queue_send(e, msg, len)
#define WAIT_PEEK(e, len) queue_take(e, len)
#include "tests/bench/loops.inc"

constexpr unsigned one_way = FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_BUILT);

const contender list[] = {
	{.name = "boost-spsc",
	 .package = PACKAGE,
	 .forms = one_way | FORM(FORM_BATCH),
	 .kind = RING,
	 .create = create_ring,
	 .destroy = destroy_ring,
	 .open = open_ring,
	 .run = ring_run},
	{.name = "boost-spsc-inplace",
	 .package = PACKAGE,
	 .forms = one_way,
	 .kind = RING,
	 .create = create_ring,
	 .destroy = destroy_ring,
	 .open = open_ring,
	 .run = front_run},
	{.name = "boost-message_queue",
	 .package = PACKAGE,
	 .forms = FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_MANY) | FORM(FORM_BLOCK),
	 .kind = QUEUE,
	 .create = create_queue,
	 .destroy = destroy_queue,
	 .open = open_queue,
	 .run = queue_run},
};
} // namespace
#else
static const contender list[] = {
	{.name = "boost-spsc", .package = PACKAGE, .missing = "no <boost/lockfree/spsc_queue.hpp>"}};
#endif
extern "C" const family family_boost = {list, sizeof(list) / sizeof(list[0])};
