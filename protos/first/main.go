// SPDX-License-Identifier: Apache-2.0

// A first call: an address space, a mapping, a store and a load. usage: go run . HOST:PORT
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"vmalab.dev/go/vmalabpb"
)

func main() {
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, vmalabpb.NewMemoryServiceClient(conn)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, memory vmalabpb.MemoryServiceClient) error {
	space, err := memory.CreateAddressSpace(ctx, &vmalabpb.CreateAddressSpaceRequest{})
	if err != nil {
		return err
	}
	prot := vmalabpb.ProtFlag_PROT_FLAG_READ | vmalabpb.ProtFlag_PROT_FLAG_WRITE
	flags := vmalabpb.MapFlag_MAP_FLAG_PRIVATE | vmalabpb.MapFlag_MAP_FLAG_ANONYMOUS
	mapped, err := memory.Mmap(ctx, &vmalabpb.MmapRequest{
		Mm: space.Mm, Length: 1 << 20, Prot: uint32(prot), Flags: uint32(flags),
	})
	if err != nil {
		return err
	}
	word := uint64(42)
	touch := &vmalabpb.FaultRequest{
		Mm: space.Mm, Addr: mapped.Addr, Access: vmalabpb.Access_ACCESS_WRITE, Word: &word,
	}
	if _, err := memory.Fault(ctx, touch); err != nil {
		return err
	}
	touch.Access, touch.Word = vmalabpb.Access_ACCESS_READ, nil
	read, err := memory.Fault(ctx, touch)
	if err != nil {
		return err
	}
	fmt.Printf("address space %d: %d at %#x\n", space.Mm, read.Word, mapped.Addr)
	_, err = memory.Exit(ctx, &vmalabpb.ExitRequest{Mm: space.Mm})
	return err
}
