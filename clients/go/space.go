// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"syscall"
	"time"

	"vmalab.dev/go/vmalabpb"
)

// SpaceOptions say how a new address space begins. Its zero value is an empty one.
type SpaceOptions struct {
	// MmapBase is where top-down placement begins; 0: 0x7ffff7fff000, or what follows from Maps.
	MmapBase uint64
	// StartBrk and Brk are the heap; 0: none, or as Maps says.
	StartBrk, Brk uint64
	// Maps is a /proc/PID/maps text to begin with.
	Maps string
	// TTL is how long it lives without a lease; 0: the server's default.
	TTL time.Duration
	// NoLease leaves out the lease that keeps it as long as the client lives.
	NoLease bool
	// Setup has limits and capabilities of its process; nil: those of root.
	Setup *vmalabpb.ProcessSetup
}

// AddressSpace is one emulated address space, as one thread of it sees it: its PKRU is the handle's
// own. Goroutines may share a handle that has no PKRU.
type AddressSpace struct {
	client *Client
	number uint64

	mu     sync.Mutex
	rights *uint32
	made   bool // its end is that of the address space
	leased bool
}

// milliseconds of a request: 0 is the server's default, so anything else is 1 at least. It fails with
// ErrBadTime.
func milliseconds(duration time.Duration) (uint32, error) {
	if duration < 0 {
		return 0, fmt.Errorf("%w: a time to live of %v: give 0 for the server's default", ErrBadTime, duration)
	}
	whole := duration / time.Millisecond
	if duration%time.Millisecond > 0 {
		whole++
	}
	return uint32(min(whole, math.MaxUint32)), nil
}

// NewAddressSpace makes an address space. Close it when it is done with.
func (c *Client) NewAddressSpace(ctx context.Context, options SpaceOptions) (*AddressSpace, error) {
	ttl, err := milliseconds(options.TTL)
	if err != nil {
		return nil, err
	}
	answer, err := c.Memory.CreateAddressSpace(ctx, &vmalabpb.CreateAddressSpaceRequest{
		MmapBase: options.MmapBase,
		StartBrk: options.StartBrk,
		Brk:      options.Brk,
		Maps:     options.Maps,
		TtlMs:    ttl,
		Setup:    options.Setup,
	})
	if err != nil {
		return nil, err
	}
	return c.handle(answer.Mm, true, !options.NoLease), nil
}

// Use gives a handle on an address space that exists, with a lease on it. Several clients may use
// it; Close ends the lease of this handle, and not the address space.
func (c *Client) Use(mm uint64) *AddressSpace { return c.handle(mm, false, true) }

// UseWithoutLease gives a handle on an address space that another client keeps.
func (c *Client) UseWithoutLease(mm uint64) *AddressSpace { return c.handle(mm, false, false) }

func (c *Client) handle(mm uint64, made, lease bool) *AddressSpace {
	if lease {
		c.leases.add(mm)
	}
	return &AddressSpace{client: c, number: mm, made: made, leased: lease}
}

// letGo says whether this handle has made the address space and whether it has a lease on it. It has
// neither from now on.
func (s *AddressSpace) letGo() (made, leased bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, leased = s.made, s.leased
	s.made, s.leased = false, false
	return made, leased
}

// KeepAlive lets address spaces live at least so long from now; it gives those that do not exist.
func (c *Client) KeepAlive(ctx context.Context, ttl time.Duration, mms ...uint64) ([]uint64, error) {
	whole, err := milliseconds(ttl)
	if err != nil {
		return nil, err
	}
	answer, err := c.Memory.KeepAlive(ctx, &vmalabpb.KeepAliveRequest{Mms: mms, TtlMs: whole})
	if err != nil {
		return nil, err
	}
	return answer.Missing, nil
}

// Number is what other clients and blocks name it by.
func (s *AddressSpace) Number() uint64 { return s.number }

// SetPkru says what this thread has in its register PKRU from now on; nil: as the address space has
// it. A new program begins with PKRU_START.
func (s *AddressSpace) SetPkru(rights *uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rights = rights
}

// Pkru is what this thread has in PKRU; nil: as the address space has it.
func (s *AddressSpace) Pkru() *uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rights
}

func (s *AddressSpace) pkru() *uint32 { return s.Pkru() }

// keepPkru takes what a call has made of PKRU, if its request had it.
func (s *AddressSpace) keepPkru(rights *uint32) {
	if rights != nil {
		s.SetPkru(rights)
	}
}

