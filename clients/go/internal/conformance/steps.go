// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vmalab.dev/go"
	"vmalab.dev/go/internal/names"
	"vmalab.dev/go/internal/version"
	"vmalab.dev/go/vmalabpb"
)

// patience: what does not come in so long never comes.
const patience = 10 * time.Minute

type space struct {
	client string
	*vmalab.AddressSpace
}

type task struct {
	cancel context.CancelFunc
	done   chan struct{}
	got    *answer
	err    error
}

// running is a case under way.
type running struct {
	profile   *profile
	name      string
	input     *bufio.Reader
	clients   map[string]*vmalab.Client
	spaces    map[string]*space
	made      []*vmalab.AddressSpace
	variables map[string]uint64
	tasks     map[string]*task
}

func newRunning(given *profile, name string, input *bufio.Reader) *running {
	return &running{
		profile: given, name: name, input: input,
		clients: map[string]*vmalab.Client{}, spaces: map[string]*space{},
		variables: map[string]uint64{}, tasks: map[string]*task{},
	}
}

// run does all steps; it gives what went wrong.
func (r *running) run(steps []step) (text string) {
	at := 0
	defer r.end()
	defer func() {
		if caught := recover(); caught != nil {
			text = fmt.Sprintf("step %d: %v", at+1, caught)
		}
	}()
	for i, one := range steps {
		at = i
		if err := r.step(one); err != nil {
			return fmt.Sprintf("step %d (%v): %v", i+1, one["do"], err)
		}
	}
	return ""
}

func (r *running) end() {
	if client, there := r.clients["c"]; there && r.name == "lab" {
		ctx := context.Background()
		_, _ = client.Lab.ReleasePoint(ctx, &vmalabpb.ReleasePointRequest{Disarm: true})
		_, _ = client.Lab.SetMutants(ctx, &vmalabpb.SetMutantsRequest{})
	}
	for _, one := range r.made {
		_ = one.Close()
	}
	for _, client := range r.clients {
		_ = client.Close()
	}
}

func (r *running) step(s step) error {
	ctx := context.Background()
	do := s.text("do", "")
	if name, there := s["task"]; there && do != "join" && do != "cancel" {
		ctx, cancel := context.WithCancel(ctx)
		begun := &task{cancel: cancel, done: make(chan struct{})}
		r.tasks[fmt.Sprint(name)] = begun
		go func() {
			defer close(begun.done)
			begun.got, begun.err = r.do(ctx, s)
		}()
		return nil
	}
	got, err := r.do(ctx, s)
	for deadline := time.Now().Add(patience); s["patient"] == true && errors.Is(err, vmalab.ErrUnavailable); {
		if time.Now().After(deadline) {
			break
		}
		time.Sleep(50 * time.Millisecond)
		got, err = r.do(ctx, s)
	}
	if wrong := (*mismatch)(nil); errors.As(err, &wrong) {
		return err
	}
	if err != nil {
		return judgeFailure(s, err, r.variables)
	}
	if err := judge(s, got, r.variables); err != nil {
		return err
	}
	if do == "block" || do == "raw_block" {
		if err := judgeBlock(s, got, r.variables); err != nil {
			return err
		}
	}
	if name, there := s["as"]; there {
		value := got.value
		if wanted, there := s["field"]; there {
			value = number(got.fields[fmt.Sprint(wanted)], r.variables)
		}
		r.variables[fmt.Sprint(name)] = value
	}
	return nil
}

func (r *running) number(given any) uint64 { return number(given, r.variables) }

func (r *running) client(ctx context.Context, s step) (*vmalab.Client, error) {
	name := r.clientName(s)
	if client, there := r.clients[name]; there {
		return client, nil
	}
	return r.connect(ctx, step{"as": name})
}

func (r *running) clientName(s step) string {
	if found, there := r.spaces[s.text("mm", "")]; there && s["do"] != "use" {
		return found.client
	}
	return s.text("client", "c")
}

func (r *running) space(s step) *space { return r.spaces[s.text("mm", "a")] }

