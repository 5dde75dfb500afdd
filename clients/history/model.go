// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/anishathalye/porcupine"
)

// What a history has at most. The clients are those that drive, and one that looks at the end.
const (
	spacesMax  = 4 // of a family: the first address space and its children
	pagesMax   = 4
	clientsMax = 9
)

type kind uint8

const (
	load kind = iota
	store
	mmap
	munmap
	mprotect
	fork
)

func (k kind) String() string {
	return [...]string{"load", "store", "mmap", "munmap", "mprotect", "fork"}[k]
}

// Rights of a page, as PROT_READ and PROT_WRITE have them.
const (
	canRead  = 1
	canWrite = 2
)

func rights(prot uint8) string { return [...]string{"--", "r-", "-w", "rw"}[prot&3] }

// outcome is how an operation ended.
type outcome uint8

const (
	unanswered outcome = iota // nobody knows whether it was done
	done
	notMapped // SIGSEGV, SEGV_MAPERR
	forbidden // SIGSEGV, SEGV_ACCERR
	hole      // ENOMEM of mprotect
	strange   // an answer that no specification has
)

// answer is what an operation gave back. word is that of a load; of a strange answer its number.
type answer struct {
	outcome outcome
	word    uint64
}

func (a answer) String() string {
	if a.outcome == strange {
		return fmt.Sprintf("strange answer %d", int64(a.word))
	}
	names := [...]string{"no answer", "ok", "SEGV_MAPERR", "SEGV_ACCERR", "ENOMEM"}
	return names[a.outcome]
}

// operation is one of a history. Times are nanoseconds of one monotonic clock.
type operation struct {
	client, seq int // seq: its place among the operations of the client
	family      int
	space       int // 0: the first address space of the family, else a child
	kind        kind
	first, last int // pages
	prot        uint8
	word        uint64 // of a store
	child       int    // of a fork
	answer      answer
	begin, end  int64
}

func (o *operation) String() string { return o.request() + " -> " + o.result() }

func (o *operation) request() string {
	where := fmt.Sprintf("mm %d %v", o.space, o.kind)
	switch o.kind {
	case fork:
		return fmt.Sprintf("%s to mm %d", where, o.child)
	case store:
		return fmt.Sprintf("%s %d in page %d", where, o.word, o.first)
	case load:
		return fmt.Sprintf("%s page %d", where, o.first)
	}
	where += fmt.Sprintf(" page %d", o.first)
	if o.last != o.first {
		where += fmt.Sprintf("-%d", o.last)
	}
	if o.kind != munmap {
		where += " " + rights(o.prot)
	}
	return where
}

func (o *operation) result() string {
	if o.kind == load && o.answer.outcome == done {
		return fmt.Sprintf("word %d", o.answer.word)
	}
	return o.answer.String()
}

// page is what the specification has of one page.
type page struct {
	mapped bool
	prot   uint8
	word   uint64
}

// memory is what the specification has of a family. It is compared with ==.
type memory struct {
	there [spacesMax]bool
	pages [spacesMax][pagesMax]page
}

// newMemory is a family at its begin: one address space with nothing in it.
func newMemory() memory {
	made := memory{}
	made.there[0] = true
	return made
}

func (m *memory) String() string {
	var parts []string
	for space, there := range m.there {
		if !there {
			continue
		}
		text := fmt.Sprintf("mm %d:", space)
		for _, one := range m.pages[space] {
			if one.mapped {
				text += fmt.Sprintf(" %s %d", rights(one.prot), one.word)
			} else {
				text += " none"
			}
			text += ","
		}
		parts = append(parts, strings.TrimSuffix(text, ","))
	}
	return strings.Join(parts, "; ")
}

// apply is the sequential specification: it does an operation at one instant, for all its pages, and
// gives the answer that is right.
func (m *memory) apply(o *operation) answer {
	if !m.there[o.space] {
		return answer{outcome: strange}
	}
	pages := &m.pages[o.space]
	switch o.kind {
	case load, store:
		return access(&pages[o.first], o)
	case mmap:
		for at := o.first; at <= o.last; at++ {
			pages[at] = page{mapped: true, prot: o.prot}
		}
	case munmap:
		for at := o.first; at <= o.last; at++ {
			pages[at] = page{}
		}
	case mprotect:
		for at := o.first; at <= o.last; at++ {
			if !pages[at].mapped { // what lies before the hole is changed
				return answer{outcome: hole}
			}
			pages[at].prot = o.prot
		}
	case fork:
		m.there[o.child] = true
		m.pages[o.child] = *pages
	}
	return answer{outcome: done}
}

func access(one *page, o *operation) answer {
	need := uint8(canRead | canWrite) // what may be written may be read
	if o.kind == store {
		need = canWrite
	}
	switch {
	case !one.mapped:
		return answer{outcome: notMapped}
	case one.prot&need == 0:
		return answer{outcome: forbidden}
	case o.kind == store:
		one.word = o.word
		return answer{outcome: done}
	}
	return answer{outcome: done, word: one.word}
}

// state is the memory, and how many operations of each client are done: the records of a block have
// one call and one return, and are done in their order all the same.
type state struct {
	memory memory
	done   [clientsMax]uint16
}

// differs is no operation of a client: it is done only where the memory is another one.
type differs struct{ from memory }

func step(before, input, _ any) (bool, any) {
	now := before.(state)
	if other, is := input.(differs); is {
		return now.memory != other.from, now
	}
	o := input.(*operation)
	if int(now.done[o.client]) != o.seq {
		return false, now
	}
	right := now.memory.apply(o)
	if o.answer.outcome != unanswered && o.answer != right {
		return false, before
	}
	now.done[o.client]++
	return true, now
}

var hashSeed = maphash.MakeSeed()

// modelFrom is the specification as Porcupine takes it, with the memory that it begins with.
func modelFrom(begin memory) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{memory: begin} },
		Step: step,
		Hash: func(now any) uint64 { return maphash.Comparable(hashSeed, now.(state).memory) },
		DescribeOperation: func(input, _ any) string {
			if o, is := input.(*operation); is {
				return o.String()
			}
			return "look"
		},
		DescribeState: func(now any) string {
			memory := now.(state).memory
			return memory.String()
		},
	}
}