// Close is the end of a handle. If it has made the address space (NewAddressSpace, Fork, Exec), that
// ends, for all who use it; one that has ended already is no error. If it is one of Use, the lease
// ends, as with Detach.
func (s *AddressSpace) Close() error {
	made, leased := s.letGo()
	if !made {
		if leased {
			s.client.leases.drop(s.number)
		}
		return nil
	}
	err := s.Exit(context.Background())
	if errors.Is(err, ErrNoSuchAddressSpace) || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// Exit ends the address space now, for all who use it.
func (s *AddressSpace) Exit(ctx context.Context) error {
	s.letGo()
	s.client.leases.forget(s.number)
	_, err := s.client.Memory.Exit(ctx, &vmalabpb.ExitRequest{Mm: s.number})
	return err
}

// Detach ends the lease of this handle, and gives the number: the address space ends with its last
// lease, and not with this handle.
func (s *AddressSpace) Detach() uint64 {
	if _, leased := s.letGo(); leased {
		s.client.leases.drop(s.number)
	}
	return s.number
}

// Share lets all clients use it, for good.
func (s *AddressSpace) Share(ctx context.Context) error {
	_, err := s.client.Memory.ShareAddressSpace(ctx, &vmalabpb.ShareAddressSpaceRequest{Mm: s.number})
	return err
}

// Fork is fork(2): the child's address space, with a lease on it.
func (s *AddressSpace) Fork(ctx context.Context) (*AddressSpace, error) {
	request := &vmalabpb.ForkAddressSpaceRequest{Mm: s.number, Pkru: s.pkru()}
	answer, err := s.client.Memory.ForkAddressSpace(ctx, request)
	if err == nil {
		err = failed("fork", answer.ErrnoCode)
	}
	if err != nil {
		return nil, err
	}
	child := s.client.handle(answer.Mm, true, true)
	child.SetPkru(s.Pkru())
	return child, nil
}

// Exec is execve(2): the process goes on in a new address space, the answer, and this one ends. With
// shared others run on in this one, as the parent does after vfork, and it stays.
func (s *AddressSpace) Exec(
	ctx context.Context, options SpaceOptions, shared bool,
) (*AddressSpace, error) {
	ttl, err := milliseconds(options.TTL)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Memory.Exec(ctx, &vmalabpb.ExecRequest{
		Mm:       s.number,
		MmapBase: options.MmapBase,
		StartBrk: options.StartBrk,
		Brk:      options.Brk,
		Maps:     options.Maps,
		TtlMs:    ttl,
		Shared:   shared,
	})
	if err == nil {
		err = failed("exec", answer.ErrnoCode)
	}
	if err != nil {
		return nil, err
	}
	if !shared {
		s.letGo()
		s.client.leases.forget(s.number)
	}
	return s.client.handle(answer.Mm, true, !options.NoLease), nil
}

// Fault is an access that succeeded.
type Fault struct {
	// Word is the page's word after it.
	Word uint64
	// Info says how it was done: FAULT_INFO_VMA_LOCK and so on.
	Info FaultInfo
}

var accesses = map[Access]vmalabpb.Access{
	FAULT_READ:  vmalabpb.Access_ACCESS_READ,
	FAULT_WRITE: vmalabpb.Access_ACCESS_WRITE,
	FAULT_EXEC:  vmalabpb.Access_ACCESS_EXEC,
}

// Fault touches a page as a load, a store or an instruction fetch would. word is stored with
// FAULT_WRITE; nil: the page keeps its word. A signal is a *FaultError.
func (s *AddressSpace) Fault(
	ctx context.Context, addr uint64, access Access, word *uint64,
) (Fault, error) {
	answer, err := s.client.Memory.Fault(ctx, &vmalabpb.FaultRequest{
		Mm: s.number, Addr: addr, Access: accesses[access], Word: word, Pkru: s.pkru(),
	})
	switch {
	case err != nil:
		return Fault{}, err
	case answer.Signal != 0:
		return Fault{}, &FaultError{
			Signal: syscall.Signal(answer.Signal), Code: answer.SiCode, Addr: addr, Pkey: answer.Pkey,
		}
	case answer.Userfault:
		return Fault{}, &UserFaultError{Addr: addr, Flags: UffdPagefault(answer.UserfaultFlags)}
	}
	return Fault{Word: answer.Word, Info: FaultInfo(answer.Info)}, failed("fault", answer.ErrnoCode)
}

// Load reads the word of the page at addr.
func (s *AddressSpace) Load(ctx context.Context, addr uint64) (uint64, error) {
	fault, err := s.Fault(ctx, addr, FAULT_READ, nil)
	return fault.Word, err
}

// Store writes a word into the page at addr.
func (s *AddressSpace) Store(ctx context.Context, addr, word uint64) error {
	_, err := s.Fault(ctx, addr, FAULT_WRITE, &word)
	return err
}

// Map maps so many bytes of private memory that can be read and written, wherever there is room.
func (s *AddressSpace) Map(ctx context.Context, length uint64) (uint64, error) {
	return s.Mmap(ctx, 0, length, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, 0, 0, 0)
}

// Range is a piece of an address space.
type Range struct {
	Addr, Length uint64
}

// ProcessMadvise is process_madvise(2): how many bytes were advised. remote: the caller is another
// process, which may give some advice only.
func (s *AddressSpace) ProcessMadvise(
	ctx context.Context, ranges []Range, advice Madv, remote bool,
) (uint64, error) {
	request := &vmalabpb.ProcessMadviseRequest{
		Mm: s.number, Advice: uint32(advice), Remote: remote, Pkru: s.pkru(),
	}
	for _, one := range ranges {
		part := &vmalabpb.MemoryRange{Addr: one.Addr, Length: one.Length}
		request.Ranges = append(request.Ranges, part)
	}
	answer, err := s.client.Memory.ProcessMadvise(ctx, request)
	if err != nil {
		return 0, err
	}
	return answer.Advised, failed("process_madvise", answer.ErrnoCode)
}

// Maps gives the mappings as /proc/PID/maps shows them.
func (s *AddressSpace) Maps(ctx context.Context) (string, error) {
	answer, err := s.client.Inspect.GetMaps(ctx, &vmalabpb.GetMapsRequest{Mm: s.number})
	if err != nil {
		return "", err
	}
	return answer.Maps, nil
}

// QueryVma gives the mapping that contains addr and has all that the flags name (PROCMAP_QUERY).
// Where there is none the error is ENOENT.
func (s *AddressSpace) QueryVma(
	ctx context.Context, addr uint64, flags Query,
) (*vmalabpb.VmaInfo, error) {
	request := &vmalabpb.QueryVmaRequest{Mm: s.number, Addr: addr, Flags: uint32(flags)}
	answer, err := s.client.Inspect.QueryVma(ctx, request)
	if err != nil {
		return nil, err
	}
	return answer.Vma, failed("query_vma", answer.ErrnoCode)
}
