// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

const patience = time.Minute

func ok(word uint64) answer { return answer{done, word} }

// at gives an operation its client and its time.
func at(client, seq int, begin, end int64, o operation) operation {
	o.client, o.seq, o.begin, o.end = client, seq, begin, end
	return o
}

func stored(where int, word uint64) operation {
	return operation{kind: store, first: where, last: where, word: word, answer: ok(0)}
}

func loaded(where int, got answer) operation {
	return operation{kind: load, first: where, last: where, answer: got}
}

func mapped(first, last int, prot uint8) operation {
	return operation{kind: mmap, first: first, last: last, prot: prot, answer: ok(0)}
}

func unmapped(first, last int) operation {
	return operation{kind: munmap, first: first, last: last, answer: ok(0)}
}

func inChild(o operation) operation {
	o.space = 1
	return o
}

// cases are histories made by hand, after a mapping of all pages.
var cases = map[string]struct {
	good    bool
	history []operation
}{
	"a load beside a store sees either": {true, []operation{
		at(1, 0, 10, 20, stored(0, 5)), at(2, 0, 11, 19, loaded(0, ok(0))), at(3, 0, 12, 18, loaded(0, ok(5))),
	}},
	"a load after a store sees it": {false, []operation{
		at(1, 0, 10, 20, stored(0, 5)), at(2, 0, 21, 22, loaded(0, ok(0))),
	}},
	"two loads do not go back": {false, []operation{
		at(1, 0, 10, 50, stored(0, 5)), at(2, 0, 11, 12, loaded(0, ok(5))), at(2, 1, 13, 14, loaded(0, ok(0))),
	}},
	"records of a block keep their order": {false, []operation{
		at(1, 0, 10, 20, stored(0, 5)), at(1, 1, 10, 20, stored(0, 6)), at(2, 0, 21, 22, loaded(0, ok(5))),
	}},
	"the order of a block is one order": {true, []operation{
		at(1, 0, 10, 20, stored(0, 5)), at(1, 1, 10, 20, stored(0, 6)), at(2, 0, 21, 22, loaded(0, ok(6))),
	}},
	"munmap takes all pages at once": {false, []operation{
		at(1, 0, 10, 50, unmapped(0, 1)), at(2, 0, 11, 12, loaded(1, answer{outcome: notMapped})),
		at(2, 1, 13, 14, loaded(0, ok(0))),
	}},
	"munmap beside two loads": {true, []operation{
		at(1, 0, 10, 50, unmapped(0, 1)), at(2, 0, 11, 12, loaded(1, ok(0))),
		at(2, 1, 13, 14, loaded(0, answer{outcome: notMapped})),
	}},
	"a fork is one moment": {false, []operation{
		at(1, 0, 10, 50, operation{kind: fork, child: 1, answer: ok(0)}), at(2, 0, 11, 12, stored(0, 5)),
		at(2, 1, 13, 14, stored(1, 6)), at(3, 0, 60, 61, inChild(loaded(0, ok(0)))),
		at(3, 1, 62, 63, inChild(loaded(1, ok(6)))),
	}},
	"a fork between two stores": {true, []operation{
		at(1, 0, 10, 50, operation{kind: fork, child: 1, answer: ok(0)}), at(2, 0, 11, 12, stored(0, 5)),
		at(2, 1, 13, 14, stored(1, 6)), at(3, 0, 60, 61, inChild(loaded(0, ok(5)))),
		at(3, 1, 62, 63, inChild(loaded(1, ok(0)))),
	}},
	"mprotect changes what lies before the hole": {true, []operation{
		at(1, 0, 10, 11, unmapped(1, 1)),
		at(1, 1, 12, 13, operation{kind: mprotect, first: 0, last: 1, prot: canRead, answer: answer{outcome: hole}}),
		at(1, 2, 14, 15, operation{kind: store, word: 9, answer: answer{outcome: forbidden}}),
	}},
	"mprotect without a hole does not see one": {false, []operation{
		at(1, 0, 10, 11, operation{kind: mprotect, first: 0, last: 1, prot: canRead, answer: answer{outcome: hole}}),
	}},
	"a store without an answer was done": {true, []operation{
		at(1, 0, 10, never, operation{kind: store, word: 9}), at(2, 0, 11, 12, loaded(0, ok(0))),
		at(2, 1, 13, 14, loaded(0, ok(9))),
	}},
	"a store without an answer was not done": {true, []operation{
		at(1, 0, 10, never, operation{kind: store, word: 9}), at(2, 0, 11, 12, loaded(0, ok(0))),
	}},
	"a strange answer has no order": {false, []operation{
		at(1, 0, 10, 11, operation{kind: load, answer: answer{strange, 5}}),
	}},
}

