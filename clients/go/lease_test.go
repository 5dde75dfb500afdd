// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vmalab.dev/go/vmalabpb"
)

const (
	patience  = 5 * time.Minute
	short     = 300 * time.Millisecond // what must not come is not waited for any longer
	forbidden = 7
)

// scripted is a server that answers each request of a Hold stream when the test says so.
type scripted struct {
	vmalabpb.UnimplementedMemoryServiceServer
	asked   chan *vmalabpb.HoldRequest
	answers chan *vmalabpb.HoldResponse
	server  *grpc.Server
}

func (s *scripted) Hold(
	stream grpc.BidiStreamingServer[vmalabpb.HoldRequest, vmalabpb.HoldResponse],
) error {
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		s.asked <- request
		if slices.Contains(request.Add, forbidden) {
			refused, err := status.New(codes.PermissionDenied, "no").WithDetails(&errdetails.ErrorInfo{
				Reason: ReasonNotOwner, Domain: "vmalab", Metadata: map[string]string{"mm": "7"},
			})
			if err != nil {
				return err
			}
			return refused.Err()
		}
		select {
		case answer := <-s.answers:
			if answer == nil {
				return status.Error(codes.Unavailable, "the stream ends")
			}
			if err := stream.Send(answer); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (s *scripted) OpenFile(
	_ context.Context, request *vmalabpb.OpenFileRequest,
) (*vmalabpb.OpenFileResponse, error) {
	return &vmalabpb.OpenFileResponse{File: request.Ino}, nil
}

func (s *scripted) CloseFile(
	context.Context, *vmalabpb.CloseFileRequest,
) (*vmalabpb.CloseFileResponse, error) {
	return &vmalabpb.CloseFileResponse{}, nil
}

// next is the next request.
func (s *scripted) next(t *testing.T) *vmalabpb.HoldRequest {
	t.Helper()
	select {
	case request := <-s.asked:
		return request
	case <-time.After(patience):
		t.Fatal("no request comes")
		return nil
	}
}

func (s *scripted) answer(held uint32) { s.answers <- &vmalabpb.HoldResponse{HeldCount: held} }

func connected(t *testing.T) (*scripted, *Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made := &scripted{
		asked:   make(chan *vmalabpb.HoldRequest, 100),
		answers: make(chan *vmalabpb.HoldResponse, 100),
		server:  grpc.NewServer(),
	}
	vmalabpb.RegisterMemoryServiceServer(made.server, made)
	go func() { _ = made.server.Serve(listener) }()
	t.Cleanup(made.server.Stop)
	client, err := Dial(t.Context(), listener.Addr().String(), WithoutDiscovery())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return made, client
}

// waited is what WaitLease says in this time.
func waited(client *Client, mm uint64, most time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	return client.WaitLease(ctx, mm)
}

func TestTheAnswerToItsRequestConfirmsALease(t *testing.T) {
	server, client := connected(t)
	first := client.Use(1)
	server.next(t)
	client.Use(2)
	first.Detach()
	client.Use(3)
	server.answer(1)
	server.answer(2) // as many as are wanted now, but others
	if err := waited(client, 2, patience); err != nil {
		t.Fatal(err)
	}
	if err := waited(client, 3, short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("a lease is confirmed that the server does not know yet", err)
	}
	server.answer(1)
	server.answer(2)
	if err := waited(client, 3, patience); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsConfirmedWithoutAStream(t *testing.T) {
	server, client := connected(t)
	client.Use(1)
	server.answer(1)
	if err := waited(client, 1, patience); err != nil {
		t.Fatal(err)
	}
	server.server.Stop()
	for begin := time.Now(); waited(client, 1, 20*time.Millisecond) == nil; {
		if time.Since(begin) > patience {
			t.Fatal("the stream is over, and the lease is confirmed")
		}
	}
}

func TestANewStreamConfirmsAgain(t *testing.T) {
	server, client := connected(t)
	client.Use(1)
	server.next(t)
	server.answer(1)
	if err := waited(client, 1, patience); err != nil {
		t.Fatal(err)
	}
	client.Use(2)
	server.answers <- nil
	server.next(t)
	if again := server.next(t); len(again.Add) != 2 {
		t.Fatal(again)
	}
	if err := waited(client, 1, short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("a lease is confirmed without an answer", err)
	}
	server.answer(2)
	for _, mm := range []uint64{1, 2} {
		if err := waited(client, mm, patience); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALeaseThatIsRefusedIsLost(t *testing.T) {
	server, client := connected(t)
	for _, mm := range []uint64{1, 2} {
		client.Use(mm)
		server.next(t)
		server.answer(uint32(mm))
	}
	client.Use(forbidden)
	if err := waited(client, forbidden, patience); !errors.Is(err, ErrNoSuchAddressSpace) {
		t.Fatal(err)
	}
	if lost := client.Lost(); !slices.Equal(lost, []uint64{forbidden}) {
		t.Fatal(lost)
	}
	server.answer(2)
	for _, mm := range []uint64{1, 2} {
		if err := waited(client, mm, patience); err != nil {
			t.Fatal(err)
		}
	}
	if request := server.next(t); !slices.Equal(request.Add, []uint64{forbidden}) {
		t.Fatal(request)
	}
	if request := server.next(t); len(request.Add) != 2 {
		t.Fatal("a stream was opened in vain", request)
	}
}

func TestAFileHasALeaseUntilItsLastOpenIsClosed(t *testing.T) {
	server, client := connected(t)
	open := func() {
		if _, err := client.OpenFile(t.Context(), FileOptions{Ino: 5}); err != nil {
			t.Fatal(err)
		}
	}
	shut := func() {
		if err := client.CloseFile(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
	}
	open()
	server.next(t) // the stream is open
	open()
	shut()
	shut()
	open()
	// The answer to the first comes late: the file was opened again meanwhile.
	server.answers <- &vmalabpb.HoldResponse{MissingFiles: []uint64{5}}
	if request := server.next(t); !slices.Equal(request.DropFiles, []uint64{5}) {
		t.Fatal(request)
	}
	server.answer(0)
	if request := server.next(t); !slices.Equal(request.AddFiles, []uint64{5}) {
		t.Fatal(request)
	}
	server.answer(0)
	shut()
	if request := server.next(t); !slices.Equal(request.DropFiles, []uint64{5}) {
		t.Fatal(request)
	}
}

func TestALeaseEndsWithTheLastHandleThatHasIt(t *testing.T) {
	server, client := connected(t)
	first, second := client.Use(1), client.Use(1)
	if request := server.next(t); !slices.Equal(request.Add, []uint64{1}) {
		t.Fatal(request)
	}
	server.answer(0)
	first.Detach()
	first.Detach() // it has none any more
	if err := waited(client, 1, patience); err != nil {
		t.Fatal("the lease of the other handle is gone: ", err)
	}
	if err := second.Close(); err != nil { // Exit would fail here: this server has none
		t.Fatal(err)
	}
	if request := server.next(t); !slices.Equal(request.Drop, []uint64{1}) {
		t.Fatal(request)
	}
	server.answer(0)
}

func TestWhatIsClosedRefuses(t *testing.T) {
	server, client := connected(t)
	client.Use(1)
	server.next(t)
	server.answer(0)
	if err := waited(client, 1, patience); err != nil {
		t.Fatal(err)
	}
	batch, err := client.Batch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.SendBytes(make([]byte, 8), false); err != nil {
		t.Fatal(err)
	}
	_ = batch.Close()
	if err := batch.SendBytes(make([]byte, 8), false); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := batch.Receive(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	_ = client.Close()
	for _, mm := range []uint64{1, 2} { // with a lease, and without one
		if err := waited(client, mm, patience); !errors.Is(err, ErrClosed) {
			t.Error(mm, err)
		}
	}
}
