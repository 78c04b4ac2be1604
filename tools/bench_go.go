// SPDX-License-Identifier: MIT

// The workloads of coqueue-bench that are made of coroutines, with goroutines
// and a channel.
//
//	bench_go flow|mixed|shutdown CAPACITY CONSUMERS SECONDS
//
// prints nanoseconds per item, of which CPU time, and the number of items.
package main

import (
	"fmt"
	"os"
	"runtime"
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

// One producer, one consumer, like the loops of bench_queue.h.
func flow(ch chan uintptr, d time.Duration) (ns, cpu int64, items uint64) {
	var stop atomic.Bool
	var count atomic.Uint64
	var sent, got uintptr
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		for item := uintptr(0); !stop.Load(); {
			item += 0x9e3779b97f4a7c15
			sent += item
			ch <- item
		}
		close(ch)
	}()
	go func() {
		defer wg.Done()
		n := uint64(0)
		for item := range ch {
			got += item
			n++
			count.Store(n)
		}
	}()
	time.Sleep(d / 5)
	before, from := read(), count.Load()
	time.Sleep(d)
	after, to := read(), count.Load()
	stop.Store(true)
	wg.Wait()
	if sent != got {
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
	capacity, _ := strconv.Atoi(os.Args[2])
	consumers, _ := strconv.Atoi(os.Args[3])
	seconds, _ := strconv.ParseFloat(os.Args[4], 64)
	d := time.Duration(seconds * 1e9)
	var ns, cpu int64
	var items uint64
	runtime.GOMAXPROCS(1)
	switch os.Args[1] {
	case "mixed":
		runtime.GOMAXPROCS(2)
		fallthrough
	case "flow":
		ns, cpu, items = flow(make(chan uintptr, capacity), d)
	case "shutdown":
		for end := time.Now().Add(d); items == 0 || time.Now().Before(end); items++ {
			t, c := shutdown(make(chan uintptr, capacity), consumers)
			ns += t
			cpu += c
		}
	}
	fmt.Println(float64(ns)/float64(items), float64(cpu)/float64(items), items)
}
