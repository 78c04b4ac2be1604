// SPDX-License-Identifier: MIT

// What goroutines do with a queue, which is of another file; how this is called is
// in bench_program.h, and the loops are those of bench_queue.h.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A pace from which on a producer sleeps: BENCH_SLEEP.
const sleep = 50 * time.Microsecond

type reading struct {
	at  time.Time
	cpu int64 // ns
}

func read() reading {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return reading{time.Now(), u.Utime.Nano() + u.Stime.Nano() - waited.Load()}
}

type worker struct {
	items    atomic.Uint64
	put, got uintptr
	_        [104]byte // a line, or two that are fetched together
}

var (
	timed, stop atomic.Bool // first the one, then the other
	workers     []worker
	began       = time.Now()
	pace        time.Duration             // from an item to the next
	size        int                       // of an item
	waited      atomic.Int64              // CPU time until it was time for an item
	times       = make([]int64, 0, 1<<20) // of single items; one worker's
)

func record(ns int64) {
	if len(times) < cap(times) {
		times = append(times, ns)
	}
}

func percentile(share float64) int64 {
	return times[int(share*float64(len(times)))]
}

func (w *worker) produce(to queue) {
	for item := uintptr(0); !stop.Load(); {
		item += 0x9e3779b97f4a7c15
		w.put += item
		to.put(item)
	}
}

func (w *worker) consume(from queue) {
	n := uint64(0)
	for item, ok := from.get(); ok; item, ok = from.get() {
		w.got += item
		n++
		w.items.Store(n)
	}
}

func (w *worker) ask(to, from queue, until *atomic.Bool) {
	n := uint64(0)
	for item := uintptr(0); !until.Load(); {
		item += 0x9e3779b97f4a7c15
		w.put += item
		to.put(item)
		got, _ := from.get()
		w.got += got
		n++
		w.items.Store(n)
	}
}

