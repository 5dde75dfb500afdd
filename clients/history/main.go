// SPDX-License-Identifier: Apache-2.0

// History drives address spaces of a server from several goroutines at once, records when each call
// was made and answered, and lets Porcupine say whether the answers have an order. README.md has
// what is claimed, and why each operation has one instant.
//
// usage: history [options] HOST:PORT
//
// The exit code is 0 when every history has an order, 1 when one has none, could not be decided or
// ended early, 2 for bad usage.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"

	"vmalab.dev/go"
	"vmalab.dev/go/vmalabpb"
)

// checkTime bounds the check of one history. One that takes longer is counted as undecided.
const checkTime = 60 * time.Second

type settings struct {
	target         string
	seed           uint64
	seeds, epochs  int
	clients, count int
	mutants        []string
	oneIn, usMax   uint
	folder         string
	asJSON         bool
}

func parsed(arguments []string) (settings, error) {
	var s settings
	var mutants string
	flags := flag.NewFlagSet("history", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: history [options] HOST:PORT")
		flags.PrintDefaults()
	}
	flags.Uint64Var(&s.seed, "seed", 0, "the first `seed`; 0: any, which is printed")
	flags.IntVar(&s.seeds, "seeds", 10, "so many seeds, one after the other")
	flags.IntVar(&s.epochs, "epochs", 12, "times that all begin again, of each seed; each gives a history of each family")
	flags.IntVar(&s.clients, "clients", 4, "goroutines that act, at most 8")
	flags.IntVar(&s.count, "operations", 20, "of each goroutine each time")
	flags.StringVar(&mutants, "mutants", "", "bugs to switch on, with commas between them: `names` of the lab")
	flags.UintVar(&s.oneIn, "one-in", 40, "a pause at one of so many sync points, at random; 0: none")
	flags.UintVar(&s.usMax, "us-max", 2000, "the longest pause in microseconds")
	flags.StringVar(&s.folder, "out", ".", "`folder` for the picture of a history without an order")
	flags.BoolVar(&s.asJSON, "json", false, "print one JSON object")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if mutants != "" {
		s.mutants = strings.Split(mutants, ",")
	}
	if s.seed == 0 {
		s.seed = 1 + rand.Uint64N(1<<31)
	}
	s.target = flags.Arg(0)
	switch {
	case flags.NArg() != 1:
		return s, errors.New("give one address: history [options] HOST:PORT")
	case s.clients < 1 || s.clients >= clientsMax:
		return s, fmt.Errorf("-clients %d: 1 to %d", s.clients, clientsMax-1)
	case s.seeds < 1 || s.epochs < 1 || s.count < 1:
		return s, errors.New("-seeds, -epochs and -operations are 1 or more")
	case s.count > 10_000:
		return s, fmt.Errorf("-operations %d: at most 10000", s.count)
	}
	if found, err := os.Stat(s.folder); err != nil || !found.IsDir() {
		return s, fmt.Errorf("-out %s: no such folder", s.folder)
	}
	return s, nil
}

// report is what -json prints.
type report struct {
	Verdict    string   `json:"verdict"`
	Model      string   `json:"lock_model"`
	Mutants    []string `json:"mutants"`
	Seed       uint64   `json:"seed"`
	Seeds      int      `json:"seeds"`
	Histories  int      `json:"histories"`
	Operations int      `json:"operations"`
	Overlap    float64  `json:"overlap"`
	Undecided  int      `json:"undecided"`
	CheckedMax float64  `json:"slowest_check_s"`
	Troubles   []string `json:"troubles"`
	Found      *found   `json:"found,omitempty"`
}

type found struct {
	Seed       uint64   `json:"seed"`
	Epoch      int      `json:"epoch"`
	Family     int      `json:"family"`
	Of         int      `json:"of_operations"`
	Before     string   `json:"before"`
	Operations []string `json:"operations"`
	Failing    string   `json:"failing"`
	Picture    string   `json:"picture"`
}

// Verdicts of a report.
const (
	linearizable    = "linearizable"
	notLinearizable = "not linearizable"
	undecided       = "undecided"
	endedEarly      = "ended early"
)

func (r *report) judge() {
	switch {
	case r.Found != nil:
		r.Verdict = notLinearizable
	case r.Undecided > 0:
		r.Verdict = undecided
	case len(r.Troubles) > 0:
		r.Verdict = endedEarly
	default:
		r.Verdict = linearizable
	}
}

