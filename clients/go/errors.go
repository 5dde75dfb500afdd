// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What a ServiceError is, for errors.Is.
var (
	// ErrNoSuchAddressSpace: the address space has exited, or never was.
	ErrNoSuchAddressSpace = errors.New("vmalab: no such address space")
	// ErrLimit: a named limit of the instance or of the service is reached.
	ErrLimit = errors.New("vmalab: a limit is reached")
	// ErrInvalid: the request is not one that can be served.
	ErrInvalid = errors.New("vmalab: invalid request")
	// ErrUnauthenticated: the server wants a token and got none, or a wrong one.
	ErrUnauthenticated = errors.New("vmalab: unauthenticated")
	// ErrNotOwner: the address space or the file is another client's, and not shared.
	ErrNotOwner = errors.New("vmalab: not the owner")
	// ErrUnavailable: nobody answers, or the worker died during the call, which may have been
	// executed.
	ErrUnavailable = errors.New("vmalab: unavailable")
)

// What a client refuses by itself: nothing was sent.
var (
	// ErrClosed: the client, or the stream of blocks, is closed.
	ErrClosed = errors.New("vmalab: this client or this stream is closed: open another one")
	// ErrBadTarget: a target is no address.
	ErrBadTarget = errors.New("vmalab: no address")
	// ErrBadCertificate: what was given as a certificate or a key is none.
	ErrBadCertificate = errors.New("vmalab: no certificate")
	// ErrBadTime: a time is less than nothing.
	ErrBadTime = errors.New("vmalab: a time below 0")
	// ErrBadToken: a token would leave this machine without TLS, or is none.
	ErrBadToken = errors.New("vmalab: a token goes over TLS, or to an address of this machine")
	// ErrBadBlock: a record of a block cannot be.
	ErrBadBlock = errors.New("vmalab: no block")
	// ErrWindow: as many blocks are outstanding as a Batch may have, or none.
	ErrWindow = errors.New("vmalab: the window of the batch")
)

// CallError is an emulated call that failed with an errno.
type CallError struct {
	// Call is its name, "mmap".
	Call string
	// Errno is what the kernel would have answered.
	Errno syscall.Errno
}

func (e *CallError) Error() string { return e.Call + ": " + e.Errno.Error() }

// Unwrap gives the errno, so that errors.Is(err, syscall.ENOMEM) works.
func (e *CallError) Unwrap() error { return e.Errno }

// FaultError is an access that would have raised a signal.
type FaultError struct {
	// Signal is SIGSEGV or SIGBUS.
	Signal syscall.Signal
	// Code is its si_code: SEGV_MAPERR, SEGV_ACCERR, SEGV_PKUERR, BUS_ADRERR or SI_KERNEL.
	Code int32
	// Addr is where.
	Addr uint64
	// Pkey is the protection key that forbade it, with SEGV_PKUERR; else nil.
	Pkey *uint32
}

func (e *FaultError) Error() string {
	text := fmt.Sprintf("%v (si_code %d) at %#x", e.Signal, e.Code, e.Addr)
	if e.Pkey != nil {
		text += fmt.Sprintf(" by protection key %d", *e.Pkey)
	}
	return text
}

// UserFaultError is an access that would sleep until a userfaultfd is served: fill the page, or take
// its protection off, and touch it again.
type UserFaultError struct {
	// Addr is where.
	Addr uint64
	// Flags are those of the message that the handler would read.
	Flags UffdPagefault
}

func (e *UserFaultError) Error() string {
	return fmt.Sprintf("the access at %#x waits for its userfaultfd (flags %#x)", e.Addr, e.Flags)
}

// ServiceError is a request that the service could not serve.
type ServiceError struct {
	// Code is the gRPC status.
	Code codes.Code
	// Reason is the stable symbol of google.rpc.ErrorInfo, ReasonNoSuchMm; empty if no server
	// answered.
	Reason string
	// Metadata is what belongs to the reason.
	Metadata map[string]string
	// Message is for people.
	Message string
	status  *status.Status
}

func (e *ServiceError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("vmalab: %v: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("vmalab: %s: %s", e.Reason, e.Message)
}

// GRPCStatus gives the status as gRPC has it.
func (e *ServiceError) GRPCStatus() *status.Status { return e.status }

var kinds = map[codes.Code]error{
	codes.ResourceExhausted:  ErrLimit,
	codes.InvalidArgument:    ErrInvalid,
	codes.FailedPrecondition: ErrInvalid,
	codes.OutOfRange:         ErrInvalid,
	codes.Unimplemented:      ErrInvalid,
	codes.Unauthenticated:    ErrUnauthenticated,
	codes.PermissionDenied:   ErrNotOwner,
	codes.Unavailable:        ErrUnavailable,
	codes.Canceled:           context.Canceled,
	codes.DeadlineExceeded:   context.DeadlineExceeded,
}

// Is knows the errors of this package, context.Canceled and context.DeadlineExceeded.
func (e *ServiceError) Is(target error) bool {
	if e.Code == codes.NotFound {
		return target == ErrNoSuchAddressSpace && e.Reason == ReasonNoSuchMm
	}
	kind, known := kinds[e.Code]
	return known && target == kind
}

// serviceError makes a *ServiceError of what gRPC gives; errors of this package stay.
func serviceError(err error) error {
	var own *ServiceError
	if err == nil || errors.As(err, &own) || errors.Is(err, ErrClosed) {
		return err
	}
	found := status.Convert(err)
	made := &ServiceError{Code: found.Code(), Message: found.Message(), status: found}
	for _, detail := range found.Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			made.Reason, made.Metadata = info.Reason, info.Metadata
		}
	}
	return made
}

// blockError is serviceError for a block. gRPC itself refuses a message that is too large, before the
// service can give a reason; it is the same as a block that the service refuses.
func blockError(err error) error {
	err = serviceError(err)
	var own *ServiceError
	if !errors.As(err, &own) || own.Code != codes.ResourceExhausted || own.Reason != "" ||
		!strings.Contains(own.Message, "larger than max") {
		return err
	}
	found, failed := status.New(codes.InvalidArgument, "the block is larger than a message may be: "+
		"send it in parts ("+own.Message+")").WithDetails(&errdetails.ErrorInfo{
		Reason: ReasonBlockTooBig, Domain: "vmalab", Metadata: map[string]string{"limit": "message_bytes_max"},
	})
	if failed != nil {
		return err
	}
	return serviceError(found.Err())
}

// failed is the error of an answer with this errno.
func failed(call string, errno int32) error {
	if errno == 0 {
		return nil
	}
	return &CallError{Call: call, Errno: syscall.Errno(errno)}
}
