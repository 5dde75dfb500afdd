// SPDX-License-Identifier: Apache-2.0

// Bench measures the client beside the bare echo of grpc-go, as clients/bench/README.md says.
//
// usage: bench HOST:PORT ROUNDS
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"vmalab.dev/go"
	"vmalab.dev/go/vmalabpb"
)

const (
	pages      = 512
	faults     = 10_000
	unaryCalls = 500
	blockCalls = 50
	firstWord  = 100
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: bench HOST:PORT ROUNDS")
	}
	rounds, err := strconv.Atoi(os.Args[2])
	if err != nil || rounds < 1 {
		log.Fatal("ROUNDS is a number, at least 1")
	}
	ctx := context.Background()
	b, err := begin(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer b.end()
	found := report{Runtime: runtime.Version() + ", grpc-go " + grpc.Version, Faults: faults}
	for i := range rounds + 1 {
		one, err := b.round(ctx, i%2 == 0)
		if err != nil {
			log.Fatal(err)
		}
		if i > 0 { // the first one warms up
			found.Rounds = append(found.Rounds, one)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

type report struct {
	Runtime string  `json:"runtime"`
	Faults  int     `json:"faults"`
	Rounds  []round `json:"rounds"`
}

type round struct {
	Unary pair `json:"unary"`
	Block pair `json:"block"`
}

type pair struct {
	Echo cost `json:"echo"`
	Call cost `json:"call"`
}

type cost struct {
	Calls int   `json:"calls"`
	Wall  int64 `json:"wall_ns"`
	CPU   int64 `json:"cpu_ns"`
}

type bench struct {
	client *vmalab.Client
	bare   *grpc.ClientConn
	echo   vmalabpb.BenchServiceClient
	blocks grpc.BidiStreamingClient[vmalabpb.EchoBlocksRequest, vmalabpb.EchoBlocksResponse]
	space  *vmalab.AddressSpace
	batch  *vmalab.Batch
	addr   uint64
	block  vmalab.BlockBuilder
	bytes  []byte
	sum    uint64
}

func begin(ctx context.Context, target string) (*bench, error) {
	b := &bench{}
	var err error
	if b.client, err = vmalab.Dial(ctx, target); err != nil {
		return nil, err
	}
	if b.bare, err = grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return nil, err
	}
	b.echo = vmalabpb.NewBenchServiceClient(b.bare)
	if b.blocks, err = b.echo.EchoBlocks(ctx); err != nil {
		return nil, err
	}
	if b.space, err = b.client.NewAddressSpace(ctx, vmalab.SpaceOptions{}); err != nil {
		return nil, err
	}
	if b.addr, err = b.space.Map(ctx, pages*vmalab.PAGE_BYTES); err != nil {
		return nil, err
	}
	for page := range uint64(pages) {
		if err := b.space.Store(ctx, b.addr+page*vmalab.PAGE_BYTES, firstWord+page); err != nil {
			return nil, err
		}
	}
	if b.batch, err = b.client.Batch(ctx, 1); err != nil {
		return nil, err
	}
	b.build()
	b.bytes = append(b.bytes, b.block.Bytes()...)
	for i := range uint64(faults) {
		b.sum += firstWord + i%pages
	}
	return b, nil
}

func (b *bench) end() {
	_ = b.batch.Close()
	_ = b.space.Close()
	_ = b.client.Close()
	_ = b.bare.Close()
}

func (b *bench) build() {
	b.block.Reset()
	for i := range uint64(faults) {
		b.block.Fault(b.space.Number(), b.addr+i%pages*vmalab.PAGE_BYTES, vmalab.FAULT_READ)
	}
}

func (b *bench) round(ctx context.Context, echoFirst bool) (round, error) {
	var one round
	unary := []func() error{
		func() error {
			return measured(&one.Unary.Echo, unaryCalls, func(i int) error { return b.unaryEcho(ctx, i) })
		},
		func() error {
			return measured(&one.Unary.Call, unaryCalls, func(i int) error { return b.unaryCall(ctx, i) })
		},
	}
	block := []func() error{
		func() error { return measured(&one.Block.Echo, blockCalls, b.blockEcho) },
		func() error { return measured(&one.Block.Call, blockCalls, b.blockCall) },
	}
	first := 1
	if echoFirst {
		first = 0
	}
	for _, sides := range [][]func() error{unary, block} {
		for _, side := range []int{first, 1 - first} {
			if err := sides[side](); err != nil {
				return one, err
			}
		}
	}
	return one, nil
}

// measured does so many calls, and notes what they cost.
func measured(into *cost, calls int, call func(int) error) error {
	cpu, start := cpuTime(), time.Now()
	for i := range calls {
		if err := call(i); err != nil {
			return err
		}
	}
	*into = cost{Calls: calls, Wall: int64(time.Since(start)), CPU: cpuTime() - cpu}
	return nil
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func (b *bench) unaryEcho(ctx context.Context, i int) error {
	answer, err := b.echo.Echo(ctx, &vmalabpb.EchoRequest{First: uint64(i), Second: b.addr, Third: b.space.Number()})
	if err == nil && answer.First != uint64(i) {
		err = fmt.Errorf("an echo of %d is %d", i, answer.First)
	}
	return err
}

func (b *bench) unaryCall(ctx context.Context, i int) error {
	page := uint64(i % pages)
	word, err := b.space.Load(ctx, b.addr+page*vmalab.PAGE_BYTES)
	if err == nil && word != firstWord+page {
		err = fmt.Errorf("page %d has the word %d", page, word)
	}
	return err
}

func (b *bench) blockEcho(i int) error {
	request := &vmalabpb.EchoBlocksRequest{Block: b.bytes, Tag: uint64(i)}
	if err := b.blocks.Send(request); err != nil {
		return err
	}
	answer, err := b.blocks.Recv()
	if err == nil && len(answer.Results) != faults*16 {
		err = fmt.Errorf("an echo has %d bytes", len(answer.Results))
	}
	return err
}

func (b *bench) blockCall(int) error {
	b.build()
	if err := b.batch.Send(&b.block); err != nil {
		return err
	}
	results, err := b.batch.Receive()
	if err != nil {
		return err
	}
	sum := uint64(0)
	for results.Next() {
		result := results.Result()
		if !result.Ok() {
			return fmt.Errorf("a fault has the status %d", result.Status)
		}
		sum += result.Value
	}
	if sum != b.sum || results.Len() != faults {
		return fmt.Errorf("%d results with the sum %d instead of %d", results.Len(), sum, b.sum)
	}
	return nil
}