func (r *running) keep(s step, one *vmalab.AddressSpace, made bool) *answer {
	r.spaces[s.text("as", "")] = &space{client: r.clientName(s), AddressSpace: one}
	if made {
		r.made = append(r.made, one)
	}
	return &answer{value: one.Number()}
}

func mustRead(path string) []byte {
	found, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return found
}

func (r *running) connect(ctx context.Context, s step) (*vmalab.Client, error) {
	given := r.profile
	to := s.text("to", "shared")
	targets := []string{s.text("target", given.Target)}
	discover := true
	switch {
	case strings.HasPrefix(to, "worker "):
		targets = []string{given.Workers[r.number(strings.TrimPrefix(to, "worker "))]}
		discover = false
	case to == "workers":
		targets = given.Workers
	case to == "unix":
		targets = given.Unix
	case to == "nobody":
		targets = []string{"127.0.0.1:1"}
	}
	timeout := 300 * time.Second
	if wanted, there := s["timeout_ms"]; there {
		timeout = time.Duration(r.number(wanted)) * time.Millisecond
	}
	options := []vmalab.Option{
		vmalab.WithTimeout(timeout), vmalab.WithToken(given.Tokens[s.text("token", given.Token)]),
	}
	if wanted, there := s["discover"].(bool); there && !wanted || !discover {
		options = append(options, vmalab.WithoutDiscovery())
	}
	tls, pair := "none", given.Pair
	if given.TLS {
		tls = "root"
	}
	if _, there := s["tls"]; there {
		tls, pair = s.text("tls", ""), "none"
	}
	if _, is := given.Pairs[tls]; is {
		tls, pair = "root", tls
	}
	if tls != "none" {
		options = append(options, vmalab.WithRootCertificates(mustRead(given.Certificates[tls])))
	}
	if pair != "none" {
		files := given.Pairs[pair]
		option := vmalab.WithClientCertificate(mustRead(files[0]), mustRead(files[1]))
		options = append(options, option)
	}
	client, err := vmalab.DialAll(ctx, targets, options...)
	if err == nil {
		r.clients[s.text("as", "")] = client
	}
	return client, err
}

// do does a step: a call on an address space by the name of its method, all else by hand.
func (r *running) do(ctx context.Context, s step) (*answer, error) {
	if method, arguments := names.Call(s.text("do", "")); method != "" {
		return r.call(ctx, s, method, arguments)
	}
	for _, group := range []func(context.Context, step) (*answer, error){
		r.doConnection, r.doSpace, r.doFile, r.doWait, r.doInspection, r.doLab, r.doBlock,
	} {
		if got, err := group(ctx, s); got != nil || err != nil {
			return got, err
		}
	}
	return nil, mismatched("this client does not know the step %v", s["do"])
}

// argument makes a value of a type from what a step has; nothing is 0.
func (r *running) argument(given any, kind reflect.Type) reflect.Value {
	value := reflect.New(kind).Elem()
	switch {
	case kind == reflect.TypeFor[[]vmalab.Range]():
		return reflect.ValueOf(r.ranges(given))
	case kind == reflect.TypeFor[[]uint64]():
		var addrs []uint64
		for _, one := range r.ranges(given) {
			addrs = append(addrs, one.Addr)
		}
		return reflect.ValueOf(addrs)
	case given == nil:
	case kind.Kind() == reflect.String:
		value.SetString(fmt.Sprint(given))
	case kind == reflect.TypeFor[[]byte]():
		value.SetBytes([]byte(fmt.Sprint(given)))
	case kind.Kind() == reflect.Bool:
		value.SetBool(r.number(given) != 0)
	case value.CanInt():
		value.SetInt(int64(r.number(given)))
	default:
		value.SetUint(r.number(given))
	}
	return value
}

