// SPDX-License-Identifier: MIT

// The workloads of coqueue-bench with goroutines and Go's channel; how it is
// called is in bench_program.h, and the loops are those of bench_queue.h.
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
)

type reading struct {
	at  time.Time
	cpu int64 // ns
}

func read() reading {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return reading{time.Now(), u.Utime.Nano() + u.Stime.Nano()}
}

type worker struct {
	items    atomic.Uint64
	put, got uintptr
	_        [104]byte // a line, or two that are fetched together
}

var (
	timed, stop atomic.Bool // first the one, then the other
	workers     []worker
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

func (w *worker) produce(to chan uintptr) {
	for item := uintptr(0); !stop.Load(); {
		item += 0x9e3779b97f4a7c15
		w.put += item
		to <- item
	}
}

func (w *worker) consume(from chan uintptr) {
	n := uint64(0)
	for item := range from {
		w.got += item
		n++
		w.items.Store(n)
	}
}

func (w *worker) ask(to, from chan uintptr, until *atomic.Bool) {
	n := uint64(0)
	for item := uintptr(0); !until.Load(); {
		item += 0x9e3779b97f4a7c15
		w.put += item
		to <- item
		w.got += <-from
		n++
		w.items.Store(n)
	}
}

func (w *worker) askTimed(to, from chan uintptr) {
	for !stop.Load() {
		begin := time.Now()
		w.put++
		to <- 1
		w.got += <-from
		record(int64(time.Since(begin)))
		w.items.Add(1)
	}
}

func (w *worker) answer(from, to chan uintptr) {
	for item := range from {
		to <- item
	}
}

func items() (n uint64) {
	for i := range workers {
		n += workers[i].items.Load()
	}
	return
}

func flow(shape string, capacity, producers, consumers int, d time.Duration) (ns, cpu int64, n uint64) {
	there, back := make(chan uintptr, capacity), make(chan uintptr, capacity)
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
		case i < producers:
			start(&producing, func() { w.produce(there) })
		default:
			start(&consuming, func() { w.consume(there) })
		}
	}
	time.Sleep(d / 5)
	before, from := read(), items()
	time.Sleep(d)
	after, to := read(), items()
	if shape == "roundtrip" {
		timed.Store(true)
		for now := items(); items() < now+2; {
			time.Sleep(d)
		}
	}
	stop.Store(true)
	producing.Wait()
	close(there)
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
func shutdown(ch chan uintptr, consumers int) (ns, cpu int64) {
	var wg sync.WaitGroup
	wg.Add(consumers)
	waiting, told := 0, 0 // by goroutines that take turns
	for i := 0; i < consumers; i++ {
		go func() {
			defer wg.Done()
			waiting++
			if _, ok := <-ch; !ok {
				told++
			}
		}()
	}
	for waiting < consumers {
		runtime.Gosched()
	}
	before := read()
	close(ch)
	wg.Wait()
	after := read()
	if told != consumers {
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
	d := time.Duration(seconds * 1e9)
	var ns, cpu int64
	var items uint64
	switch {
	case shape == "mixed":
		runtime.GOMAXPROCS(2)
	case kind == "coroutines":
		runtime.GOMAXPROCS(1)
	}
	if shape != "shutdown" {
		ns, cpu, items = flow(shape, capacity, producers, consumers, d)
	} else {
		for end := time.Now().Add(d); items == 0 || time.Now().Before(end); items++ {
			t, c := shutdown(make(chan uintptr, capacity), consumers)
			ns += t
			cpu += c
		}
	}
	fmt.Println(float64(ns)/float64(items), float64(cpu)/float64(items), items)
	if len(times) > 0 {
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		fmt.Println(percentile(0.5), percentile(0.99), percentile(0.999))
	}
}