func TestHistoriesMadeByHand(t *testing.T) {
	for name, one := range cases {
		history := append([]operation{at(0, 0, 1, 2, mapped(0, pagesMax-1, canRead|canWrite))}, one.history...)
		want := porcupine.Illegal
		if one.good {
			want = porcupine.Ok
		}
		if got := verdict(newMemory(), history, patience); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// simulated is a history with an order: operations done one by one, each with a call before its
// instant and a return after it. Those of one client do not overlap.
func simulated(random *rand.Rand, count int) []operation {
	memory := newMemory()
	var history []operation
	free := make([]int64, 4) // when each client may call again
	seqs := make([]int, 4)
	word := uint64(1)
	for i := range count {
		instant := int64(i+1) * 100
		client := random.IntN(len(free))
		if free[client] >= instant {
			continue
		}
		o := someOperation(random, 0, 0, true)
		if i == 0 {
			o = mapped(0, pagesMax-1, canRead|canWrite)
		} else if child := 1 + i%(spacesMax-1); random.IntN(12) == 0 && !memory.there[child] {
			o = operation{kind: fork, child: child}
		} else if memory.there[child] && random.IntN(3) == 0 {
			o.space = child
		}
		o.word = word
		word++
		begin := max(free[client]+1, instant-random.Int64N(400))
		o = at(client, seqs[client], begin, instant+random.Int64N(400), o)
		o.answer = memory.apply(&o)
		free[client], seqs[client] = o.end, seqs[client]+1
		history = append(history, o)
	}
	return history
}

// ordered tries every order.
func ordered(now state, left []operation) bool {
	first := int64(never)
	for _, o := range left {
		first = min(first, o.end)
	}
	if len(left) == 0 || first == never { // what has no answer need not be done
		return true
	}
	for i := range left {
		if left[i].begin > first {
			continue
		}
		if good, next := step(now, &left[i], nil); good {
			rest := append(append([]operation{}, left[:i]...), left[i+1:]...)
			if ordered(next.(state), rest) {
				return true
			}
		}
	}
	return false
}

func TestPorcupineAgreesWithEveryOrderTried(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	seen := map[bool]int{}
	for range 3000 {
		history := simulated(random, 9)
		one := &history[random.IntN(len(history))]
		switch random.IntN(4) {
		case 0:
			one.answer = ok(uint64(random.IntN(9)))
		case 1:
			one.answer = answer{outcome: notMapped}
		case 2:
			one.answer, one.end = answer{}, never
			for i := range history { // nobody calls again who has no answer
				if history[i].client == one.client && history[i].seq > one.seq {
					history = history[:i]
					break
				}
			}
		}
		want := ordered(state{memory: newMemory()}, numbered(history))
		seen[want]++
		if got := verdict(newMemory(), history, patience) == porcupine.Ok; got != want {
			t.Fatalf("Porcupine says %v: %v", got, history)
		}
	}
	if seen[true] < 500 || seen[false] < 500 {
		t.Errorf("too few of a kind: %v", seen)
	}
}

func TestWhatIsNeedlessCanGo(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	gone := 0
	for range 300 {
		history := simulated(random, 25)
		for i, o := range history {
			if !needless(o, history) {
				continue
			}
			gone++
			rest := append(append([]operation{}, history[:i]...), history[i+1:]...)
			if verdict(newMemory(), rest, patience) != porcupine.Ok {
				t.Fatalf("without %v: %v", &o, rest)
			}
		}
	}
	if gone < 1000 {
		t.Errorf("only %d were needless", gone)
	}
}

func TestAWrongWordIsFoundInFewOperations(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	lengths := 0
	const histories = 60
	for range histories {
		history := simulated(random, 80)
		place := -1
		for i, o := range history {
			if o.kind == load && o.answer.outcome == done && i > 20 {
				place = i
				break
			}
		}
		if place < 0 {
			continue
		}
		history[place].answer.word = 1 << 40 // nobody stored it
		short := shorten(history)
		if short.failing.client != history[place].client || short.failing.seq != history[place].seq {
			t.Fatalf("%v was named, %v is wrong", &short.failing, &history[place])
		}
		if verdict(short.begin, short.operations, patience) != porcupine.Illegal {
			t.Fatalf("the short history has an order: %v", short.operations)
		}
		lengths += len(short.operations)
	}
	if lengths > 8*histories {
		t.Errorf("%d operations in %d short histories", lengths, histories)
	}
}

func TestAPlanFollowsFromItsSeed(t *testing.T) {
	words := map[uint64]bool{}
	children := map[string]bool{}
	for client := range 4 {
		one, again := planned(5, 1, client, 4, 200), planned(5, 1, client, 4, 200)
		if !reflect.DeepEqual(one, again) {
			t.Error("the same seed gives two plans")
		}
		if reflect.DeepEqual(one, planned(6, 1, client, 4, 200)) {
			t.Error("two seeds give one plan")
		}
		for _, some := range one {
			for _, o := range some {
				if o.kind == store && words[o.word] {
					t.Fatalf("word %d is stored twice", o.word)
				}
				words[o.word] = o.kind == store
				if o.kind == fork {
					children[fmt.Sprint(o.family, o.child)] = true
				}
			}
		}
	}
	if len(children) != families*(spacesMax-1) {
		t.Errorf("%d children are made", len(children))
	}
}

func TestThePictureHasTheOperations(t *testing.T) {
	history := []operation{
		at(0, 0, 1, 2, mapped(0, 0, canRead|canWrite)), at(0, 1, 3, 4, stored(0, 77)),
		at(1, 0, 5, 6, loaded(0, ok(78))), at(1, 1, 5, never, operation{kind: store, word: 79}),
	}
	path := filepath.Join(t.TempDir(), "one.html")
	if err := picture(finding{begin: newMemory(), operations: history, failing: history[2]}, path); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	for _, wanted := range []string{"mm 0 store 77 in page 0", "word 78", "no answer"} {
		if !strings.Contains(string(text), wanted) {
			t.Errorf("%q is not in the picture", wanted)
		}
	}
}