func (r *running) ranges(given any) []vmalab.Range {
	var found []vmalab.Range
	if list, is := given.([]any); is {
		for _, one := range list {
			pair := one.([]any)
			found = append(found, vmalab.Range{Addr: r.number(pair[0]), Length: r.number(pair[1])})
		}
		return found
	}
	from := given.(map[string]any)
	for i := range r.number(from["count"]) {
		addr := r.number(from["from"]) + i*r.number(from["stride"])
		found = append(found, vmalab.Range{Addr: addr, Length: vmalab.PAGE_BYTES})
	}
	return found
}

func (r *running) call(ctx context.Context, s step, name string, arguments []string) (*answer, error) {
	method := reflect.ValueOf(r.space(s).AddressSpace).MethodByName(name)
	values := []reflect.Value{reflect.ValueOf(ctx)}
	for i, argument := range arguments {
		values = append(values, r.argument(s[argument], method.Type().In(i+1)))
	}
	got := method.Call(values)
	if err, _ := got[len(got)-1].Interface().(error); err != nil {
		return nil, err
	}
	if len(got) == 1 {
		return &answer{}, nil
	}
	if vector, is := got[0].Interface().([]byte); is {
		text := make([]byte, len(vector))
		for i, page := range vector {
			text[i] = '0' + page&1
		}
		return &answer{text: string(text)}, nil
	}
	if got[0].CanInt() {
		return &answer{value: uint64(got[0].Int())}, nil
	}
	return &answer{value: got[0].Uint()}, nil
}

func (r *running) doConnection(ctx context.Context, s step) (*answer, error) {
	switch s["do"] {
	case "connect":
		_, err := r.connect(ctx, s)
		return &answer{}, err
	case "close":
		client, err := r.client(ctx, s)
		if err == nil {
			err = client.Close()
		}
		return &answer{}, err
	case "handshake":
		mine := version.Client
		defer func() { version.Client = mine }()
		version.Client = s.text("version", mine)
		warnings := uint64(0)
		warn := vmalab.WithWarnings(func(string) { warnings++ })
		client, err := vmalab.Dial(ctx, r.profile.Target, warn)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		for range 2 {
			if _, err := client.Inspect.GetVmstat(ctx, &vmalabpb.GetVmstatRequest{}); err != nil {
				return nil, err
			}
		}
		return &answer{value: warnings}, nil
	case "distinct_workers":
		client, err := r.client(ctx, s)
		if err != nil {
			return nil, err
		}
		seen := map[uint32]bool{}
		_, err = until("an answer of each worker", func() bool {
			info, err := client.Inspect.GetServerInfo(ctx, &vmalabpb.GetServerInfoRequest{})
			if err == nil {
				seen[info.WorkerIndex] = true
			}
			return uint64(len(seen)) >= r.number(s["value"])
		})
		return &answer{value: uint64(len(seen))}, err
	case "kill_worker":
		fmt.Printf("# runner: kill %s %v\n", r.name, s["worker"])
		line, err := r.input.ReadString('\n')
		if err != nil || line != "done\n" {
			return nil, mismatched("the runner could not kill a worker")
		}
		return &answer{}, nil
	}
	return nil, nil
}

func (r *running) options(s step) vmalab.SpaceOptions {
	options := vmalab.SpaceOptions{
		MmapBase: r.number(s.text("mmap_base", "0")),
		StartBrk: r.number(s.text("start_brk", "0")),
		Brk:      r.number(s.text("brk", "0")),
		Maps:     s.text("maps", ""),
		TTL:      time.Duration(r.number(s.text("ttl_ms", "0"))) * time.Millisecond,
		NoLease:  s["hold"] == false,
	}
	if setup := s.table("setup"); setup != nil {
		options.Setup = &vmalabpb.ProcessSetup{}
		message := options.Setup.ProtoReflect()
		for name, given := range setup {
			one := message.Descriptor().Fields().ByName(protoreflect.Name(name))
			switch one.Kind() {
			case protoreflect.BoolKind:
				message.Set(one, protoreflect.ValueOfBool(given.(bool)))
			case protoreflect.Uint32Kind:
				message.Set(one, protoreflect.ValueOfUint32(uint32(r.number(given))))
			default:
				message.Set(one, protoreflect.ValueOfUint64(r.number(given)))
			}
		}
	}
	return options
}

