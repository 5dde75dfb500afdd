// SPDX-License-Identifier: Apache-2.0
package main

import (
	"fmt"
	"runtime"
	"sync"
)

func main() {
	var wait sync.WaitGroup
	sums := make([]int, 4)
	for i := range sums {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for k := 0; k < 200; k++ {
				block := make([]byte, 64<<10)
				block[k] = byte(k)
				sums[i] += int(block[k])
			}
		}()
	}
	wait.Wait()
	runtime.GC()
	fmt.Println(sums)
}