func main() {
	s, err := parsed(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err == nil {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer cancel()
		var r *report
		if r, err = run(ctx, s); err == nil {
			show(s, r)
			if r.Verdict != linearizable {
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintf(os.Stderr, "history: %v\n", err)
	os.Exit(2)
}

// run drives and checks until a history has no order, or all seeds are done.
func run(ctx context.Context, s settings) (*report, error) {
	client, err := vmalab.Dial(ctx, s.target)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	info, err := client.Inspect.GetServerInfo(ctx, &vmalabpb.GetServerInfoRequest{})
	if err != nil {
		return nil, err
	}
	if !info.Lab {
		return nil, fmt.Errorf("%s has no lab: start it with vmalab serve --lab", s.target)
	}
	if _, err := client.Lab.SetMutants(ctx, &vmalabpb.SetMutantsRequest{Names: s.mutants}); err != nil {
		return nil, err
	}
	defer quieten(client)
	r := &report{Model: info.LockModel, Mutants: s.mutants, Seed: s.seed, Troubles: []string{}}
	for i := range s.seeds {
		if ctx.Err() != nil {
			r.Troubles = append(r.Troubles, "interrupted")
		}
		if r.Found != nil || ctx.Err() != nil {
			break
		}
		if err := r.drive(ctx, s, client, s.seed+uint64(i)); err != nil {
			return nil, err
		}
	}
	if len(s.mutants) == 0 {
		r.fsck(client)
	}
	r.judge()
	return r, nil
}

// quieten switches off what a run has switched on.
func quieten(client *vmalab.Client) {
	ctx := context.Background()
	_, _ = client.Lab.SetDelays(ctx, &vmalabpb.SetDelaysRequest{})
	_, _ = client.Lab.SetMutants(ctx, &vmalabpb.SetMutantsRequest{})
}

func (r *report) fsck(client *vmalab.Client) {
	answer, err := client.Inspect.Fsck(context.Background(), &vmalabpb.FsckRequest{Stop: true})
	if err != nil {
		r.Troubles = append(r.Troubles, fmt.Sprintf("fsck: %v", err))
		return
	}
	r.Troubles = append(r.Troubles, answer.Problems...)
}

// drive does the histories of one seed. The pauses of the lab follow from it too.
func (r *report) drive(ctx context.Context, s settings, client *vmalab.Client, seed uint64) error {
	delays := &vmalabpb.SetDelaysRequest{Seed: seed, OneIn: uint32(s.oneIn), UsMax: uint32(s.usMax)}
	if _, err := client.Lab.SetDelays(ctx, delays); err != nil {
		return err
	}
	r.Seeds++
	for number := range s.epochs {
		if ctx.Err() != nil || r.Found != nil {
			return nil
		}
		plans := make([][]piece, s.clients)
		for i := range plans {
			plans[i] = planned(seed, number, i, s.clients, s.count)
		}
		e := &epoch{client: client, start: time.Now()}
		if err := e.run(ctx, plans); err != nil {
			e.trouble("%v", err)
		}
		for _, trouble := range e.troubles {
			r.Troubles = append(r.Troubles, fmt.Sprintf("seed %d, history %d: %s", seed, number, trouble))
		}
		for family, history := range e.history {
			if r.Found == nil {
				r.check(s, seed, number, family, history)
			}
		}
	}
	return nil
}

// check lets Porcupine judge the history of one family.
func (r *report) check(s settings, seed uint64, number, family int, history []operation) {
	r.Overlap = (r.Overlap*float64(r.Operations) + overlaps(history)) / float64(max(1, r.Operations+len(history)))
	r.Operations += len(history)
	r.Histories++
	start := time.Now()
	said := verdict(newMemory(), history, checkTime)
	r.CheckedMax = max(r.CheckedMax, time.Since(start).Seconds())
	switch said {
	case porcupine.Unknown:
		r.Undecided++
	case porcupine.Illegal:
		short := shorten(history)
		r.Found = &found{
			Seed: seed, Epoch: number, Family: family, Of: short.of,
			Before: short.begin.String(), Failing: short.failing.String(),
		}
		r.Found.Operations = lines(short)
		path := fmt.Sprintf("%s/history-%d-%d-%d.html", s.folder, seed, number, family)
		if err := picture(short, path); err != nil {
			r.Troubles = append(r.Troubles, fmt.Sprintf("the picture: %v", err))
		} else {
			r.Found.Picture = path
		}
	}
}

// overlaps is, summed over the operations, how many others were under way when each was called.
func overlaps(history []operation) float64 {
	sum := 0
	for i := range history {
		for j := range history {
			other, one := &history[j], &history[i]
			if other.client != one.client && other.begin <= one.begin && other.end >= one.begin {
				sum++
			}
		}
	}
	return float64(sum)
}

func show(s settings, r *report) {
	if s.asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(r)
		return
	}
	mutants := "intact"
	if len(r.Mutants) > 0 {
		mutants = "with " + strings.Join(r.Mutants, ", ")
	}
	fmt.Printf("%s, %s; seeds %d to %d\n", r.Model, mutants, r.Seed, r.Seed+uint64(r.Seeds)-1)
	fmt.Printf("%d histories, %d operations, %.1f others under way at each call\n", r.Histories, r.Operations, r.Overlap)
	for _, trouble := range r.Troubles {
		fmt.Println("trouble:", trouble)
	}
	if r.Undecided > 0 {
		fmt.Printf("%d could not be decided in %v\n", r.Undecided, checkTime)
	}
	if f := r.Found; f != nil {
		fmt.Printf("seed %d, history %d, family %d: %d of %d operations have no order\n",
			f.Seed, f.Epoch, f.Family, len(f.Operations), f.Of)
		fmt.Println("  before:", f.Before)
		for _, line := range f.Operations {
			fmt.Println(line)
		}
		fmt.Println("picture:", f.Picture)
	}
	fmt.Println(strings.ToUpper(r.Verdict[:1]) + r.Verdict[1:])
}
