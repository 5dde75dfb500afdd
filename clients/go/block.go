// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"syscall"

	"vmalab.dev/go/vmalabpb"
)

const (
	wordBytes   = 8
	headerWords = 2
	resultBytes = 16
	codeMask    = 0xff
)

// BlockBuilder builds a block, record by record: a method for each operation. Its zero value is an
// empty block. A record that cannot be is not added; Err has the first of them.
type BlockBuilder struct {
	// Pkru is what the caller has in PKRU: the records that are added from then on go with it, as
	// far as they take one. nil: as the address space has it.
	Pkru *uint32

	raw     []byte
	results int
	err     error
}

// Bytes gives the block as it is now; it is good until the next record.
func (b *BlockBuilder) Bytes() []byte { return b.raw }

// Len is how many results the block will have.
func (b *BlockBuilder) Len() int { return b.results }

// Err is the first record that could not be, as an ErrBadBlock; nil: there was none.
func (b *BlockBuilder) Err() error { return b.err }

// Reset begins again, with the memory that is there.
func (b *BlockBuilder) Reset() { b.raw, b.results, b.err = b.raw[:0], 0, nil }

func bit(set bool) uint64 {
	if set {
		return 1
	}
	return 0
}

// head begins a record of so many words behind its header.
func (b *BlockBuilder) head(op Op, takesPkru bool, flags uint16, how uint32, mm uint64, words int) {
	total := headerWords + words
	if takesPkru && b.Pkru != nil {
		flags |= RECORD_PKRU
		total++
	}
	first := uint64(op) | uint64(total)<<8 | uint64(flags)<<16 | uint64(how)<<32
	b.raw = binary.LittleEndian.AppendUint64(b.raw, first)
	b.raw = binary.LittleEndian.AppendUint64(b.raw, mm)
}

// end adds the caller's PKRU, the last word of a record that takes it.
func (b *BlockBuilder) end(takesPkru bool, results int) {
	if takesPkru && b.Pkru != nil {
		b.raw = binary.LittleEndian.AppendUint64(b.raw, uint64(*b.Pkru))
	}
	b.results += results
}

func (b *BlockBuilder) put(op Op, pkru bool, flags uint16, how uint32, mm uint64, words ...uint64) {
	b.head(op, pkru, flags, how, mm, len(words))
	for _, word := range words {
		b.raw = binary.LittleEndian.AppendUint64(b.raw, word)
	}
	b.end(pkru, 1)
}

func (b *BlockBuilder) refuse(what string, got, most int) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: %s: %d, at most %d", ErrBadBlock, what, got, most)
	}
}

func (b *BlockBuilder) putText(
	op Op, pkru bool, _ uint16, how uint32, mm uint64, most int, text string, words ...uint64,
) {
	if len(text) > most {
		b.refuse("bytes of a text", len(text), most)
		return
	}
	padded := (len(text) + wordBytes - 1) / wordBytes
	b.head(op, pkru, uint16(len(text)), how, mm, len(words)+padded)
	for _, word := range words {
		b.raw = binary.LittleEndian.AppendUint64(b.raw, word)
	}
	b.raw = append(b.raw, text...)
	b.raw = append(b.raw, make([]byte, padded*wordBytes-len(text))...)
	b.end(pkru, 1)
}

func (b *BlockBuilder) putRanges(
	op Op, pkru bool, _ uint16, how uint32, mm uint64, most int, ranges []Range, words ...uint64,
) {
	if len(ranges) > most {
		b.refuse("ranges", len(ranges), most)
		return
	}
	b.head(op, pkru, uint16(len(ranges)), how, mm, len(words)+2*len(ranges))
	for _, word := range words {
		b.raw = binary.LittleEndian.AppendUint64(b.raw, word)
	}
	for _, one := range ranges {
		b.raw = binary.LittleEndian.AppendUint64(b.raw, one.Addr)
		b.raw = binary.LittleEndian.AppendUint64(b.raw, one.Length)
	}
	b.end(pkru, 1)
}

