// SPDX-License-Identifier: Apache-2.0

package main

import "math/rand/v2"

// families are two, at the same addresses: an object that one of them frees, the other one uses
// again.
const families = 2

// pairPages are the pages without a gap between them. Between two pairs is one, so that they are two
// mappings, which a fork copies one after the other.
const pairPages = 2

// piece are operations that follow each other. A client with a stream sends them as one block.
type piece []operation

// planned is what a client is to do in an epoch: the same for the same seed. Whether a child is there
// when its turn comes is decided then.
func planned(seed uint64, epoch, client, clients, count int) []piece {
	random := rand.New(rand.NewPCG(seed, uint64(epoch)<<16|uint64(client)))
	moving := epoch%2 == 0
	forks := forksOf(seed, epoch, client, clients, moving)
	// Both pairs are there from the begin on.
	pieces := []piece{}
	if client == 0 {
		pieces = append(pieces, allMapped())
	}
	words := uint64(epoch*clientsMax+client)<<24 + 1
	for total := 0; total < count; {
		made := chosen(random, moving)
		if len(forks) > 0 && random.IntN(count) < len(made)*2*spacesMax {
			made = forks[0]
			forks = forks[1:]
		}
		for i := range made {
			if made[i].kind == store {
				made[i].word = words
				words++
			}
		}
		pieces = append(pieces, made)
		total += len(made)
	}
	for _, one := range forks {
		pieces = append(pieces, one)
	}
	return pieces
}

// forksOf are the forks that a client does: each child is one client's to make. It looks at the pages
// of the child at once.
func forksOf(seed uint64, epoch, client, clients int, moving bool) []piece {
	random := rand.New(rand.NewPCG(seed, uint64(epoch)<<16|0xffff))
	var found []piece
	for family := range families {
		for child := 1; child < spacesMax && !(moving && child > 1); child++ {
			if random.IntN(clients) != client {
				continue
			}
			made := piece{{family: family, kind: fork, child: child}}
			for at := range pagesMax {
				made = append(made, operation{family: family, space: child, first: at, last: at})
			}
			found = append(found, made)
		}
	}
	return found
}

// chosen is the next piece. In every second history mappings go from one family to the other most of
// the time, and in the others they stay, so that stores need no more than the lock of a VMA while an
// address space is forked.
func chosen(random *rand.Rand, moving bool) piece {
	family := random.IntN(families)
	moves, stores := 6, 60
	if moving {
		moves, stores = 35, 50
	}
	switch draw := random.IntN(100); {
	case draw < moves: // the object of the mapping is used again at once
		return move(random, family)
	case draw < stores: // one page after the other: a fork between two of them is seen
		return sweep(family, store)
	case draw < stores+10:
		return sweep(family, load)
	}
	var made piece
	space := max(0, random.IntN(2*spacesMax)-spacesMax)
	for range 1 + random.IntN(4) {
		made = append(made, someOperation(random, family, space, moving))
	}
	return made
}

// move unmaps pages in one family and maps them in the other, and may map them in the first one again.
func move(random *rand.Rand, family int) piece {
	first, last := somePages(random)
	made := piece{
		{family: family, kind: munmap, first: first, last: last},
		{family: 1 - family, kind: mmap, first: first, last: last, prot: someRights(random)},
	}
	if random.IntN(2) == 0 {
		made = append(made, operation{family: family, kind: mmap, first: first, last: last, prot: someRights(random)})
	}
	return made
}

func allMapped() piece {
	var made piece
	for family := range families {
		for first := 0; first < pagesMax; first += pairPages {
			made = append(made, operation{
				family: family, kind: mmap, first: first, last: first + pairPages - 1, prot: canRead | canWrite,
			})
		}
	}
	return made
}

func sweep(family int, what kind) piece {
	var made piece
	for at := range pagesMax {
		made = append(made, operation{family: family, kind: what, first: at, last: at})
	}
	return made
}

func someOperation(random *rand.Rand, family, space int, moving bool) operation {
	first, last := somePages(random)
	made := operation{family: family, space: space, first: first, last: last}
	looks := 90
	if moving {
		looks = 65
	}
	switch draw := random.IntN(100); {
	case draw < looks/2:
		made.kind, made.last = load, first
	case draw < looks:
		made.kind, made.last = store, first
	case draw < looks+(100-looks)/2:
		made.kind, made.prot = mmap, someRights(random)
	case draw < looks+(100-looks)*3/4:
		made.kind = munmap
	default:
		made.kind, made.prot = mprotect, someRights(random)
	}
	return made
}

// somePages are one page or both of a pair: no mapping reaches from one pair into the other.
func somePages(random *rand.Rand) (first, last int) {
	first = random.IntN(pagesMax)
	if random.IntN(2) == 0 {
		first -= first % pairPages
		return first, first + pairPages - 1
	}
	return first, first
}

func someRights(random *rand.Rand) uint8 {
	draw := random.IntN(10)
	switch {
	case draw == 0:
		return 0
	case draw < 3:
		return canRead
	}
	return canRead | canWrite
}
