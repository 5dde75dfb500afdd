// SPDX-License-Identifier: Apache-2.0

// Package vmalab is the Go client of vmalab: emulated address spaces over gRPC.
//
//	client, err := vmalab.Dial(ctx, "127.0.0.1:7420")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	space, err := client.NewAddressSpace(ctx, vmalab.SpaceOptions{})
//	if err != nil {
//		return err
//	}
//	defer space.Close()
//	addr, err := space.Map(ctx, 1<<20)
//	if err == nil {
//		err = space.Store(ctx, addr, 42)
//	}
//
// # Errors
//
// What the emulated kernel refuses is a *CallError, which is its errno too
// (errors.Is(err, syscall.ENOMEM)). An access that would raise a signal is a *FaultError, one that
// would wait for a userfaultfd a *UserFaultError. What the service itself cannot serve is a
// *ServiceError with a code, a reason and metadata; errors.Is knows ErrNoSuchAddressSpace and the
// others of its kind.
//
// # Deadlines, cancellation and retries
//
// Each call takes a context. Without a deadline it gets that of WithTimeout, 30 seconds. Calls of
// Inspect are tried again while no worker answers, because they do no harm twice; no other call is.
// A call that ended with ErrUnavailable or a deadline may have been executed.
//
// # Leases
//
// A client has a lease on each address space and file that it makes or uses, until Close, Detach or
// its own Close. Package internals open the stream that the leases are, and open it again when a
// worker dies. Lost has the address spaces whose lease is lost: they ended, or are another client's.
package vmalab
