/* SPDX-License-Identifier: MIT */
/*
 * co_await coqueue_call<coqueue_get_arm>{queue, &item}: coqueue_get for C++20
 * coroutines, with its result; with coqueue_put_arm or coqueue_peek_arm likewise.
 * The wake function tries again, and resumes the coroutine where that is done;
 * so it must not block before it is suspended again, or wake() be changed to
 * hand `caller` to an executor.
 */
#pragma once

#include <cerrno>
#include <coqueue/waiter.h>
#include <coroutine>

template <auto arm> struct coqueue_call {
	coqueue_t *queue;
	void *item;
	int result = EINPROGRESS;
	std::coroutine_handle<> caller = nullptr;
	coqueue_waiter_t waiter = COQUEUE_WAITER_INIT(wake, this);

	bool await_ready()
	{
		return false;
	}

	/* Once it is armed, wake() may run at any moment, in another thread,
	 * and *this be gone: only its own r tells what to do. */
	bool await_suspend(std::coroutine_handle<> coroutine)
	{
		caller = coroutine;
		int r = arm(queue, item, &waiter);
		if (r != EINPROGRESS)
			result = r;
		return r == EINPROGRESS;
	}

	int await_resume()
	{
		return result;
	}

	/* The coroutine may be destroyed while it waits. */
	~coqueue_call()
	{
		coqueue_disarm(&waiter);
	}

	static void wake(coqueue_waiter_t *w)
	{
		auto call = static_cast<coqueue_call *>(w->data);
		if (!call->await_suspend(call->caller))
			call->caller.resume();
	}
};