func (r *running) doSpace(ctx context.Context, s step) (*answer, error) {
	one := r.space(s)
	switch s["do"] {
	case "create":
		client, err := r.client(ctx, s)
		if err != nil {
			return nil, err
		}
		made, err := client.NewAddressSpace(ctx, r.options(s))
		if err != nil {
			return nil, err
		}
		return r.keep(s, made, true), nil
	case "use":
		client, err := r.client(ctx, s)
		if err != nil {
			return nil, err
		}
		if s["hold"] == false {
			return r.keep(s, client.UseWithoutLease(r.number(s["mm"])), false), nil
		}
		return r.keep(s, client.Use(r.number(s["mm"])), false), nil
	case "fork":
		child, err := one.Fork(ctx)
		if err != nil {
			return nil, err
		}
		return r.keep(s, child, true), nil
	case "exec":
		made, err := one.Exec(ctx, r.options(s), r.number(s.text("shared", "0")) != 0)
		if err != nil {
			return nil, err
		}
		return r.keep(s, made, true), nil
	case "exit":
		return &answer{}, one.Exit(ctx)
	case "end":
		return &answer{}, one.Close()
	case "detach":
		return &answer{value: one.Detach()}, nil
	case "share":
		return &answer{}, one.Share(ctx)
	case "fault":
		var word *uint64
		if given, there := s["word"]; there {
			value := r.number(given)
			word = &value
		}
		got, err := one.Fault(ctx, r.number(s["addr"]), vmalab.Access(r.number(s["access"])), word)
		return &answer{value: got.Word, fields: map[string]any{"info": uint64(got.Info)}}, err
	case "process_madvise":
		advice, remote := vmalab.Madv(r.number(s["advice"])), r.number(s["remote"]) != 0
		got, err := one.ProcessMadvise(ctx, r.ranges(s["ranges"]), advice, remote)
		return &answer{value: got}, err
	case "maps":
		text, err := one.Maps(ctx)
		return &answer{text: text}, err
	case "query_vma":
		vma, err := one.QueryVma(ctx, r.number(s["addr"]), vmalab.Query(r.number(s["flags"])))
		if err != nil {
			return nil, err
		}
		return &answer{fields: fieldsOf(vma)}, nil
	}
	return nil, nil
}

func (r *running) doFile(ctx context.Context, s step) (*answer, error) {
	do := s.text("do", "")
	if !slices.Contains([]string{"open_file", "close_file", "share_file", "truncate_file", "allocate_file", "keep_alive", "wait_closed"}, do) {
		return nil, nil
	}
	client, err := r.client(ctx, s)
	if err != nil {
		return nil, err
	}
	value := func(name string) uint64 { return r.number(s.text(name, "0")) }
	switch do {
	case "open_file":
		file, err := client.OpenFile(ctx, vmalab.FileOptions{
			DevMajor: uint32(value("dev_major")), DevMinor: uint32(value("dev_minor")),
			Ino: value("ino"), SizeBytes: value("size_bytes"), Name: s.text("name", ""),
			TTL: time.Duration(value("ttl_ms")) * time.Millisecond, NoLease: s["hold"] == false,
		})
		return &answer{value: file}, err
	case "close_file":
		return &answer{}, client.CloseFile(ctx, value("file"))
	case "wait_closed":
		return until("the end of the file", func() bool {
			return errors.Is(client.TruncateFile(ctx, value("file"), 0), syscall.EBADF)
		})
	case "share_file":
		return &answer{}, client.ShareFile(ctx, value("file"))
	case "truncate_file":
		return &answer{}, client.TruncateFile(ctx, value("file"), value("size_bytes"))
	case "allocate_file":
		mode := vmalab.Falloc(value("mode"))
		return &answer{}, client.AllocateFile(ctx, value("file"), mode, value("offset"), value("length"))
	}
	var mms []uint64
	for _, one := range s["mms"].([]any) {
		mms = append(mms, r.number(one))
	}
	missing, err := client.KeepAlive(ctx, time.Duration(value("ttl_ms"))*time.Millisecond, mms...)
	return &answer{values: missing}, err
}

