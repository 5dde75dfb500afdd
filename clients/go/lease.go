// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"

	"vmalab.dev/go/vmalabpb"
)

const (
	leaseRetryFirst = 20 * time.Millisecond
	leaseRetryMax   = 500 * time.Millisecond
)

// leases are those of a client: one Hold stream, opened with the first of them. When it ends (the
// worker was killed, the server stopped) another is opened with all of them, at whatever worker
// answers; the server keeps what they are on for its grace time meanwhile.
//
// Each request of a stream has one answer, in order. A lease is confirmed by the answer to the
// request that names it, and no longer than that stream lasts.
type leases struct {
	stub   vmalabpb.MemoryServiceClient
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	started bool
	said    uint64 // requests of this stream
	answers uint64 // to them
	mms     map[uint64]*lease
	files   map[uint64]*lease
	lost    []uint64
	queue   []*vmalabpb.HoldRequest
	wake    chan struct{} // something is in the queue
	heard   chan struct{} // closed, and made again, with each answer
}

type lease struct {
	users   int    // handles on an address space, opens of a file
	request uint64 // which request of the stream names it
}

func newLeases(stub vmalabpb.MemoryServiceClient) *leases {
	ctx, cancel := context.WithCancel(context.Background())
	return &leases{
		stub: stub, ctx: ctx, cancel: cancel, ended: make(chan struct{}),
		mms: map[uint64]*lease{}, files: map[uint64]*lease{},
		wake: make(chan struct{}, 1), heard: make(chan struct{}),
	}
}

func (l *leases) say(request *vmalabpb.HoldRequest) {
	l.queue = append(l.queue, request)
	l.said++
	select {
	case l.wake <- struct{}{}:
	default:
	}
	if !l.started {
		l.started = true
		go l.run()
	}
}

// add is of each handle on an address space.
func (l *leases) add(mm uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.mms[mm]; found != nil {
		found.users++
	} else if l.ctx.Err() == nil {
		l.mms[mm] = &lease{users: 1, request: l.said + 1}
		l.say(&vmalabpb.HoldRequest{Add: []uint64{mm}})
	}
}

// drop is of each handle that ends: the lease ends with the last of them.
func (l *leases) drop(mm uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.mms[mm]; found != nil {
		found.users--
		if found.users == 0 {
			l.end(mm)
		}
	}
}

// forget is of an address space that ends: no handle has a lease on it any more.
func (l *leases) forget(mm uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mms[mm] != nil {
		l.end(mm)
	}
}

// end ends a lease. The caller has the mutex.
func (l *leases) end(mm uint64) {
	delete(l.mms, mm)
	l.say(&vmalabpb.HoldRequest{Drop: []uint64{mm}})
	l.tell()
}

// addFile is of each open of a file.
func (l *leases) addFile(file uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.files[file]; found != nil {
		found.users++
	} else if l.ctx.Err() == nil {
		l.files[file] = &lease{users: 1, request: l.said + 1}
		l.say(&vmalabpb.HoldRequest{AddFiles: []uint64{file}})
	}
}

// dropFile is of each close: the lease ends with the last open.
func (l *leases) dropFile(file uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.files[file]
	if found == nil {
		return
	}
	found.users--
	if found.users == 0 {
		delete(l.files, file)
		l.say(&vmalabpb.HoldRequest{DropFiles: []uint64{file}})
	}
}

func (l *leases) lostOnes() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]uint64(nil), l.lost...)
}

// wait comes back when the lease is confirmed, or when there is none.
func (l *leases) wait(ctx context.Context, mm uint64) error {
	for {
		l.mu.Lock()
		found := l.mms[mm]
		confirmed := found != nil && found.request <= l.answers
		heard := l.heard
		l.mu.Unlock()
		switch {
		case l.ctx.Err() != nil:
			return ErrClosed
		case found == nil:
			return ErrNoSuchAddressSpace
		case confirmed:
			return nil
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.ctx.Done():
			return ErrClosed
		}
	}
}

func (l *leases) close() {
	l.cancel()
	l.mu.Lock()
	started := l.started
	l.mu.Unlock()
	if started {
		<-l.ended
	}
}

func (l *leases) run() {
	defer close(l.ended)
	retry := leaseRetryFirst
	for l.ctx.Err() == nil {
		answered, err := l.once()
		if l.over(err) {
			continue // the next stream is without it
		}
		if answered {
			retry = leaseRetryFirst
		}
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(retry):
		}
		retry = min(2*retry, leaseRetryMax)
	}
}

// begin gives the first request of a stream, with all leases. The caller has the mutex.
func (l *leases) begin() *vmalabpb.HoldRequest {
	first := &vmalabpb.HoldRequest{}
	for mm, lease := range l.mms {
		lease.request = 1
		first.Add = append(first.Add, mm)
	}
	for file, lease := range l.files {
		lease.request = 1
		first.AddFiles = append(first.AddFiles, file)
	}
	l.said, l.answers = 1, 0
	return first
}

// over is of a stream that has ended: nothing is confirmed. It gives whether the server has refused a
// lease, which is lost then.
func (l *leases) over(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said, l.answers = 0, 0
	for _, lease := range l.mms {
		lease.request = 1
	}
	var own *ServiceError
	if !errors.As(serviceError(err), &own) || own.Reason != ReasonNotOwner {
		return false
	}
	mm, _ := strconv.ParseUint(own.Metadata["mm"], 10, 64) // 0 is none
	file, _ := strconv.ParseUint(own.Metadata["file"], 10, 64)
	_, refused := l.mms[mm]
	if refused {
		delete(l.mms, mm)
		l.lost = append(l.lost, mm)
		l.tell()
	}
	_, refusedFile := l.files[file]
	delete(l.files, file)
	return refused || refusedFile
}

// tell wakes who waits. The caller has the mutex.
func (l *leases) tell() {
	close(l.heard)
	l.heard = make(chan struct{})
}

// once opens a stream with all leases, and serves it until it ends; whether there was an answer, and
// how it has ended.
func (l *leases) once() (bool, error) {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	stream, err := l.stub.Hold(ctx, grpc.WaitForReady(true))
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	l.queue = []*vmalabpb.HoldRequest{l.begin()}
	l.mu.Unlock()
	fed := make(chan struct{})
	go l.feed(ctx, stream, fed)
	answered := false
	for {
		answer, err := stream.Recv()
		if err != nil {
			cancel()
			<-fed
			return answered, err
		}
		answered = true
		l.hear(answer)
	}
}

func (l *leases) feed(
	ctx context.Context, stream grpc.BidiStreamingClient[vmalabpb.HoldRequest, vmalabpb.HoldResponse],
	fed chan<- struct{},
) {
	defer close(fed)
	for {
		l.mu.Lock()
		queue := l.queue
		l.queue = nil
		l.mu.Unlock()
		for _, request := range queue {
			if stream.Send(request) != nil {
				return // Recv has the reason
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
	}
}

func (l *leases) hear(answer *vmalabpb.HoldResponse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers++
	for _, mm := range answer.Missing {
		if found := l.mms[mm]; found != nil && found.request <= l.answers {
			delete(l.mms, mm)
			l.lost = append(l.lost, mm)
		}
	}
	for _, file := range answer.MissingFiles {
		// One that was opened again meanwhile is in a request that has no answer yet.
		if found := l.files[file]; found != nil && found.request <= l.answers {
			delete(l.files, file)
		}
	}
	l.tell()
}
