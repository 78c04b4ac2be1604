// SPDX-License-Identifier: MIT

// What the fragment of Go in man/coqueue_coming_from.7 leaves out.
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
)

var sum int64

func add(n int) {
	atomic.AddInt64(&sum, int64(n))
}

func run(bodies ...func()) {
	var all sync.WaitGroup
	for _, body := range bodies {
		all.Add(1)
		go func(body func()) {
			defer all.Done()
			body()
		}(body)
	}
	all.Wait()
	fmt.Println(sum)
}

func main() {
	FRAGMENT
}