// putEach adds as many records as the addresses need.
func (b *BlockBuilder) putEach(
	op Op, pkru bool, flags uint16, how uint32, mm uint64, most int, addrs []uint64,
) {
	if pkru && b.Pkru != nil {
		most--
	}
	for some := range slices.Chunk(addrs, most) {
		b.head(op, pkru, flags, how, mm, len(some))
		for _, addr := range some {
			b.raw = binary.LittleEndian.AppendUint64(b.raw, addr)
		}
		b.end(pkru, len(some))
	}
}

// Result is what came of one record, or of one address of a FAULTS.
type Result struct {
	// Status is 0, an errno negated, a signal, or a Status.
	Status int32
	// Info says of a fault how it was done, of StatusLimit which Limit it is.
	Info uint32
	// Value is what the operation answers.
	Value uint64
}

// Ok says whether it succeeded.
func (r Result) Ok() bool { return r.Status == 0 }

// Errno is that of an emulated call that failed; else 0.
func (r Result) Errno() syscall.Errno {
	if r.Status < 0 && r.Status > -1000 {
		return syscall.Errno(-r.Status)
	}
	return 0
}

// Signal is that of an access that failed; else 0.
func (r Result) Signal() syscall.Signal { return syscall.Signal(max(r.Status, 0)) }

// Code is the si_code of the signal.
func (r Result) Code() int32 { return int32(r.Info & codeMask) }

// Pkey is the protection key that forbade the access, with SEGV_PKUERR; false: there is none.
func (r Result) Pkey() (uint32, bool) {
	if r.Status > 0 && r.Code() == SEGV_PKUERR {
		return r.Info & uint32(FAULT_INFO_PKEY) >> bits.TrailingZeros32(uint32(FAULT_INFO_PKEY)), true
	}
	return 0, false
}

// UserFault has the flags of the message of a userfaultfd, if the access waits for one.
func (r Result) UserFault() (UffdPagefault, bool) {
	if Status(r.Status) != StatusUserfault {
		return 0, false
	}
	all := UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_MINOR
	return UffdPagefault(r.Info/uint32(FAULT_INFO_USER_WRITE)) & all, true
}

// Results are those of a block: Next moves a cursor over them.
//
//	for results.Next() {
//		use(results.Result())
//	}
type Results struct {
	raw []byte
	at  int
}

// ParseResults reads what a block has answered. It fails with ErrBadBlock.
func ParseResults(raw []byte) (*Results, error) {
	if len(raw)%resultBytes != 0 {
		return nil, fmt.Errorf("%w: %d bytes of results: no multiple of %d", ErrBadBlock, len(raw), resultBytes)
	}
	return &Results{raw: raw, at: -1}, nil
}

// Len is how many there are.
func (r *Results) Len() int { return len(r.raw) / resultBytes }

// At gives one by its place.
func (r *Results) At(place int) Result {
	raw := r.raw[place*resultBytes:][:resultBytes]
	return Result{
		Status: int32(binary.LittleEndian.Uint32(raw)),
		Info:   binary.LittleEndian.Uint32(raw[4:]),
		Value:  binary.LittleEndian.Uint64(raw[8:]),
	}
}

// Next moves to the next one; false: there is none.
func (r *Results) Next() bool {
	r.at++
	return r.at < r.Len()
}

// Result is the one that the cursor is at.
func (r *Results) Result() Result { return r.At(r.at) }

// Rewind moves the cursor before the first one.
func (r *Results) Rewind() { r.at = -1 }

// All gives each with its place.
func (r *Results) All() iter.Seq2[int, Result] {
	return func(yield func(int, Result) bool) {
		for place := range r.Len() {
			if !yield(place, r.At(place)) {
				return
			}
		}
	}
}

// Apply executes a block. A record that fails is a result, and no error.
func (c *Client) Apply(ctx context.Context, block *BlockBuilder) (*Results, error) {
	if block.err != nil {
		return nil, block.err
	}
	return c.ApplyBytes(ctx, block.raw)
}

// ApplyBytes executes a block that was built otherwise.
func (c *Client) ApplyBytes(ctx context.Context, block []byte) (*Results, error) {
	answer, err := c.Memory.Apply(ctx, &vmalabpb.ApplyRequest{Block: block})
	if err != nil {
		return nil, blockError(err)
	}
	return ParseResults(answer.Results)
}
