/* SPDX-License-Identifier: MIT */
/*
 * The hooks for fibers of Boost.Fiber: coqueue_set_scheduler(&fiber_hooks) in
 * each thread that runs some.  Each fiber has a channel for one token; to try to
 * push one never switches fibers, which unpark must not do.
 */
#pragma once

#include <boost/fiber/all.hpp>
#include <cerrno>
#include <chrono>
#include <coqueue/waiter.h>

using fiber_token = boost::fibers::buffered_channel<bool>;
static boost::fibers::fiber_specific_ptr<fiber_token> fiber_tokens;

static void *fiber_self(void *)
{
	if (!fiber_tokens.get())
		fiber_tokens.reset(new fiber_token(2)); // there is no smaller
	return fiber_tokens.get();
}

static int fiber_park(void *, void *self, const timespec *deadline)
{
	auto token = static_cast<fiber_token *>(self);
	auto until = std::chrono::nanoseconds::max();
	bool pushed;

	if (deadline)
		until = std::chrono::seconds(deadline->tv_sec) +
			std::chrono::nanoseconds(deadline->tv_nsec);
	auto result = token->pop_wait_until(
		pushed, std::chrono::steady_clock::time_point(until));
	return result == boost::fibers::channel_op_status::timeout ? ETIMEDOUT
								   : 0;
}

static void fiber_unpark(void *, void *self)
{
	static_cast<fiber_token *>(self)->try_push(true);
}

static const coqueue_scheduler_t fiber_hooks = {
	sizeof(fiber_hooks), fiber_self, fiber_park, fiber_unpark, nullptr};
