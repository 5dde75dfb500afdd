// SPDX-License-Identifier: Apache-2.0

// Sample is a whole small program: it maps memory, shares it with a child by fork, fills it with a
// block of a thousand stores, and reads the errors that an emulated program would get.
//
// usage: sample HOST:PORT
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"syscall"

	"vmalab.dev/go"
)

const pages = 1000

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: sample HOST:PORT")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, target string) error {
	client, err := vmalab.Dial(ctx, target)
	if err != nil {
		return err
	}
	defer client.Close()
	space, err := client.NewAddressSpace(ctx, vmalab.SpaceOptions{})
	if err != nil {
		return err
	}
	defer space.Close()

	addr, err := space.Map(ctx, pages*vmalab.PAGE_BYTES)
	if err != nil {
		return err
	}
	if err := fill(ctx, client, space, addr); err != nil {
		return err
	}
	child, err := space.Fork(ctx)
	if err != nil {
		return err
	}
	defer child.Close()
	if err := child.Store(ctx, addr, 1); err != nil {
		return err
	}
	mine, err := space.Load(ctx, addr)
	if err != nil {
		return err
	}
	theirs, err := child.Load(ctx, addr)
	if err != nil {
		return err
	}
	fmt.Printf("after fork: parent %d, child %d\n", mine, theirs)
	return refused(ctx, space, addr)
}

// fill stores a word in each page, with one block.
func fill(ctx context.Context, client *vmalab.Client, space *vmalab.AddressSpace, addr uint64) error {
	block := &vmalab.BlockBuilder{}
	for page := range uint64(pages) {
		block.FaultStore(space.Number(), addr+page*vmalab.PAGE_BYTES, 100+page)
	}
	results, err := client.Apply(ctx, block)
	if err != nil {
		return err
	}
	good := 0
	for results.Next() {
		if results.Result().Ok() {
			good++
		}
	}
	fmt.Printf("block: %d of %d stores\n", good, results.Len())
	return nil
}

// refused shows the three kinds of errors.
func refused(ctx context.Context, space *vmalab.AddressSpace, addr uint64) error {
	err := space.Munmap(ctx, addr+1, vmalab.PAGE_BYTES)
	fmt.Printf("munmap at an odd address: EINVAL %v\n", errors.Is(err, syscall.EINVAL))
	if err := space.Munmap(ctx, addr, pages*vmalab.PAGE_BYTES); err != nil {
		return err
	}
	var fault *vmalab.FaultError
	if _, err := space.Load(ctx, addr); errors.As(err, &fault) {
		fmt.Printf("load of what is gone: SIGSEGV %v\n", fault.Signal == syscall.SIGSEGV)
	}
	if err := space.Exit(ctx); err != nil {
		return err
	}
	_, err = space.Load(ctx, addr)
	fmt.Printf("after exit: no such address space %v\n", errors.Is(err, vmalab.ErrNoSuchAddressSpace))
	return nil
}
