// SPDX-License-Identifier: MIT

package main

// Go's channel, of numbers; a rendezvous if its capacity is 0.
type queue chan uintptr

func create(capacity int) queue {
	return make(queue, capacity)
}

func (q queue) put(item uintptr) {
	q <- item
}

// Not ok: it is closed, and empty.
func (q queue) get() (item uintptr, ok bool) {
	item, ok = <-q
	return
}

func (q queue) close() {
	close(q)
}

// Of items of any type.  Calls with a queueOf[uintptr] would not be inlined by
// Go 1.19.
type queueOf[T any] chan T

func createOf[T any](capacity int) queueOf[T] {
	return make(queueOf[T], capacity)
}

func (q queueOf[T]) put(item *T) {
	q <- *item
}

func (q queueOf[T]) get(item *T) (ok bool) {
	*item, ok = <-q
	return
}

func (q queueOf[T]) close() {
	close(q)
}