// CPU time of this thread.
func cpuClock() int64 {
	var ts syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func costOfReading() int64 {
	best := int64(1e9)
	for i := 0; i < 100; i++ {
		before := cpuClock()
		if took := cpuClock() - before; took < best {
			best = took
		}
	}
	return best
}

// What a producer does until it is time for the next item does not count.
func (w *worker) producePaced(to queue) {
	runtime.LockOSThread()
	reading := costOfReading()
	for next := time.Since(began); !stop.Load(); {
		before := cpuClock()
		next += pace
		if rest := next - time.Since(began); pace >= sleep && rest > 0 {
			ts := syscall.NsecToTimespec(int64(rest))
			syscall.Nanosleep(&ts, nil)
		}
		for time.Since(began) < next {
		}
		waited.Add(cpuClock() - before + reading)
		item := uintptr(time.Since(began))
		w.put += item
		to.put(item)
	}
}

func (w *worker) consumePaced(from queue) {
	for item, ok := from.get(); ok; item, ok = from.get() {
		ns := int64(time.Since(began)) - int64(item)
		if timed.Load() {
			record(ns)
		}
		w.got += item
		w.items.Add(1)
	}
}

// What is done with items of a type, which are a number, repeated.
type sized struct {
	produce, consume func(w *worker)
	close            func()
}

func sizedOf[T any](capacity int, words func(*T) []uintptr) sized {
	ch := createOf[T](capacity)
	produce := func(w *worker) {
		var item T
		for n := uintptr(1); !stop.Load(); n++ {
			for i := range words(&item) {
				words(&item)[i] = n
			}
			w.put += n
			ch.put(&item)
		}
	}
	consume := func(w *worker) {
		var item T
		n := uint64(0)
		for ch.get(&item) {
			all := words(&item)
			w.got += all[len(all)-1]
			n++
			w.items.Store(n)
		}
	}
	return sized{produce, consume, ch.close}
}

func sizedFor(size, capacity int) sized {
	switch size {
	case 64:
		return sizedOf(capacity, func(item *[8]uintptr) []uintptr { return item[:] })
	case 256:
		return sizedOf(capacity, func(item *[32]uintptr) []uintptr { return item[:] })
	case 4096:
		return sizedOf(capacity, func(item *[512]uintptr) []uintptr { return item[:] })
	default:
		return sizedOf(capacity, func(item *uintptr) []uintptr {
			return unsafe.Slice(item, 1)
		})
	}
}

func (w *worker) askTimed(to, from queue) {
	for !stop.Load() {
		begin := time.Now()
		w.put++
		to.put(1)
		got, _ := from.get()
		w.got += got
		record(int64(time.Since(begin)))
		w.items.Add(1)
	}
}

func (w *worker) answer(from, to queue) {
	for item, ok := from.get(); ok; item, ok = from.get() {
		to.put(item)
	}
}

func items() (n uint64) {
	for i := range workers {
		n += workers[i].items.Load()
	}
	return
}

func flow(shape string, capacity, producers, consumers int, d time.Duration) (ns, cpu int64, n uint64) {
	there, back := create(capacity), create(capacity)
	large := sizedFor(size, capacity)
	workers = make([]worker, producers+consumers)
	var producing, consuming sync.WaitGroup
	start := func(group *sync.WaitGroup, each func()) {
		group.Add(1)
		go func() {
			defer group.Done()
			each()
		}()
	}
	for i := range workers {
		w := &workers[i]
		switch {
		case shape == "solo":
			start(&producing, func() { w.ask(there, there, &stop) })
		case shape == "roundtrip" && i == 0:
			start(&producing, func() {
				w.ask(there, back, &timed)
				w.askTimed(there, back)
			})
		case shape == "roundtrip":
			start(&consuming, func() { w.answer(there, back) })
		case shape == "paced" && i < producers:
			start(&producing, func() { w.producePaced(there) })
		case shape == "paced":
			start(&consuming, func() { w.consumePaced(there) })
		case shape == "sized" && i < producers:
			start(&producing, func() { large.produce(w) })
		case shape == "sized":
			start(&consuming, func() { large.consume(w) })
		case i < producers:
			start(&producing, func() { w.produce(there) })
		default:
			start(&consuming, func() { w.consume(there) })
		}
	}
	time.Sleep(d / 5)
	timed.Store(shape == "paced")
	before, from := read(), items()
	after, to := before, from
	for to == from {
		time.Sleep(d)
		after, to = read(), items()
	}
	if shape == "roundtrip" {
		timed.Store(true)
		for now := items(); items() < now+2; {
			time.Sleep(d)
		}
	}
	stop.Store(true)
	producing.Wait()
	there.close()
	large.close()
	consuming.Wait()
	var sum uintptr
	for i := range workers {
		sum += workers[i].put - workers[i].got
	}
	if sum != 0 {
		panic("not the items that were sent came out")
	}
	return int64(after.at.Sub(before.at)), after.cpu - before.cpu, to - from
}

// Goroutines wait, the channel is closed, and all have returned.
func shutdown(ch queue, consumers int) (ns, cpu int64) {
	var wg sync.WaitGroup
	wg.Add(consumers)
	var waiting, told atomic.Int64
	for i := 0; i < consumers; i++ {
		go func() {
			defer wg.Done()
			waiting.Add(1)
			if _, ok := ch.get(); !ok {
				told.Add(1)
			}
		}()
	}
	for waiting.Load() < int64(consumers) {
		runtime.Gosched()
	}
	if runtime.GOMAXPROCS(0) > 1 {
		time.Sleep(time.Millisecond) // the last one has yet to wait
	}
	before := read()
	ch.close()
	wg.Wait()
	after := read()
	if told.Load() != int64(consumers) {
		panic("not all were told")
	}
	return int64(after.at.Sub(before.at)), after.cpu - before.cpu
}

func main() {
	kind, shape := os.Args[1], os.Args[2]
	capacity, _ := strconv.Atoi(os.Args[3])
	producers, _ := strconv.Atoi(os.Args[4])
	consumers, _ := strconv.Atoi(os.Args[5])
	seconds, _ := strconv.ParseFloat(os.Args[6], 64)
	ns, _ := strconv.Atoi(os.Args[7])
	pace = time.Duration(ns)
	size, _ = strconv.Atoi(os.Args[8])
	d := time.Duration(seconds * 1e9)
	var wall, cpu int64
	var items uint64
	switch {
	case shape == "mixed":
		runtime.GOMAXPROCS(2)
	case kind == "coroutines":
		runtime.GOMAXPROCS(1)
	}
	if shape != "shutdown" {
		wall, cpu, items = flow(shape, capacity, producers, consumers, d)
	} else {
		for end := time.Now().Add(d); items == 0 || time.Now().Before(end); items++ {
			t, c := shutdown(create(capacity), consumers)
			wall += t
			cpu += c
		}
	}
	fmt.Println(float64(wall)/float64(items), float64(cpu)/float64(items), items)
	if len(times) > 0 {
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		fmt.Println(percentile(0.5), percentile(0.99), percentile(0.999))
	}
}
