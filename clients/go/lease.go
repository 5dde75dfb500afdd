// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
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
type leases struct {
	stub   vmalabpb.MemoryServiceClient
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	started bool
	mms     map[uint64]bool // whether the server has confirmed it
	files   map[uint64]bool
	lost    []uint64
	queue   []*vmalabpb.HoldRequest
	wake    chan struct{} // something is in the queue
	heard   chan struct{} // closed, and made again, with each answer
}

func newLeases(stub vmalabpb.MemoryServiceClient) *leases {
	ctx, cancel := context.WithCancel(context.Background())
	return &leases{
		stub: stub, ctx: ctx, cancel: cancel, ended: make(chan struct{}),
		mms: map[uint64]bool{}, files: map[uint64]bool{},
		wake: make(chan struct{}, 1), heard: make(chan struct{}),
	}
}

func (l *leases) say(request *vmalabpb.HoldRequest) {
	l.queue = append(l.queue, request)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	if !l.started {
		l.started = true
		go l.run()
	}
}

func (l *leases) add(mm uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.mms[mm]; !there && l.ctx.Err() == nil {
		l.mms[mm] = false
		l.say(&vmalabpb.HoldRequest{Add: []uint64{mm}})
	}
}

func (l *leases) drop(mm uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.mms[mm]; there {
		delete(l.mms, mm)
		l.say(&vmalabpb.HoldRequest{Drop: []uint64{mm}})
	}
}

func (l *leases) addFile(file uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.files[file] && l.ctx.Err() == nil {
		l.files[file] = true
		l.say(&vmalabpb.HoldRequest{AddFiles: []uint64{file}})
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
		confirmed, wanted := l.mms[mm]
		heard := l.heard
		l.mu.Unlock()
		if confirmed {
			return nil
		}
		if !wanted {
			return ErrNoSuchAddressSpace
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
		if l.once() {
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

// once opens a stream with all leases, and serves it until it ends; whether there was an answer.
func (l *leases) once() bool {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	stream, err := l.stub.Hold(ctx, grpc.WaitForReady(true))
	if err != nil {
		return false
	}
	first := &vmalabpb.HoldRequest{}
	l.mu.Lock()
	for mm := range l.mms {
		l.mms[mm] = false
		first.Add = append(first.Add, mm)
	}
	for file := range l.files {
		first.AddFiles = append(first.AddFiles, file)
	}
	l.queue = []*vmalabpb.HoldRequest{first}
	l.mu.Unlock()
	fed := make(chan struct{})
	go l.feed(ctx, stream, fed)
	answered := false
	for {
		answer, err := stream.Recv()
		if err != nil {
			cancel()
			<-fed
			return answered
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
	for _, mm := range answer.Missing {
		if _, wanted := l.mms[mm]; wanted {
			delete(l.mms, mm)
			l.lost = append(l.lost, mm)
		}
	}
	for _, file := range answer.MissingFiles {
		delete(l.files, file)
	}
	// Answers come in the order of the requests: when the server counts as many as are wanted, it
	// has all of them.
	if int(answer.HeldCount) >= len(l.mms) {
		for mm := range l.mms {
			l.mms[mm] = true
		}
	}
	close(l.heard)
	l.heard = make(chan struct{})
}
