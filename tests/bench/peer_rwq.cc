// moodycamel's ReaderWriterQueue. It takes memory from malloc; here that is memory which both processes share.
#include "tests/bench/peer_cxx.h"

#define PACKAGE "libreaderwriterqueue-dev"

#if __has_include(<readerwriterqueue/readerwriterqueue.h>)
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

static char *arena;
static size_t arena_used, arena_size;

static void *arena_take(size_t n)
{
	n = (n + 127) & ~static_cast<size_t>(127);
	if (arena_used + n > arena_size)
		return nullptr;
	arena_used += n;
	return arena + arena_used - n;
}

[[maybe_unused]] static void arena_leave(void *)
{
}

namespace std
{
using ::arena_leave;
using ::arena_take;
} // namespace std
#define malloc arena_take
#define free arena_leave
#include <readerwriterqueue/readerwriterqueue.h>
#undef malloc
#undef free

namespace
{
template <size_t N> using queue = moodycamel::ReaderWriterQueue<message<N>>;

struct state {
	size_t bytes;
	void *there, *back;
};

struct end {
	void *out, *in;
};

template <size_t N> void *make(size_t cap)
{
	void *mem = arena_take(sizeof(queue<N>));

	return mem ? new (mem) queue<N>(cap) : nullptr;
}

void *make_sized(const row *row)
{
	return row->len == 8 ? make<8>(row->cap) : row->len == 64 ? make<64>(row->cap) : make<1024>(row->cap);
}

void *create(const contender *, const row *row)
{
	size_t bytes = 4 * (static_cast<size_t>(row->len) + 16) * (row->cap + 2048) + (1 << 20);
	auto *s = static_cast<state *>(bench_shared(bytes));

	if (!s)
		return nullptr;
	arena = reinterpret_cast<char *>(s);
	arena_used = 4096;
	arena_size = bytes;
	s->bytes = bytes;
	s->there = make_sized(row);
	s->back = make_sized(row);
	if (s->there && s->back)
		return s;
	bench_unshare(s, bytes);
	return nullptr;
}

void destroy(void *state_)
{
	bench_unshare(state_, static_cast<state *>(state_)->bytes);
}

void *open_end(void *state_, const row *, unsigned who)
{
	auto *s = static_cast<state *>(state_);

	return new end{who ? s->there : s->back, who ? s->back : s->there};
}

template <class F> __attribute__((always_inline)) inline auto with(void *q, size_t len, F f)
{
	if (len == 8)
		return f(static_cast<queue<8> *>(q), std::integral_constant<size_t, 8>());
	if (len == 64)
		return f(static_cast<queue<64> *>(q), std::integral_constant<size_t, 64>());
	return f(static_cast<queue<1024> *>(q), std::integral_constant<size_t, 1024>());
}

__attribute__((always_inline)) inline bool send(end *e, const void *msg, size_t len)
{
	return with(e->out, len, [&](auto *q, auto n) { return q->try_enqueue(*as<n>(msg)); });
}

__attribute__((always_inline)) inline const void *peek(end *e, size_t len)
{
	return with(e->in, len, [](auto *q, auto) -> const void * { return q->peek(); });
}

__attribute__((always_inline)) inline void pop(end *e, size_t len)
{
	with(e->in, len, [](auto *q, auto) { return q->pop(); });
}

#define PEER rwq
#define END end
#define SEND(e, msg, len) send(e, msg, len)
#define PEEK(e, len) peek(e, len)
#define POP(e, len) pop(e, len)
#include "tests/bench/loops.inc"

const contender list[] = {
	{.name = "readerwriterqueue",
	 .package = PACKAGE,
	 .forms = FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_BUILT),
	 .create = create,
	 .destroy = destroy,
	 .open = open_end,
	 .run = rwq_run},
};
} // namespace
#else
static const contender list[] = {{.name = "readerwriterqueue",
				  .package = PACKAGE,
				  .missing = "no <readerwriterqueue/readerwriterqueue.h>"}};
#endif
extern "C" const family family_rwq = {list, sizeof(list) / sizeof(list[0])};
