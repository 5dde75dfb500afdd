// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// never is the return of an operation without an answer: it may be done at any time, or not at all.
const never = math.MaxInt64

// numbered gives the operations with their places among those of their client, in the order in which
// they were called.
func numbered(history []operation) []operation {
	sorted := slices.Clone(history)
	slices.SortStableFunc(sorted, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.seq, b.seq))
	})
	for i := range sorted {
		if i > 0 && sorted[i].client == sorted[i-1].client {
			sorted[i].seq = sorted[i-1].seq + 1
		} else {
			sorted[i].seq = 0
		}
	}
	slices.SortStableFunc(sorted, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.client, b.client))
	})
	return sorted
}

// entries are the operations of one family as Porcupine takes them.
func entries(history []operation) []porcupine.Operation {
	sorted := numbered(history)
	made := make([]porcupine.Operation, 0, len(sorted)+1)
	for i := range sorted {
		o := &sorted[i]
		made = append(made, porcupine.Operation{
			ClientId: o.client, Input: o, Call: o.begin, Output: o.answer, Return: o.end,
		})
	}
	return made
}

// verdict asks Porcupine whether a history of one family has an order.
func verdict(begin memory, history []operation, patience time.Duration) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(modelFrom(begin), entries(history), patience)
}

// prefix is the history up to a return. What had not returned by then has no answer, and neither have
// the records of the same block behind that one.
func prefix(history []operation, until operation) []operation {
	var found []operation
	for _, o := range history {
		if o.begin > until.end {
			continue
		}
		if byReturn(o, until) > 0 {
			o.answer, o.end = answer{}, never
		}
		found = append(found, o)
	}
	return found
}

// byReturn orders operations by their returns, and the records of a block as they were done.
func byReturn(a, b operation) int {
	return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.client, b.client), cmp.Compare(a.seq, b.seq))
}