// until asks again and again whether something is there.
func until(what string, there func() bool) (*answer, error) {
	for deadline := time.Now().Add(patience); !there(); {
		if time.Now().After(deadline) {
			return nil, mismatched("%s did not come", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return &answer{}, nil
}

func (r *running) doWait(ctx context.Context, s step) (*answer, error) {
	switch s["do"] {
	case "wait_lease":
		client, err := r.client(ctx, s)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err = client.WaitLease(ctx, r.space(s).Number())
		if errors.Is(err, vmalab.ErrClosed) {
			return nil, err
		}
		if err != nil {
			return nil, mismatched("the lease was not confirmed: %v", err)
		}
		return &answer{}, nil
	case "wait_lost":
		client, err := r.client(ctx, s)
		if err != nil {
			return nil, err
		}
		return until("the loss of the lease", func() bool {
			return slices.Contains(client.Lost(), r.space(s).Number())
		})
	case "wait_gone":
		return until("the end of the address space", func() bool {
			_, err := r.space(s).Maps(ctx)
			return errors.Is(err, vmalab.ErrNoSuchAddressSpace)
		})
	case "wait_field":
		got := &answer{}
		_, err := until(fmt.Sprint(s["fields"]), func() bool {
			found, err := r.addressSpace(ctx, s)
			if err != nil || judgeFields(s, found.fields, r.variables) != nil {
				return false
			}
			got = found
			return true
		})
		return got, err
	case "wait_locks":
		got := &answer{}
		_, err := until("the locks", func() bool {
			client, err := r.client(ctx, s)
			if err != nil {
				return false
			}
			found, err := client.Inspect.ListLocks(ctx, &vmalabpb.ListLocksRequest{})
			if err == nil {
				got = rows(found.Locks, "state")
			}
			return err == nil && judge(s, got, r.variables) == nil
		})
		return got, err
	case "join":
		begun := r.tasks[s.text("task", "")]
		select {
		case <-begun.done:
			return begun.got, begun.err
		case <-time.After(patience):
			return nil, mismatched("the task does not end")
		}
	case "cancel":
		r.tasks[s.text("task", "")].cancel()
		return &answer{}, nil
	case "sleep":
		time.Sleep(time.Duration(r.number(s["ms"])) * time.Millisecond)
		return &answer{}, nil
	case "until_refused":
		return r.untilRefused(ctx, s)
	}
	return nil, nil
}

func (r *running) untilRefused(ctx context.Context, s step) (*answer, error) {
	client, err := r.client(ctx, s)
	if err != nil {
		return nil, err
	}
	nop := &vmalab.BlockBuilder{}
	nop.Nop()
	for count := range uint64(10_000) {
		if s["what"] == "create" {
			var one *vmalab.AddressSpace
			one, err = client.NewAddressSpace(ctx, vmalab.SpaceOptions{NoLease: true})
			if err == nil {
				defer one.Close()
			}
		} else {
			var batch *vmalab.Batch
			batch, err = client.Batch(ctx, 0)
			if err == nil {
				defer batch.Close()
				if err = batch.Send(nop); err == nil {
					_, err = batch.Receive()
				}
			}
		}
		if err != nil && count < r.number(s["at_least"]) {
			return nil, mismatched("it was refused after %d: %v", count, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, mismatched("it was never refused")
}

func (r *running) addressSpace(ctx context.Context, s step) (*answer, error) {
	client, err := r.client(ctx, s)
	if err != nil {
		return nil, err
	}
	found, err := client.Inspect.ListAddressSpaces(ctx, &vmalabpb.ListAddressSpacesRequest{})
	if err != nil {
		return nil, err
	}
	for _, one := range found.AddressSpaces {
		if one.Mm == r.space(s).Number() {
			return &answer{fields: fieldsOf(one)}, nil
		}
	}
	return nil, mismatched("address space %d is not listed", r.space(s).Number())
}
