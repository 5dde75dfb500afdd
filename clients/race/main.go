// SPDX-License-Identifier: Apache-2.0

// Race is one half of a race between two processes: an object is freed and used again between the
// walk of a fault and its lock. race.mjs is the same in Node; any two of them go together.
//
// usage: race read HOST:PORT [MUTANT]    pauses a fault behind its walk, and waits for the other
//
//	race reuse HOST:PORT A B    uses the object again, and releases the fault
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vmalab.dev/go"
	"vmalab.dev/go/vmalabpb"
)

const (
	point = "walked" // the walk of the tree found the VMA; it is not locked yet
	addr  = 0x1000_0000
	over  = 1 // a word in the second address space: the fault is answered
	fixed = vmalab.MAP_PRIVATE | vmalab.MAP_ANONYMOUS | vmalab.MAP_FIXED
)

func main() {
	log.SetFlags(0)
	arguments := os.Args[1:]
	if len(arguments) < 2 || arguments[0] != "read" && arguments[0] != "reuse" ||
		arguments[0] == "reuse" && len(arguments) != 4 || len(arguments) > 4 {
		log.Print("usage: race read HOST:PORT [MUTANT], race reuse HOST:PORT A B")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	client, err := vmalab.Dial(ctx, arguments[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if arguments[0] == "read" {
		err = read(ctx, client, arguments[2:])
	} else {
		err = reuse(ctx, client, arguments[2], arguments[3])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// read makes two address spaces, and reads in the first one. Its fault is paused behind the walk.
func read(ctx context.Context, client *vmalab.Client, mutants []string) error {
	if _, err := client.Lab.SetMutants(ctx, &vmalabpb.SetMutantsRequest{Names: mutants}); err != nil {
		return err
	}
	a, err := client.NewAddressSpace(ctx, vmalab.SpaceOptions{})
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := client.NewAddressSpace(ctx, vmalab.SpaceOptions{})
	if err != nil {
		return err
	}
	defer b.Close()
	if _, err := a.Mmap(ctx, addr, vmalab.PAGE_BYTES, vmalab.PROT_READ|vmalab.PROT_WRITE, fixed, 0, 0, 0); err != nil {
		return err
	}
	if err := a.Store(ctx, addr, 7); err != nil {
		return err
	}
	arm := &vmalabpb.ArmPointRequest{Point: point, Mm: a.Number(), Count: 1, HoldMs: 60_000}
	if _, err := client.Lab.ArmPoint(ctx, arm); err != nil {
		return err
	}
	loaded := make(chan error, 1)
	var word uint64
	go func() {
		var err error
		word, err = a.Load(ctx, addr)
		loaded <- err
	}()
	wait := &vmalabpb.WaitPointRequest{Point: point, TimeoutMs: 60_000}
	if answer, err := client.Lab.WaitPoint(ctx, wait); err != nil || len(answer.Holders) != 1 {
		return fmt.Errorf("nobody came to %s: %v", point, err)
	}
	fmt.Printf("paused at %s; now: reuse %s %d %d\n", point, os.Args[2], a.Number(), b.Number())

	err = <-loaded
	var fault *vmalab.FaultError
	switch {
	case err == nil:
		fmt.Printf("read: word %d\n", word)
	case errors.As(err, &fault) && fault.Signal == syscall.SIGSEGV:
		fmt.Println("read: SIGSEGV")
	default:
		return err
	}
	if err := b.Store(ctx, addr, over); err != nil {
		return err
	}
	if err := verdict(ctx, client); err != nil {
		return err
	}
	// The other process unmaps the page when it has seen the verdict too.
	err = until(ctx, func() bool {
		_, err := b.Load(ctx, addr)
		return errors.As(err, &fault)
	})
	if err != nil {
		return err
	}
	_, err = client.Lab.SetMutants(ctx, &vmalabpb.SetMutantsRequest{})
	return err
}

// reuse unmaps the page of the paused fault, and maps one in the other address space. Both are
// records of one block, so one thread of the server does them, and takes the object that it freed.
func reuse(ctx context.Context, client *vmalab.Client, one, other string) error {
	a, _ := strconv.ParseUint(one, 10, 64)
	b, _ := strconv.ParseUint(other, 10, 64)
	look, err := client.Lab.WaitPoint(ctx, &vmalabpb.WaitPointRequest{Point: point})
	if err != nil {
		return err
	}
	if len(look.Holders) != 1 || look.Holders[0].Mm != a {
		return fmt.Errorf("no fault of address space %d is paused at %s", a, point)
	}
	block := &vmalab.BlockBuilder{}
	block.Munmap(a, addr, vmalab.PAGE_BYTES)
	block.Mmap(b, addr, vmalab.PAGE_BYTES, vmalab.PROT_READ|vmalab.PROT_WRITE, fixed, 0, 0, 0)
	results, err := client.Apply(ctx, block)
	if err != nil {
		return err
	}
	for place, result := range results.All() {
		if !result.Ok() {
			return fmt.Errorf("record %d: status %d", place, result.Status)
		}
	}
	release := &vmalabpb.ReleasePointRequest{Point: point, Disarm: true}
	if _, err := client.Lab.ReleasePoint(ctx, release); err != nil {
		return err
	}
	fmt.Println("used again, and released")
	space := client.UseWithoutLease(b)
	err = until(ctx, func() bool {
		word, err := space.Load(ctx, addr)
		return err == nil && word == over
	})
	if err != nil {
		return err
	}
	if err := verdict(ctx, client); err != nil {
		return err
	}
	return space.Munmap(ctx, addr, vmalab.PAGE_BYTES)
}

// verdict walks every invariant of the instance.
func verdict(ctx context.Context, client *vmalab.Client) error {
	answer, err := client.Inspect.Fsck(ctx, &vmalabpb.FsckRequest{Stop: true})
	if err != nil {
		return err
	}
	if len(answer.Problems) == 0 {
		fmt.Println("verdict: sound")
	} else {
		fmt.Println("verdict: broken:", strings.Join(answer.Problems, "; "))
	}
	return nil
}

func until(ctx context.Context, there func() bool) error {
	for !there() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
