// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"vmalab.dev/go"
)

const pagesFrom = 0x1000_0000

// addressOf has a page without a mapping behind each pair.
func addressOf(at int) uint64 {
	return pagesFrom + uint64(at+at/pairPages)*vmalab.PAGE_BYTES
}

func bytesOf(o *operation) uint64 { return uint64(o.last-o.first+1) * vmalab.PAGE_BYTES }

// epoch is a while in which the clients act on empty address spaces. At its end, when nothing is
// under way, one client looks at every page.
type epoch struct {
	client *vmalab.Client
	start  time.Time
	spaces [families][spacesMax]atomic.Pointer[vmalab.AddressSpace]

	mu       sync.Mutex
	history  [families][]operation
	troubles []string
}

// now is never 0.
func (e *epoch) now() int64 { return int64(time.Since(e.start)) + 1 }

func (e *epoch) trouble(format string, given ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.troubles = append(e.troubles, fmt.Sprintf(format, given...))
}

// run drives the plans of all clients at once. Every second client has a stream, the others make a
// call for each operation.
func (e *epoch) run(ctx context.Context, plans [][]piece) error {
	defer e.end()
	for family := range families {
		made, err := e.client.NewAddressSpace(ctx, vmalab.SpaceOptions{})
		if err != nil {
			return err
		}
		e.spaces[family][0].Store(made)
	}
	var all sync.WaitGroup
	for i, pieces := range plans {
		all.Add(1)
		go func() {
			defer all.Done()
			e.act(ctx, i, pieces, i%2 == 0)
		}()
	}
	all.Wait()
	var looks piece
	for family := range families {
		for space := range spacesMax {
			for at := range pagesMax {
				if e.spaces[family][space].Load() != nil {
					looks = append(looks, operation{family: family, space: space, first: at, last: at})
				}
			}
		}
	}
	e.act(ctx, len(plans), []piece{looks}, true)
	return nil
}

func (e *epoch) end() {
	for family := range families {
		for space := range spacesMax {
			if one := e.spaces[family][space].Load(); one != nil {
				if err := one.Close(); err != nil {
					e.trouble("exit: %v", err)
				}
			}
		}
	}
}

// act does what one client is to do, until a call has no answer.
func (e *epoch) act(ctx context.Context, client int, pieces []piece, streams bool) {
	seq := 0
	var batch *vmalab.Batch
	if streams {
		var err error
		if batch, err = e.client.Batch(ctx, 1); err != nil {
			e.trouble("client %d: Batch: %v", client, err)
			return
		}
		defer batch.Close()
	}
	for _, one := range pieces {
		for len(one) > 0 {
			some := one
			if batch == nil || one[0].kind == fork {
				some = one[:1]
			}
			one = one[len(some):]
			for i := range some {
				some[i].client, some[i].seq = client, seq
				seq++
			}
			var err error
			if batch != nil && some[0].kind != fork {
				err = e.block(batch, some)
			} else {
				err = e.call(ctx, &some[0])
			}
			e.keep(some)
			if err != nil {
				e.trouble("client %d: %v: %v", client, &some[0], err)
				return
			}
		}
	}
}

func (e *epoch) keep(some piece) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range some {
		e.history[o.family] = append(e.history[o.family], o)
	}
}

// spaceOf is the address space of an operation: the first of its family while the child is not there.
func (e *epoch) spaceOf(o *operation) *vmalab.AddressSpace {
	if found := e.spaces[o.family][o.space].Load(); found != nil {
		return found
	}
	o.space = 0
	return e.spaces[o.family][0].Load()
}

func (e *epoch) block(batch *vmalab.Batch, some piece) error {
	block := &vmalab.BlockBuilder{}
	for i := range some {
		o := &some[i]
		mm, addr := e.spaceOf(o).Number(), addressOf(o.first)
		switch o.kind {
		case load:
			block.Fault(mm, addr, vmalab.FAULT_READ)
		case store:
			block.FaultStore(mm, addr, o.word)
		case mmap:
			block.Mmap(mm, addr, bytesOf(o), vmalab.Prot(o.prot), fixed, 0, 0, 0)
		case munmap:
			block.Munmap(mm, addr, bytesOf(o))
		case mprotect:
			block.Mprotect(mm, addr, bytesOf(o), vmalab.Prot(o.prot))
		}
	}
	begin := e.now()
	for i := range some {
		some[i].begin, some[i].end = begin, never
	}
	if err := batch.Send(block); err != nil {
		return err
	}
	results, err := batch.Receive()
	end := e.now()
	if err != nil {
		return err
	}
	for i := range min(len(some), results.Len()) {
		o := &some[i]
		if o.answer, err = answerOf(o, results.At(i)); err != nil {
			return err
		}
		o.end = end
	}
	if results.Len() != len(some) {
		return fmt.Errorf("%d results of %d records", results.Len(), len(some))
	}
	return nil
}

const fixed = vmalab.MAP_PRIVATE | vmalab.MAP_ANONYMOUS | vmalab.MAP_FIXED

// answerOf is what a result says. The error is a status that is no answer of the emulated kernel.
func answerOf(o *operation, result vmalab.Result) (answer, error) {
	switch {
	case result.Ok() && o.kind == load:
		return answer{done, result.Value}, nil
	case result.Ok():
		return answer{outcome: done}, nil
	case result.Errno() != 0:
		return ofErrno(o, result.Errno()), nil
	case result.Signal() != 0:
		return ofSignal(result.Signal(), result.Code()), nil
	}
	return answer{}, fmt.Errorf("status %d", result.Status)
}

func ofErrno(o *operation, errno syscall.Errno) answer {
	if o.kind == mprotect && errno == syscall.ENOMEM {
		return answer{outcome: hole}
	}
	return answer{strange, uint64(errno)}
}

func ofSignal(signal syscall.Signal, code int32) answer {
	switch {
	case signal == syscall.SIGSEGV && code == vmalab.SEGV_MAPERR:
		return answer{outcome: notMapped}
	case signal == syscall.SIGSEGV && code == vmalab.SEGV_ACCERR:
		return answer{outcome: forbidden}
	}
	return answer{strange, uint64(signal)<<8 | uint64(code)}
}

// call does one operation with a call of its own.
func (e *epoch) call(ctx context.Context, o *operation) error {
	space, addr := e.spaceOf(o), addressOf(o.first)
	var word uint64
	var child *vmalab.AddressSpace
	var err error
	o.begin, o.end = e.now(), never
	switch o.kind {
	case load:
		word, err = space.Load(ctx, addr)
	case store:
		err = space.Store(ctx, addr, o.word)
	case mmap:
		_, err = space.Mmap(ctx, addr, bytesOf(o), vmalab.Prot(o.prot), fixed, 0, 0, 0)
	case munmap:
		err = space.Munmap(ctx, addr, bytesOf(o))
	case mprotect:
		err = space.Mprotect(ctx, addr, bytesOf(o), vmalab.Prot(o.prot))
	case fork:
		child, err = space.Fork(ctx)
	}
	end := e.now()
	var failed *vmalab.CallError
	var fault *vmalab.FaultError
	switch {
	case err == nil:
		o.answer = answer{done, word}
	case errors.As(err, &failed):
		o.answer = ofErrno(o, failed.Errno)
	case errors.As(err, &fault):
		o.answer = ofSignal(fault.Signal, fault.Code)
	default:
		return err
	}
	o.end = end
	if child != nil {
		e.spaces[o.family][o.child].Store(child)
	}
	return nil
}
