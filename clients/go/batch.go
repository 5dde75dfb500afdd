// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"vmalab.dev/go/vmalabpb"
)

// WindowDefault is how many blocks a Batch has outstanding at most, unless it is told otherwise.
const WindowDefault = 8

// Batch is a stream of blocks, for one goroutine. Keep several outstanding: that is what makes it
// fast.
type Batch struct {
	stream      grpc.BidiStreamingClient[vmalabpb.BatchRequest, vmalabpb.BatchResponse]
	cancel      context.CancelFunc
	window      int
	tag         uint64
	outstanding []uint64
	answers     chan received
	closed      bool
}

type received struct {
	answer *vmalabpb.BatchResponse
	err    error
}

// Batch opens a stream with at most window blocks outstanding; 0: WindowDefault. Close it. It ends
// with ctx; it has no other deadline.
func (c *Client) Batch(ctx context.Context, window int) (*Batch, error) {
	if window <= 0 {
		window = WindowDefault
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := c.Memory.Batch(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	batch := &Batch{stream: stream, cancel: cancel, window: window, answers: make(chan received, window+1)}
	go batch.read()
	return batch, nil
}

// read takes answers from the stream also while Send waits: the server may wait for them before it
// takes another block. There are never more of them than the window has room for, and an end.
func (b *Batch) read() {
	for {
		answer, err := b.stream.Recv()
		b.answers <- received{answer, err}
		if err != nil {
			close(b.answers)
			return
		}
	}
}

// Outstanding is how many blocks were sent and not received yet.
func (b *Batch) Outstanding() int { return len(b.outstanding) }

// Full says whether an answer must be received before the next block is sent.
func (b *Batch) Full() bool { return len(b.outstanding) >= b.window }

// Send sends a block. It fails with ErrWindow when the window is full.
func (b *Batch) Send(block *BlockBuilder) error {
	if block.err != nil {
		return block.err
	}
	return b.SendBytes(block.raw, false)
}

// SendBytes sends a block that was built otherwise. failedOnly: ReceiveFailed gives what failed of
// it, which makes a stream twice as fast; values do not come back.
func (b *Batch) SendBytes(block []byte, failedOnly bool) error {
	if b.closed {
		return ErrClosed
	}
	if b.Full() {
		return fmt.Errorf("%w: %d blocks are outstanding: receive an answer first", ErrWindow, b.window)
	}
	b.tag++
	request := &vmalabpb.BatchRequest{Block: block, Tag: b.tag, FailedOnly: failedOnly}
	if err := b.stream.Send(request); err != nil && !errors.Is(err, io.EOF) {
		return blockError(err)
	}
	b.outstanding = append(b.outstanding, b.tag) // after io.EOF Receive has the reason
	return nil
}

func (b *Batch) receive() (*vmalabpb.BatchResponse, error) {
	if b.closed {
		return nil, ErrClosed
	}
	if len(b.outstanding) == 0 {
		return nil, fmt.Errorf("%w: no block is outstanding", ErrWindow)
	}
	next, open := <-b.answers
	answer, err := next.answer, next.err
	if !open || errors.Is(err, io.EOF) {
		return nil, &ServiceError{Code: codes.Unavailable, Message: "the server ended the stream"}
	}
	if err != nil {
		return nil, blockError(err)
	}
	wanted := b.outstanding[0]
	b.outstanding = slices.Delete(b.outstanding, 0, 1)
	if answer.Tag != wanted {
		message := fmt.Sprintf("answer %d instead of %d", answer.Tag, wanted)
		return nil, &ServiceError{Code: codes.Unavailable, Message: message}
	}
	return answer, nil
}

// Receive gives the results of the oldest block that is outstanding.
func (b *Batch) Receive() (*Results, error) {
	answer, err := b.receive()
	if err != nil {
		return nil, err
	}
	return ParseResults(answer.Results)
}

// Failed is what a block that was sent with failedOnly answers.
type Failed struct {
	// Executed is how many records were.
	Executed uint64
	// Places are those that failed, and Results theirs, in the same order.
	Places  []uint32
	Results *Results
}

// ReceiveFailed gives what failed of the oldest block, which was sent with failedOnly.
func (b *Batch) ReceiveFailed() (Failed, error) {
	answer, err := b.receive()
	if err != nil {
		return Failed{}, err
	}
	results, err := ParseResults(answer.Results)
	return Failed{Executed: answer.Executed, Places: answer.Failed, Results: results}, err
}

// Close ends the stream. Answers that were not received are given up.
func (b *Batch) Close() error {
	b.closed = true
	err := b.stream.CloseSend()
	b.cancel()
	return err
}
