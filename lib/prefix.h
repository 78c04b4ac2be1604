/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names that the library's files share get a prefix in the object code, so
 * that who links libcoqueue.a may have a ring_put() too.  Every compilation
 * includes this file first (Makefile.am); tests/symbols.sh finds a name that
 * is missing here.
 */
#ifndef COQUEUE_PREFIX_H
#define COQUEUE_PREFIX_H

#define call_left_locked coqueue_private_call_left_locked
#define call_meet_locked coqueue_private_call_meet_locked
#define call_run coqueue_private_call_run
#define call_wake coqueue_private_call_wake
#define chain_init coqueue_private_chain_init
#define chain_kind coqueue_private_chain_kind
#define chain_retire coqueue_private_chain_retire
#define deadline_has_passed coqueue_private_deadline_has_passed
#define deadline_is_valid coqueue_private_deadline_is_valid
#define deadline_saturate coqueue_private_deadline_saturate
#define exchange_init coqueue_private_exchange_init
#define line_enter_locked coqueue_private_line_enter_locked
#define line_init coqueue_private_line_init
#define line_leave_locked coqueue_private_line_leave_locked
#define line_settle_locked coqueue_private_line_settle_locked
#define line_wake_all_locked coqueue_private_line_wake_all_locked
#define line_wake_ready_locked coqueue_private_line_wake_ready_locked
#define pile_get_one coqueue_private_pile_get_one
#define pile_init coqueue_private_pile_init
#define pile_is_comparing coqueue_private_pile_is_comparing
#define pile_put_one coqueue_private_pile_put_one
#define pile_kind coqueue_private_pile_kind
#define queue_caller_leave_locked coqueue_private_queue_caller_leave_locked
#define queue_discarded_locked coqueue_private_queue_discarded_locked
#define queue_enter coqueue_private_queue_enter
#define queue_interrupt_offers_locked                                          \
	coqueue_private_queue_interrupt_offers_locked
#define queue_leave coqueue_private_queue_leave
#define queue_look_begin coqueue_private_queue_look_begin
#define queue_look_end coqueue_private_queue_look_end
#define queue_ready_to_get coqueue_private_queue_ready_to_get
#define queue_ready_to_join coqueue_private_queue_ready_to_join
#define queue_ready_to_leave coqueue_private_queue_ready_to_leave
#define queue_ready_to_put coqueue_private_queue_ready_to_put
#define queue_room_locked coqueue_private_queue_room_locked
#define queue_shrink_locked coqueue_private_queue_shrink_locked
#define queue_shut coqueue_private_queue_shut
#define queue_unfinished coqueue_private_queue_unfinished
#define queue_wake_joiners_locked coqueue_private_queue_wake_joiners_locked
#define rcu_grace_edge coqueue_private_rcu_grace_edge
#define rcu_prepare coqueue_private_rcu_prepare
#define rcu_register coqueue_private_rcu_register
#define ring_init coqueue_private_ring_init
#define ring_kind coqueue_private_ring_kind
#define sleeper_fini coqueue_private_sleeper_fini
#define sleeper_init coqueue_private_sleeper_init
#define sleeper_sleep coqueue_private_sleeper_sleep
#define sync_fence_heavy coqueue_private_sync_fence_heavy
#define sync_is_asymmetric coqueue_private_sync_is_asymmetric
#define waiter_await_wakers coqueue_private_waiter_await_wakers
#define waiter_init coqueue_private_waiter_init
#define waiter_wake_finished coqueue_private_waiter_wake_finished

#endif
