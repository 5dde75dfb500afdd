// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	// checkPatience bounds one check of the search for a short history, and shortenPatience all.
	checkPatience   = 5 * time.Second
	shortenPatience = 60 * time.Second
	// cutsMax is how many instants are tried as the begin.
	cutsMax = 40
)

// finding is a history without an order: what was there at its begin, and what happened then. The
// last operation is the one whose answer leaves no order.
type finding struct {
	begin      memory
	operations []operation
	failing    operation
	of         int // so many operations had the whole history
}

// shorten looks for a short history that has no order either. Each step of it is sound: if what is
// left has no order, the whole history has none. first: what Porcupine refused.
func shorten(first []operation) finding {
	deadline := time.Now().Add(shortenPatience)
	illegal := func(begin memory, history []operation) bool {
		patience := min(checkPatience, time.Until(deadline))
		return patience > 0 && verdict(begin, history, patience) == porcupine.Illegal
	}
	history, failing := earliest(first, illegal)
	begin, history := latestBegin(history, illegal)
	history = without(begin, history, failing, illegal)
	return finding{begin: begin, operations: history, failing: failing, of: len(first)}
}

// earliest is the shortest prefix without an order. The prefixes of a history with an order have one,
// so the boundary can be found by halving.
func earliest(history []operation, illegal func(memory, []operation) bool) ([]operation, operation) {
	var returned []operation
	for _, o := range history {
		if o.end != never {
			returned = append(returned, o)
		}
	}
	slices.SortFunc(returned, byReturn)
	low, high := 0, len(returned)-1 // the prefix up to high has no order
	for low < high {
		middle := (low + high) / 2
		if illegal(newMemory(), prefix(history, returned[middle])) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return prefix(history, returned[high]), returned[high]
}

// latestBegin looks for an instant at which no operation is under way and only one memory is
// possible, as late as can be: what was before it is that memory. Porcupine says whether it is the
// only one: the history up to there, and then a look that finds another memory, must have no order.
func latestBegin(
	history []operation, illegal func(memory, []operation) bool,
) (memory, []operation) {
	tried := 0
	for _, at := range quiet(history) {
		if tried++; tried > cutsMax {
			break
		}
		before, after := split(history, at)
		found, there := memoryAfter(before)
		if there && illegal(found, after) {
			return found, after
		}
	}
	return newMemory(), history
}

// quiet are the instants at which nothing is under way, the latest first.
func quiet(history []operation) []int64 {
	sorted := slices.Clone(history)
	slices.SortFunc(sorted, func(a, b operation) int { return cmp.Compare(a.begin, b.begin) })
	var found []int64
	last := int64(0)
	for _, o := range sorted {
		if last != 0 && last < o.begin {
			found = append(found, last)
		}
		last = max(last, o.end)
	}
	slices.Reverse(found)
	return found
}

func split(history []operation, at int64) (before, after []operation) {
	for _, o := range history {
		if o.end <= at {
			before = append(before, o)
		} else {
			after = append(after, o)
		}
	}
	return before, after
}

// memoryAfter is the memory after a history whose operations have all returned, if there is only one
// that it can be.
func memoryAfter(history []operation) (memory, bool) {
	model := modelFrom(newMemory())
	given := entries(history)
	result, info := porcupine.CheckOperationsVerbose(model, given, checkPatience)
	if result != porcupine.Ok {
		return memory{}, false
	}
	now := model.Init()
	for _, o := range info.PartialLinearizationsOperations()[0][0] {
		_, now = model.Step(now, o.Input, o.Output)
	}
	found := now.(state).memory
	look := porcupine.Operation{
		ClientId: clientsMax - 1, Input: differs{found}, Call: never - 1, Return: never,
	}
	only := porcupine.CheckOperationsTimeout(model, append(given, look), checkPatience)
	return found, only == porcupine.Illegal
}

// without leaves out one operation after the other, as long as what is left has no order.
func without(
	begin memory, history []operation, failing operation, illegal func(memory, []operation) bool,
) []operation {
	for again := true; again; {
		again = false
		for i := len(history) - 1; i >= 0; i-- {
			o := history[i]
			if o.client == failing.client && o.seq == failing.seq || !needless(o, history) {
				continue
			}
			rest := slices.Delete(slices.Clone(history), i, i+1)
			if illegal(begin, rest) {
				history, again = rest, true
			}
		}
	}
	return history
}

// needless says whether a history with an order has one without this operation too: it changed
// nothing, or nobody looked at what it changed.
func needless(o operation, history []operation) bool {
	if o.kind == load {
		return true
	}
	if o.kind == store && (o.answer.outcome == notMapped || o.answer.outcome == forbidden) {
		return true
	}
	for _, other := range history {
		if other.client == o.client && other.seq == o.seq {
			continue
		}
		switch o.kind {
		case store: // each word is stored once
			if other.kind == load && other.answer == (answer{done, o.word}) {
				return false
			}
		case fork:
			if other.space == o.child {
				return false
			}
		default:
			if looksAt(other, o) {
				return false
			}
		}
	}
	return true
}

// looksAt says whether the answer of other depends on a page that o may have changed, in its address
// space or in a child that got it.
func looksAt(other, o operation) bool {
	if other.kind == mmap || other.kind == munmap || other.kind == fork {
		return false
	}
	return (other.space == o.space || o.space == 0) && other.first <= o.last && o.first <= other.last
}
