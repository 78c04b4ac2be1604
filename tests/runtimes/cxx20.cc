/* SPDX-License-Identifier: MIT */
/*
 * cxx20: three C++20 coroutines pass on what one thread puts and another gets.
 * One more is destroyed while it waits.  cxx20_call.h is what they wait by.
 */
#include "cxx20_call.h"
#include <cstdio>
#include <err.h>
#include <exception>
#include <thread>

#define MUST(...) ((__VA_ARGS__) ? (void)0 : errx(1, "line %d", __LINE__))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)

// clang-format off
struct coroutine {
	struct promise_type {
		using self = std::coroutine_handle<promise_type>;
		coroutine get_return_object() { return {self::from_promise(*this)}; }
		std::suspend_never initial_suspend() { return {}; }
		std::suspend_never final_suspend() noexcept { return {}; }
		void return_void() {}
		void unhandled_exception() { std::terminate(); }
	};
	std::coroutine_handle<> handle;
};
// clang-format on

static coroutine pass(coqueue_t *in, coqueue_t *out)
{
	using get = coqueue_call<coqueue_get_arm>;
	using put = coqueue_call<coqueue_put_arm>;
	for (long n, last = -1; co_await get{in, &n} == 0; last = n) {
		MUST(n > last && co_await put{out, &n} == 0);
	}
	MUST(coqueue_release(out, COQUEUE_PUT) == 0);
}

int main()
{
	coqueue_t *in, *out;
	long count = 0, sum = 0;
	MUST(!numbers_create(&in, 4, NULL) && !numbers_create(&out, 4, NULL));
	for (int i = 0; i < 3; i++) // the last to release it shuts it down
		MUST(coqueue_hold(out, COQUEUE_PUT) == 0);
	pass(in, out), pass(in, out), pass(in, out);
	pass(out, in).handle.destroy(); // gives up its place in line
	std::thread thread([in] {
		for (long n = 0; n < ITEMS; n++)
			MUST(numbers_put(in, &n) == 0);
		coqueue_shutdown(in, COQUEUE_GRACEFUL);
	});
	for (long n; numbers_get(out, &n) == 0; sum += n)
		count++;
	thread.join();
	MUST(count == ITEMS && sum == ITEMS * (ITEMS - 1) / 2);
	MUST(!coqueue_destroy(in) && !coqueue_destroy(out));
	return printf("cxx20: %ld items, shut down\n", count) < 0;
}
