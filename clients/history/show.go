// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// lines show a short history by the time of the calls, in milliseconds. The arrow is at the operation
// whose answer leaves no order.
func lines(short finding) []string {
	sorted := slices.Clone(short.operations)
	slices.SortStableFunc(sorted, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.client, b.client), cmp.Compare(a.seq, b.seq))
	})
	start := sorted[0].begin
	milliseconds := func(at int64) string {
		if at == never {
			return "-"
		}
		return fmt.Sprintf("%.3f", float64(at-start)/1e6)
	}
	var found []string
	for i := range sorted {
		o := &sorted[i]
		arrow := "  "
		if o.client == short.failing.client && o.seq == short.failing.seq {
			arrow = "=>"
		}
		found = append(found, fmt.Sprintf("%s %9s %9s  client %d  %-32s %s",
			arrow, milliseconds(o.begin), milliseconds(o.end), o.client, o.request(), o.result()))
	}
	return found
}

// picture writes Porcupine's page of a short history: what overlaps, the orders that come furthest,
// and where they end.
func picture(short finding, path string) error {
	given := entries(short.operations)
	last := int64(0)
	for _, one := range given {
		if one.Return != never {
			last = max(last, one.Return)
		}
		last = max(last, one.Call)
	}
	for i := range given { // what has no answer is drawn to the end
		if given[i].Return == never {
			given[i].Return = last + 1
		}
	}
	model := modelFrom(short.begin)
	_, info := porcupine.CheckOperationsVerbose(model, given, checkPatience)
	return porcupine.VisualizePath(model, info, path)
}
