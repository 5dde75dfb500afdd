// SPDX-License-Identifier: Apache-2.0
//
// MemoryService: address spaces and the memory calls on them.
//
// Two gears. Unary calls, one per operation, are for people and for clients in any language. Blocks are for speed:
// one packed `bytes` field holds thousands of operations, which the native core executes in place. A block goes alone
// (Apply) or in a stream of blocks (Batch). Both gears run the same code and give the same answers.
//
// Numbers (prot, map flags, advice, errno, signals) are those of Linux on x86-64. Addresses and lengths are bytes.
//
// Three kinds of answer
// ---------------------
// 1. The call succeeded: `errno_code` is 0.
// 2. The emulated call failed as the kernel's would: a normal answer with `errno_code` (12) and `errno_name`
//    ("ENOMEM"); for a fault `signal` and `si_code`. (Plain `errno` would be a macro in C and C++.)
// 3. The service could not serve: a gRPC status with a google.rpc.ErrorInfo detail: domain "vmalab", a stable reason
//    and metadata.
//
// [reasons: made from protos/ops.toml]
// Reasons, with what their metadata has:
//   NOT_FOUND            NO_SUCH_MM {mm}, NO_SUCH_SERVICE {name}
//   RESOURCE_EXHAUSTED   LIMIT_EXCEEDED {limit, max, client, mm}, STREAMS_LIMIT {limit, max, client}, CALLS_LIMIT
//                        {limit, max, client}, NO_THREAD, NO_MEMORY, LAB_HELD_LIMIT {limit, max, got}, LAB_WAITS_LIMIT
//                        {limit, max, got}
//   INVALID_ARGUMENT     BAD_BLOCK {bytes}, BLOCK_TOO_BIG {limit, max, got}, MINCORE_TOO_LONG {limit, max, got},
//                        TTL_TOO_LONG {limit, max}, TOO_MANY_MMS {limit, max, got}, TOO_LONG {limit, max, got},
//                        BAD_MAPS, MAPS_TOO_BIG {limit, max, got}, BAD_REQUEST {method}, BAD_ARGUMENT {field}
//   FAILED_PRECONDITION  NO_LAB {remedy}
//   UNAVAILABLE          STOPPING
//   PERMISSION_DENIED    NOT_OWNER {mm, file, client}
//   UNAUTHENTICATED      BAD_TOKEN
//   INTERNAL             CORE_ERROR {constant}, LAB_RUN_FAILED
// [end of reasons]
//
// The life of an address space
// ----------------------------
// An address space lives while a client has a lease on it, by a Hold stream. A new one (CreateAddressSpace, ForkAddressSpace) lives for its
// `ttl_ms`; a client that wants more opens a Hold stream and names it there, or calls KeepAlive from time to time.
// When the last lease has ended and the time is over, exit_mmap runs, as it does when the last thread of a process is
// gone. A file that was opened (OpenFile) stays open in the same way. Either may be used by every client that knows its
// number (serve --share all), or by the client that made it until that shares it (--share own).
//
// The block format
// ----------------
// Little-endian. A block is a sequence of records, without a header. Its length is a multiple of 8 and not 0.
//
//   record = 16-byte header + (words - 2) operands of 8 bytes
//     byte 0      op
//     byte 1      words: length of the record in 8-byte words, the two of the header included
//     bytes 2-7   flags (u16), how (u32; of MMAP file_mode, of all others 0)
//     bytes 8-15  mm (u64): the address space
//
//   result = 16 bytes for each record (FAULTS: for each address), in order
//     bytes 0-3   status (i32)
//     bytes 4-7   info (u32)
//     bytes 8-15  value (u64)
//
// [records: made from protos/ops.toml]
//   status   0          success
//            -1..-999   the emulated call failed with this errno, negated
//            positive   FAULT and FAULTS only: the signal (11 SIGSEGV, 7 SIGBUS); the low 8 bits of info are si_code
//                       (SEGV_MAPERR 1, SEGV_ACCERR 2, SEGV_PKUERR 4, BUS_ADRERR 2, SI_KERNEL 128)
//            -1001      NO_SUCH_MM: there is no such address space, or it has exited
//            -1002      BAD_OP: unknown op
//            -1003      BAD_RECORD: words or how does not fit the op, FAULT_STORE does not fit words, or the block ends
//                       inside the record. Execution stops here; the records that follow have no result
//            -1004      LIMIT: a limit of the instance, or of the client's account, is reached: `info` is the limit
//                       (its number in the table of limits), `value` what it is set to
//            -1005      USERFAULT: of FAULT and FAULTS only: the program would sleep now until its userfaultfd is
//                       served. Nobody sleeps here: fill the page (or take its protection off) and touch it again
//            -1006      CANCELLED: the call was cancelled: its client is gone, its deadline is over, or the worker
//                       stops. This record has not run. Execution stops here; the records that follow have no result
//
//   op                  words        operands                            flags               value on success
//    0 NOP              2                                                                    0
//    1 FAULT            3 or 4       addr, word (to STORE it)            0 READ, 1 WRITE, 2  the page's word after the
//                                                                        EXEC, with 4        access
//                                                                        FAULT_STORE added:
//                                                                        word is there
//    2 MMAP             7            addr, length, prot | flags << 32,                       address
//                                    file (0: none), offset (in bytes)
//    3 MUNMAP           4            addr, length                                            0
//    4 MPROTECT         5            addr, length, prot                                      0
//    5 MREMAP           7            addr, old_length, new_length,                           address
//                                    flags, new_addr
//    6 MADVISE          5            addr, length, advice                                    0
//    7 MINCORE          4            addr, length (64 pages at most)                         bit i: page i is resident
//    8 BRK              3            addr                                                    the new program break
//    9 FORK             2                                                                    the child's number; it
//                                                                                            lives for the default
//                                                                                            time (30 s)
//   10 EXIT             2                                                                    0; the number is stale
//                                                                                            after it
//   11 UFFD_MOVE        6 or 7       dst, src, length, mode                                  bytes moved
//                                    (UFFDIO_MOVE_MODE_*), uffd (left
//                                    out or 0: as if dst were
//                                    registered)
//   12 SET_VMA_NAME     4 +          addr, length, name padded with      length of name,     0
//                       ceil(flags   zero                                0-79; empty
//                       / 8)                                             removes it
//   13 MM_CREATE        3            mmap_base (0: 0x7ffff7fff000). mm                       the new number; it lives
//                                    is ignored                                              for the default time (30
//                                                                                            s)
//   14 MLOCK            5            addr, length, flags                                     0
//                                    (MLOCK_ONFAULT)
//   15 MUNLOCK          4            addr, length                                            0
//   16 MLOCKALL         3            flags (MCL_*)                                           0
//   17 MUNLOCKALL       2                                                                    0
//   18 MSYNC            5            addr, length, flags (MS_*)                              0
//   19 MSEAL            5            addr, length, flags                                     0
//   20 REMAP_FILE_PAGES 7            addr, size, prot, pgoff, flags                          0
//   21 PROCESS_MADVISE  3 + 2 *      advice | remote << 32 (given by     number of ranges,   bytes advised
//                       flags        another process), then addr,        0-126
//                                    length of each range
//   22 PKEY_MPROTECT    6            addr, length, prot, pkey (-1:                           0
//                                    none)
//   23 SETRLIMIT        5            resource (RLIMIT_*), soft, hard                         0
//   24 THP_DISABLE      4            disable, flags                                          0
//   25 FAULTS           3 to 255     addr, addr, ...: a FAULT of each    0 READ, 1 WRITE, 2  one result for each, as
//                                                                        EXEC                of FAULT
//   30 FILE_TRUNCATE    4            file, size (in bytes). mm is                            0
//                                    ignored
//   31 FILE_ALLOCATE    6            file, mode (FALLOC_FL_*), offset,                       0
//                                    length (in bytes). mm is ignored
//   32 UFFD_OPEN        3            flags (UFFD_USER_MODE_ONLY, O_*)                        the number that the
//                                                                                            others take as descriptor
//   33 UFFD_API         5            uffd, version (0xaa), features                          features there are
//                                    (UFFD_FEATURE_*)
//   34 UFFD_CLOSE       3            uffd                                                    0
//   35 UFFD_REGISTER    6            uffd, addr, length, mode                                0
//                                    (UFFDIO_REGISTER_MODE_*)
//   36 UFFD_UNREGISTER  5            uffd, addr, length                                      0
//   37 UFFD_FILL        7            uffd, dst, src (for COPY), length,  0 COPY, 1 ZERO, 2   bytes filled, also with
//                                    mode (UFFDIO_COPY_MODE_* and        CONTINUE            EAGAIN
//                                    alike)
//   38 UFFD_PROTECT     6            uffd, addr, length, mode                                0
//                                    (UFFDIO_WRITEPROTECT_MODE_*)
//   39 UFFD_WAKE        5            uffd, addr, length                                      0
//   40 EXEC             6 +          mmap_base, start_brk, brk, shared   length of maps,     the new number; it lives
//                       ceil(flags   (1: others stay in mm), maps        0-1992; as          for the default time (30
//                       / 8)         padded with zero                    /proc/PID/maps has  s)
//                                                                        it; the unary call
//                                                                        takes more
//   41 PKEY_ALLOC       4            flags, rights (1 no access, 2 no                        the key
//                                    writes)
//   42 PKEY_FREE        3            pkey                                                    0
//   43 MDWE             3            bits (PR_MDWE_*)                                        0
//   44 FILE_SEAL        4            file, seals (F_SEAL_*). mm is                           0
//                                    ignored
//   45 CAPSET           3            capabilities                                            0
//
//   FAULT flags   bits 0-1 access: 0 read, 1 write, 2 exec; bit 2 STORE: store `word` in the page (write only)
//   other flags   bit 15 PKRU: the record has one word more, the caller's PKRU. Of FAULT, MMAP, MPROTECT, MREMAP,
//                 MADVISE, BRK, FORK, MLOCK, MLOCKALL, REMAP_FILE_PAGES, PROCESS_MADVISE, PKEY_MPROTECT, FAULTS,
//                 UFFD_FILL, PKEY_ALLOC
//   FAULT info    bits 0-7 si_code; bit 8 done under the VMA lock; bit 9 done under mmap_lock; bit 10 a new page was
//                 made; bit 11 copied on write; bit 12 the page was already present; bit 16 it waits for its
//                 userfaultfd; the next three say what the message would; bit 17 UFFD_PAGEFAULT_FLAG_WRITE; bit 18
//                 UFFD_PAGEFAULT_FLAG_WP; bit 19 UFFD_PAGEFAULT_FLAG_MINOR; bit 20-23 the protection key that forbade
//                 it (si_pkey), with SEGV_PKUERR
// [end of records]

// Code generated by protoc-gen-go. DO NOT EDIT.
// versions:
// 	protoc-gen-go v1.36.12
// 	protoc        v7.35.1
// source: vmalab/v1/memory.proto

package vmalabpb

import (
	protoreflect "google.golang.org/protobuf/reflect/protoreflect"
	protoimpl "google.golang.org/protobuf/runtime/protoimpl"
	reflect "reflect"
	sync "sync"
	unsafe "unsafe"
)

const (
	// Verify that this generated code is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(20 - protoimpl.MinVersion)
	// Verify that runtime/protoimpl is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(protoimpl.MaxVersion - 20)
)

// How a page is touched.
type Access int32

const (
	// The same as ACCESS_READ.
	Access_ACCESS_UNSPECIFIED Access = 0
	// A load.
	Access_ACCESS_READ Access = 1
	// A store.
	Access_ACCESS_WRITE Access = 2
	// An instruction fetch.
	Access_ACCESS_EXEC Access = 3
)

// Enum value maps for Access.
var (
	Access_name = map[int32]string{
		0: "ACCESS_UNSPECIFIED",
		1: "ACCESS_READ",
		2: "ACCESS_WRITE",
		3: "ACCESS_EXEC",
	}
	Access_value = map[string]int32{
		"ACCESS_UNSPECIFIED": 0,
		"ACCESS_READ":        1,
		"ACCESS_WRITE":       2,
		"ACCESS_EXEC":        3,
	}
)

func (x Access) Enum() *Access {
	p := new(Access)
	*p = x
	return p
}

func (x Access) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Access) Descriptor() protoreflect.EnumDescriptor {
	return file_vmalab_v1_memory_proto_enumTypes[0].Descriptor()
}

func (Access) Type() protoreflect.EnumType {
	return &file_vmalab_v1_memory_proto_enumTypes[0]
}

func (x Access) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Access.Descriptor instead.
func (Access) EnumDescriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{0}
}

type CreateAddressSpaceRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Where the top-down placement of mappings begins. 0: 0x7ffff7fff000, or what follows from `maps`.
	MmapBase uint64 `protobuf:"varint,1,opt,name=mmap_base,json=mmapBase,proto3" json:"mmap_base,omitempty"`
	// The begin of the heap. 0: where the [heap] of `maps` begins, or none.
	StartBrk uint64 `protobuf:"varint,2,opt,name=start_brk,json=startBrk,proto3" json:"start_brk,omitempty"`
	// The program break. 0: where the [heap] of `maps` ends, or start_brk.
	Brk uint64 `protobuf:"varint,3,opt,name=brk,proto3" json:"brk,omitempty"`
	// The first mappings, as a /proc/PID/maps text. Empty: none.
	Maps string `protobuf:"bytes,4,opt,name=maps,proto3" json:"maps,omitempty"`
	// How long the address space lives without a lease. 0: the server's default (30 s).
	TtlMs uint32 `protobuf:"varint,5,opt,name=ttl_ms,json=ttlMs,proto3" json:"ttl_ms,omitempty"`
	// What its process may do. Absent: no limits but that of the stack, all capabilities.
	Setup         *ProcessSetup `protobuf:"bytes,6,opt,name=setup,proto3" json:"setup,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CreateAddressSpaceRequest) Reset() {
	*x = CreateAddressSpaceRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[0]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CreateAddressSpaceRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CreateAddressSpaceRequest) ProtoMessage() {}

func (x *CreateAddressSpaceRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[0]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CreateAddressSpaceRequest.ProtoReflect.Descriptor instead.
func (*CreateAddressSpaceRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{0}
}

func (x *CreateAddressSpaceRequest) GetMmapBase() uint64 {
	if x != nil {
		return x.MmapBase
	}
	return 0
}

func (x *CreateAddressSpaceRequest) GetStartBrk() uint64 {
	if x != nil {
		return x.StartBrk
	}
	return 0
}

func (x *CreateAddressSpaceRequest) GetBrk() uint64 {
	if x != nil {
		return x.Brk
	}
	return 0
}

func (x *CreateAddressSpaceRequest) GetMaps() string {
	if x != nil {
		return x.Maps
	}
	return ""
}

func (x *CreateAddressSpaceRequest) GetTtlMs() uint32 {
	if x != nil {
		return x.TtlMs
	}
	return 0
}

func (x *CreateAddressSpaceRequest) GetSetup() *ProcessSetup {
	if x != nil {
		return x.Setup
	}
	return nil
}

// The process behind an address space, and how its kernel is set up.
type ProcessSetup struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK in bytes. Absent: no limit.
	AsLimitBytes      *uint64 `protobuf:"varint,1,opt,name=as_limit_bytes,json=asLimitBytes,proto3,oneof" json:"as_limit_bytes,omitempty"`
	DataLimitBytes    *uint64 `protobuf:"varint,2,opt,name=data_limit_bytes,json=dataLimitBytes,proto3,oneof" json:"data_limit_bytes,omitempty"`
	MemlockLimitBytes *uint64 `protobuf:"varint,3,opt,name=memlock_limit_bytes,json=memlockLimitBytes,proto3,oneof" json:"memlock_limit_bytes,omitempty"`
	// RLIMIT_STACK in bytes. 0: 8 MiB.
	StackLimitBytes uint64 `protobuf:"varint,4,opt,name=stack_limit_bytes,json=stackLimitBytes,proto3" json:"stack_limit_bytes,omitempty"`
	// It has not CAP_IPC_LOCK (lock without limit), CAP_SYS_RAWIO (map below 4096), CAP_SYS_ADMIN (use the last of what
	// can be promised).
	LacksIpcLock  bool `protobuf:"varint,5,opt,name=lacks_ipc_lock,json=lacksIpcLock,proto3" json:"lacks_ipc_lock,omitempty"`
	LacksSysRawio bool `protobuf:"varint,6,opt,name=lacks_sys_rawio,json=lacksSysRawio,proto3" json:"lacks_sys_rawio,omitempty"`
	LacksSysAdmin bool `protobuf:"varint,7,opt,name=lacks_sys_admin,json=lacksSysAdmin,proto3" json:"lacks_sys_admin,omitempty"`
	// Its kernel has not CONFIG_ANON_VMA_NAME.
	LacksAnonNames bool `protobuf:"varint,8,opt,name=lacks_anon_names,json=lacksAnonNames,proto3" json:"lacks_anon_names,omitempty"`
	// vm.overcommit_memory, 0 to 2. Absent: the instance's.
	Overcommit *uint32 `protobuf:"varint,9,opt,name=overcommit,proto3,oneof" json:"overcommit,omitempty"`
	// Pages that may be promised: with overcommit 0 to one request, with 2 to all address spaces together. 0: as the
	// instance.
	CommitLimitPages uint64 `protobuf:"varint,10,opt,name=commit_limit_pages,json=commitLimitPages,proto3" json:"commit_limit_pages,omitempty"`
	// Its processor has protection keys. Absent: as the instance.
	ProtectionKeys *bool `protobuf:"varint,11,opt,name=protection_keys,json=protectionKeys,proto3,oneof" json:"protection_keys,omitempty"`
	unknownFields  protoimpl.UnknownFields
	sizeCache      protoimpl.SizeCache
}

func (x *ProcessSetup) Reset() {
	*x = ProcessSetup{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[1]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ProcessSetup) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ProcessSetup) ProtoMessage() {}

func (x *ProcessSetup) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[1]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ProcessSetup.ProtoReflect.Descriptor instead.
func (*ProcessSetup) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{1}
}

func (x *ProcessSetup) GetAsLimitBytes() uint64 {
	if x != nil && x.AsLimitBytes != nil {
		return *x.AsLimitBytes
	}
	return 0
}

func (x *ProcessSetup) GetDataLimitBytes() uint64 {
	if x != nil && x.DataLimitBytes != nil {
		return *x.DataLimitBytes
	}
	return 0
}

func (x *ProcessSetup) GetMemlockLimitBytes() uint64 {
	if x != nil && x.MemlockLimitBytes != nil {
		return *x.MemlockLimitBytes
	}
	return 0
}

func (x *ProcessSetup) GetStackLimitBytes() uint64 {
	if x != nil {
		return x.StackLimitBytes
	}
	return 0
}

func (x *ProcessSetup) GetLacksIpcLock() bool {
	if x != nil {
		return x.LacksIpcLock
	}
	return false
}

func (x *ProcessSetup) GetLacksSysRawio() bool {
	if x != nil {
		return x.LacksSysRawio
	}
	return false
}

func (x *ProcessSetup) GetLacksSysAdmin() bool {
	if x != nil {
		return x.LacksSysAdmin
	}
	return false
}

func (x *ProcessSetup) GetLacksAnonNames() bool {
	if x != nil {
		return x.LacksAnonNames
	}
	return false
}

func (x *ProcessSetup) GetOvercommit() uint32 {
	if x != nil && x.Overcommit != nil {
		return *x.Overcommit
	}
	return 0
}

func (x *ProcessSetup) GetCommitLimitPages() uint64 {
	if x != nil {
		return x.CommitLimitPages
	}
	return 0
}

func (x *ProcessSetup) GetProtectionKeys() bool {
	if x != nil && x.ProtectionKeys != nil {
		return *x.ProtectionKeys
	}
	return false
}

type CreateAddressSpaceResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The number of the address space. An instance gives none out twice: after its end it is NO_SUCH_MM.
	Mm            uint64 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CreateAddressSpaceResponse) Reset() {
	*x = CreateAddressSpaceResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[2]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CreateAddressSpaceResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CreateAddressSpaceResponse) ProtoMessage() {}

func (x *CreateAddressSpaceResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[2]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CreateAddressSpaceResponse.ProtoReflect.Descriptor instead.
func (*CreateAddressSpaceResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{2}
}

func (x *CreateAddressSpaceResponse) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

type HoldRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Address spaces to have a lease on from now on.
	Add []uint64 `protobuf:"varint,1,rep,packed,name=add,proto3" json:"add,omitempty"`
	// Address spaces to end the lease on; they live at least for the grace time.
	Drop []uint64 `protobuf:"varint,2,rep,packed,name=drop,proto3" json:"drop,omitempty"`
	// Files to have a lease on from now on.
	AddFiles []uint64 `protobuf:"varint,3,rep,packed,name=add_files,json=addFiles,proto3" json:"add_files,omitempty"`
	// Files to end the lease on; they stay open at least for the grace time.
	DropFiles     []uint64 `protobuf:"varint,4,rep,packed,name=drop_files,json=dropFiles,proto3" json:"drop_files,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *HoldRequest) Reset() {
	*x = HoldRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[3]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *HoldRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*HoldRequest) ProtoMessage() {}

func (x *HoldRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[3]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use HoldRequest.ProtoReflect.Descriptor instead.
func (*HoldRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{3}
}

func (x *HoldRequest) GetAdd() []uint64 {
	if x != nil {
		return x.Add
	}
	return nil
}

func (x *HoldRequest) GetDrop() []uint64 {
	if x != nil {
		return x.Drop
	}
	return nil
}

func (x *HoldRequest) GetAddFiles() []uint64 {
	if x != nil {
		return x.AddFiles
	}
	return nil
}

func (x *HoldRequest) GetDropFiles() []uint64 {
	if x != nil {
		return x.DropFiles
	}
	return nil
}

type HoldResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// How many address spaces this stream has a lease on.
	HeldCount uint32 `protobuf:"varint,1,opt,name=held_count,json=heldCount,proto3" json:"held_count,omitempty"`
	// Those of `add` that do not exist (any more).
	Missing []uint64 `protobuf:"varint,2,rep,packed,name=missing,proto3" json:"missing,omitempty"`
	// How many files this stream has a lease on.
	HeldFilesCount uint32 `protobuf:"varint,3,opt,name=held_files_count,json=heldFilesCount,proto3" json:"held_files_count,omitempty"`
	// Those of `add_files` that nobody has open (any more).
	MissingFiles  []uint64 `protobuf:"varint,4,rep,packed,name=missing_files,json=missingFiles,proto3" json:"missing_files,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *HoldResponse) Reset() {
	*x = HoldResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[4]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *HoldResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*HoldResponse) ProtoMessage() {}

func (x *HoldResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[4]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use HoldResponse.ProtoReflect.Descriptor instead.
func (*HoldResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{4}
}

func (x *HoldResponse) GetHeldCount() uint32 {
	if x != nil {
		return x.HeldCount
	}
	return 0
}

func (x *HoldResponse) GetMissing() []uint64 {
	if x != nil {
		return x.Missing
	}
	return nil
}

func (x *HoldResponse) GetHeldFilesCount() uint32 {
	if x != nil {
		return x.HeldFilesCount
	}
	return 0
}

func (x *HoldResponse) GetMissingFiles() []uint64 {
	if x != nil {
		return x.MissingFiles
	}
	return nil
}

type KeepAliveRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Address spaces that are to live on.
	Mms []uint64 `protobuf:"varint,1,rep,packed,name=mms,proto3" json:"mms,omitempty"`
	// For how long from now. 0: the server's default (30 s). It never shortens a life.
	TtlMs uint32 `protobuf:"varint,2,opt,name=ttl_ms,json=ttlMs,proto3" json:"ttl_ms,omitempty"`
	// Files that are to stay open.
	Files         []uint64 `protobuf:"varint,3,rep,packed,name=files,proto3" json:"files,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *KeepAliveRequest) Reset() {
	*x = KeepAliveRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[5]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *KeepAliveRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*KeepAliveRequest) ProtoMessage() {}

func (x *KeepAliveRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[5]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use KeepAliveRequest.ProtoReflect.Descriptor instead.
func (*KeepAliveRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{5}
}

func (x *KeepAliveRequest) GetMms() []uint64 {
	if x != nil {
		return x.Mms
	}
	return nil
}

func (x *KeepAliveRequest) GetTtlMs() uint32 {
	if x != nil {
		return x.TtlMs
	}
	return 0
}

func (x *KeepAliveRequest) GetFiles() []uint64 {
	if x != nil {
		return x.Files
	}
	return nil
}

type KeepAliveResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Those of `mms` that do not exist (any more).
	Missing []uint64 `protobuf:"varint,1,rep,packed,name=missing,proto3" json:"missing,omitempty"`
	// Those of `files` that nobody has open (any more).
	MissingFiles  []uint64 `protobuf:"varint,2,rep,packed,name=missing_files,json=missingFiles,proto3" json:"missing_files,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *KeepAliveResponse) Reset() {
	*x = KeepAliveResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[6]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *KeepAliveResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*KeepAliveResponse) ProtoMessage() {}

func (x *KeepAliveResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[6]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use KeepAliveResponse.ProtoReflect.Descriptor instead.
func (*KeepAliveResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{6}
}

func (x *KeepAliveResponse) GetMissing() []uint64 {
	if x != nil {
		return x.Missing
	}
	return nil
}

func (x *KeepAliveResponse) GetMissingFiles() []uint64 {
	if x != nil {
		return x.MissingFiles
	}
	return nil
}

type ShareAddressSpaceRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Mm            uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ShareAddressSpaceRequest) Reset() {
	*x = ShareAddressSpaceRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[7]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ShareAddressSpaceRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ShareAddressSpaceRequest) ProtoMessage() {}

func (x *ShareAddressSpaceRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[7]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ShareAddressSpaceRequest.ProtoReflect.Descriptor instead.
func (*ShareAddressSpaceRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{7}
}

func (x *ShareAddressSpaceRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

type ShareAddressSpaceResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ShareAddressSpaceResponse) Reset() {
	*x = ShareAddressSpaceResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[8]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ShareAddressSpaceResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ShareAddressSpaceResponse) ProtoMessage() {}

func (x *ShareAddressSpaceResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[8]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ShareAddressSpaceResponse.ProtoReflect.Descriptor instead.
func (*ShareAddressSpaceResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{8}
}

type ShareFileRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// A file of OpenFile.
	File          uint64 `protobuf:"varint,1,opt,name=file,proto3" json:"file,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ShareFileRequest) Reset() {
	*x = ShareFileRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[9]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ShareFileRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ShareFileRequest) ProtoMessage() {}

func (x *ShareFileRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[9]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ShareFileRequest.ProtoReflect.Descriptor instead.
func (*ShareFileRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{9}
}

func (x *ShareFileRequest) GetFile() uint64 {
	if x != nil {
		return x.File
	}
	return 0
}

type ShareFileResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ShareFileResponse) Reset() {
	*x = ShareFileResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[10]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ShareFileResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ShareFileResponse) ProtoMessage() {}

func (x *ShareFileResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[10]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ShareFileResponse.ProtoReflect.Descriptor instead.
func (*ShareFileResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{10}
}

type ForkAddressSpaceRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// How long the child lives without a lease. 0: the server's default (30 s).
	TtlMs uint32 `protobuf:"varint,2,opt,name=ttl_ms,json=ttlMs,proto3" json:"ttl_ms,omitempty"`
	// The caller's PKRU, which the child begins with. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,3,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ForkAddressSpaceRequest) Reset() {
	*x = ForkAddressSpaceRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[11]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ForkAddressSpaceRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ForkAddressSpaceRequest) ProtoMessage() {}

func (x *ForkAddressSpaceRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[11]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ForkAddressSpaceRequest.ProtoReflect.Descriptor instead.
func (*ForkAddressSpaceRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{11}
}

func (x *ForkAddressSpaceRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *ForkAddressSpaceRequest) GetTtlMs() uint32 {
	if x != nil {
		return x.TtlMs
	}
	return 0
}

func (x *ForkAddressSpaceRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type ForkAddressSpaceResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// The number of the child.
	Mm            uint64 `protobuf:"varint,3,opt,name=mm,proto3" json:"mm,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ForkAddressSpaceResponse) Reset() {
	*x = ForkAddressSpaceResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[12]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ForkAddressSpaceResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ForkAddressSpaceResponse) ProtoMessage() {}

func (x *ForkAddressSpaceResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[12]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ForkAddressSpaceResponse.ProtoReflect.Descriptor instead.
func (*ForkAddressSpaceResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{12}
}

func (x *ForkAddressSpaceResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *ForkAddressSpaceResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *ForkAddressSpaceResponse) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

type ExecRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// What the process leaves.
	Mm uint64 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// Of the new address space, as in CreateAddressSpaceRequest.
	MmapBase uint64 `protobuf:"varint,2,opt,name=mmap_base,json=mmapBase,proto3" json:"mmap_base,omitempty"`
	StartBrk uint64 `protobuf:"varint,3,opt,name=start_brk,json=startBrk,proto3" json:"start_brk,omitempty"`
	Brk      uint64 `protobuf:"varint,4,opt,name=brk,proto3" json:"brk,omitempty"`
	Maps     string `protobuf:"bytes,5,opt,name=maps,proto3" json:"maps,omitempty"`
	// How long it lives without a lease. 0: the server's default (30 s).
	TtlMs uint32 `protobuf:"varint,6,opt,name=ttl_ms,json=ttlMs,proto3" json:"ttl_ms,omitempty"`
	// Others run on in `mm`, as the parent does after vfork: it stays.
	Shared        bool `protobuf:"varint,7,opt,name=shared,proto3" json:"shared,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ExecRequest) Reset() {
	*x = ExecRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[13]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ExecRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ExecRequest) ProtoMessage() {}

func (x *ExecRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[13]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ExecRequest.ProtoReflect.Descriptor instead.
func (*ExecRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{13}
}

func (x *ExecRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *ExecRequest) GetMmapBase() uint64 {
	if x != nil {
		return x.MmapBase
	}
	return 0
}

func (x *ExecRequest) GetStartBrk() uint64 {
	if x != nil {
		return x.StartBrk
	}
	return 0
}

func (x *ExecRequest) GetBrk() uint64 {
	if x != nil {
		return x.Brk
	}
	return 0
}

func (x *ExecRequest) GetMaps() string {
	if x != nil {
		return x.Maps
	}
	return ""
}

func (x *ExecRequest) GetTtlMs() uint32 {
	if x != nil {
		return x.TtlMs
	}
	return 0
}

func (x *ExecRequest) GetShared() bool {
	if x != nil {
		return x.Shared
	}
	return false
}

type ExecResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// The number of the new address space.
	Mm            uint64 `protobuf:"varint,3,opt,name=mm,proto3" json:"mm,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ExecResponse) Reset() {
	*x = ExecResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[14]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ExecResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ExecResponse) ProtoMessage() {}

func (x *ExecResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[14]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ExecResponse.ProtoReflect.Descriptor instead.
func (*ExecResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{14}
}

func (x *ExecResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *ExecResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *ExecResponse) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

type ExitRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Mm            uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ExitRequest) Reset() {
	*x = ExitRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[15]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ExitRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ExitRequest) ProtoMessage() {}

func (x *ExitRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[15]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ExitRequest.ProtoReflect.Descriptor instead.
func (*ExitRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{15}
}

func (x *ExitRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

type ExitResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ExitResponse) Reset() {
	*x = ExitResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[16]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ExitResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ExitResponse) ProtoMessage() {}

func (x *ExitResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[16]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ExitResponse.ProtoReflect.Descriptor instead.
func (*ExitResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{16}
}

type MmapRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// PROT_*.
	Prot uint32 `protobuf:"varint,4,opt,name=prot,proto3" json:"prot,omitempty"`
	// MAP_*.
	Flags uint32 `protobuf:"varint,5,opt,name=flags,proto3" json:"flags,omitempty"`
	// A file of OpenFile; 0 with MAP_ANONYMOUS.
	File uint64 `protobuf:"varint,6,opt,name=file,proto3" json:"file,omitempty"`
	// Offset into the file in bytes.
	Offset uint64 `protobuf:"varint,7,opt,name=offset,proto3" json:"offset,omitempty"`
	// How the file was opened: 0 for reading and writing, 1 for reading, 2 for writing; 4 is added if it lies on a mount
	// with noexec.
	FileMode uint32 `protobuf:"varint,8,opt,name=file_mode,json=fileMode,proto3" json:"file_mode,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,9,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MmapRequest) Reset() {
	*x = MmapRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[17]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MmapRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MmapRequest) ProtoMessage() {}

func (x *MmapRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[17]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MmapRequest.ProtoReflect.Descriptor instead.
func (*MmapRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{17}
}

func (x *MmapRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MmapRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MmapRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *MmapRequest) GetProt() uint32 {
	if x != nil {
		return x.Prot
	}
	return 0
}

func (x *MmapRequest) GetFlags() uint32 {
	if x != nil {
		return x.Flags
	}
	return 0
}

func (x *MmapRequest) GetFile() uint64 {
	if x != nil {
		return x.File
	}
	return 0
}

func (x *MmapRequest) GetOffset() uint64 {
	if x != nil {
		return x.Offset
	}
	return 0
}

func (x *MmapRequest) GetFileMode() uint32 {
	if x != nil {
		return x.FileMode
	}
	return 0
}

func (x *MmapRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MmapResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	Addr      uint64                 `protobuf:"varint,3,opt,name=addr,proto3" json:"addr,omitempty"`
	// The caller's PKRU after the call, if the request had one.
	Pkru          *uint32 `protobuf:"varint,4,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MmapResponse) Reset() {
	*x = MmapResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[18]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MmapResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MmapResponse) ProtoMessage() {}

func (x *MmapResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[18]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MmapResponse.ProtoReflect.Descriptor instead.
func (*MmapResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{18}
}

func (x *MmapResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MmapResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *MmapResponse) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MmapResponse) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MunmapRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Mm            uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr          uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length        uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MunmapRequest) Reset() {
	*x = MunmapRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[19]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MunmapRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MunmapRequest) ProtoMessage() {}

func (x *MunmapRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[19]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MunmapRequest.ProtoReflect.Descriptor instead.
func (*MunmapRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{19}
}

func (x *MunmapRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MunmapRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MunmapRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

type MunmapResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MunmapResponse) Reset() {
	*x = MunmapResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[20]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MunmapResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MunmapResponse) ProtoMessage() {}

func (x *MunmapResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[20]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MunmapResponse.ProtoReflect.Descriptor instead.
func (*MunmapResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{20}
}

func (x *MunmapResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MunmapResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MprotectRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// PROT_*.
	Prot uint32 `protobuf:"varint,4,opt,name=prot,proto3" json:"prot,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,5,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MprotectRequest) Reset() {
	*x = MprotectRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[21]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MprotectRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MprotectRequest) ProtoMessage() {}

func (x *MprotectRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[21]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MprotectRequest.ProtoReflect.Descriptor instead.
func (*MprotectRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{21}
}

func (x *MprotectRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MprotectRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MprotectRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *MprotectRequest) GetProt() uint32 {
	if x != nil {
		return x.Prot
	}
	return 0
}

func (x *MprotectRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MprotectResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// The caller's PKRU after the call, if the request had one.
	Pkru          *uint32 `protobuf:"varint,3,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MprotectResponse) Reset() {
	*x = MprotectResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[22]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MprotectResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MprotectResponse) ProtoMessage() {}

func (x *MprotectResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[22]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MprotectResponse.ProtoReflect.Descriptor instead.
func (*MprotectResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{22}
}

func (x *MprotectResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MprotectResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *MprotectResponse) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MremapRequest struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	Mm        uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr      uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	OldLength uint64                 `protobuf:"varint,3,opt,name=old_length,json=oldLength,proto3" json:"old_length,omitempty"`
	NewLength uint64                 `protobuf:"varint,4,opt,name=new_length,json=newLength,proto3" json:"new_length,omitempty"`
	// MREMAP_*.
	Flags uint32 `protobuf:"varint,5,opt,name=flags,proto3" json:"flags,omitempty"`
	// Where to with MREMAP_FIXED.
	NewAddr uint64 `protobuf:"varint,6,opt,name=new_addr,json=newAddr,proto3" json:"new_addr,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,7,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MremapRequest) Reset() {
	*x = MremapRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[23]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MremapRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MremapRequest) ProtoMessage() {}

func (x *MremapRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[23]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MremapRequest.ProtoReflect.Descriptor instead.
func (*MremapRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{23}
}

func (x *MremapRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MremapRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MremapRequest) GetOldLength() uint64 {
	if x != nil {
		return x.OldLength
	}
	return 0
}

func (x *MremapRequest) GetNewLength() uint64 {
	if x != nil {
		return x.NewLength
	}
	return 0
}

func (x *MremapRequest) GetFlags() uint32 {
	if x != nil {
		return x.Flags
	}
	return 0
}

func (x *MremapRequest) GetNewAddr() uint64 {
	if x != nil {
		return x.NewAddr
	}
	return 0
}

func (x *MremapRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MremapResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	Addr          uint64                 `protobuf:"varint,3,opt,name=addr,proto3" json:"addr,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MremapResponse) Reset() {
	*x = MremapResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[24]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MremapResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MremapResponse) ProtoMessage() {}

func (x *MremapResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[24]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MremapResponse.ProtoReflect.Descriptor instead.
func (*MremapResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{24}
}

func (x *MremapResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MremapResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *MremapResponse) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

type MadviseRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// MADV_*.
	Advice uint32 `protobuf:"varint,4,opt,name=advice,proto3" json:"advice,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,5,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MadviseRequest) Reset() {
	*x = MadviseRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[25]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MadviseRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MadviseRequest) ProtoMessage() {}

func (x *MadviseRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[25]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MadviseRequest.ProtoReflect.Descriptor instead.
func (*MadviseRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{25}
}

func (x *MadviseRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MadviseRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MadviseRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *MadviseRequest) GetAdvice() uint32 {
	if x != nil {
		return x.Advice
	}
	return 0
}

func (x *MadviseRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MadviseResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MadviseResponse) Reset() {
	*x = MadviseResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[26]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MadviseResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MadviseResponse) ProtoMessage() {}

func (x *MadviseResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[26]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MadviseResponse.ProtoReflect.Descriptor instead.
func (*MadviseResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{26}
}

func (x *MadviseResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MadviseResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MincoreRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Mm            uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr          uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length        uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MincoreRequest) Reset() {
	*x = MincoreRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[27]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MincoreRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MincoreRequest) ProtoMessage() {}

func (x *MincoreRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[27]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MincoreRequest.ProtoReflect.Descriptor instead.
func (*MincoreRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{27}
}

func (x *MincoreRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MincoreRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MincoreRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

type MincoreResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// One byte for each page; the lowest bit says that it is resident.
	Vector        []byte `protobuf:"bytes,3,opt,name=vector,proto3" json:"vector,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MincoreResponse) Reset() {
	*x = MincoreResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[28]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MincoreResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MincoreResponse) ProtoMessage() {}

func (x *MincoreResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[28]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MincoreResponse.ProtoReflect.Descriptor instead.
func (*MincoreResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{28}
}

func (x *MincoreResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MincoreResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *MincoreResponse) GetVector() []byte {
	if x != nil {
		return x.Vector
	}
	return nil
}

type BrkRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// The wanted program break. 0 asks for the present one.
	Addr uint64 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,3,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *BrkRequest) Reset() {
	*x = BrkRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[29]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *BrkRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*BrkRequest) ProtoMessage() {}

func (x *BrkRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[29]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use BrkRequest.ProtoReflect.Descriptor instead.
func (*BrkRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{29}
}

func (x *BrkRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *BrkRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *BrkRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type BrkResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// The program break after the call.
	Brk           uint64 `protobuf:"varint,3,opt,name=brk,proto3" json:"brk,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *BrkResponse) Reset() {
	*x = BrkResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[30]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *BrkResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*BrkResponse) ProtoMessage() {}

func (x *BrkResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[30]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use BrkResponse.ProtoReflect.Descriptor instead.
func (*BrkResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{30}
}

func (x *BrkResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *BrkResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *BrkResponse) GetBrk() uint64 {
	if x != nil {
		return x.Brk
	}
	return 0
}

type FaultRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Access Access                 `protobuf:"varint,3,opt,name=access,proto3,enum=vmalab.v1.Access" json:"access,omitempty"`
	// With ACCESS_WRITE: the word to store in the page. Absent: the page is touched and keeps its word.
	Word *uint64 `protobuf:"varint,4,opt,name=word,proto3,oneof" json:"word,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,5,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *FaultRequest) Reset() {
	*x = FaultRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[31]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *FaultRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*FaultRequest) ProtoMessage() {}

func (x *FaultRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[31]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use FaultRequest.ProtoReflect.Descriptor instead.
func (*FaultRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{31}
}

func (x *FaultRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *FaultRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *FaultRequest) GetAccess() Access {
	if x != nil {
		return x.Access
	}
	return Access_ACCESS_UNSPECIFIED
}

func (x *FaultRequest) GetWord() uint64 {
	if x != nil && x.Word != nil {
		return *x.Word
	}
	return 0
}

func (x *FaultRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type FaultResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// 0: the access succeeded. 11: SIGSEGV. 7: SIGBUS.
	Signal int32 `protobuf:"varint,1,opt,name=signal,proto3" json:"signal,omitempty"`
	// SEGV_MAPERR 1, SEGV_ACCERR 2, BUS_ADRERR 2; SI_KERNEL 128: no CPU takes the address.
	SiCode int32 `protobuf:"varint,2,opt,name=si_code,json=siCode,proto3" json:"si_code,omitempty"`
	// An errno when the access failed without a signal: ENOMEM is what the kernel's VM_FAULT_OOM is.
	ErrnoCode int32  `protobuf:"varint,3,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string `protobuf:"bytes,4,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// The page's word after the access.
	Word uint64 `protobuf:"varint,5,opt,name=word,proto3" json:"word,omitempty"`
	// How it was done: the info bits of the block format (bit 8 under the VMA lock, ...), without si_code.
	Info uint32 `protobuf:"varint,6,opt,name=info,proto3" json:"info,omitempty"`
	// The program would sleep until its userfaultfd is served: fill the page and touch it again.
	Userfault bool `protobuf:"varint,7,opt,name=userfault,proto3" json:"userfault,omitempty"`
	// UFFD_PAGEFAULT_FLAG_* of the message that its handler would read: WRITE 1, WP 2, MINOR 4.
	UserfaultFlags uint32 `protobuf:"varint,8,opt,name=userfault_flags,json=userfaultFlags,proto3" json:"userfault_flags,omitempty"`
	// The protection key that forbade it, with SEGV_PKUERR (si_pkey).
	Pkey          *uint32 `protobuf:"varint,9,opt,name=pkey,proto3,oneof" json:"pkey,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *FaultResponse) Reset() {
	*x = FaultResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[32]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *FaultResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*FaultResponse) ProtoMessage() {}

func (x *FaultResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[32]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use FaultResponse.ProtoReflect.Descriptor instead.
func (*FaultResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{32}
}

func (x *FaultResponse) GetSignal() int32 {
	if x != nil {
		return x.Signal
	}
	return 0
}

func (x *FaultResponse) GetSiCode() int32 {
	if x != nil {
		return x.SiCode
	}
	return 0
}

func (x *FaultResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *FaultResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *FaultResponse) GetWord() uint64 {
	if x != nil {
		return x.Word
	}
	return 0
}

func (x *FaultResponse) GetInfo() uint32 {
	if x != nil {
		return x.Info
	}
	return 0
}

func (x *FaultResponse) GetUserfault() bool {
	if x != nil {
		return x.Userfault
	}
	return false
}

func (x *FaultResponse) GetUserfaultFlags() uint32 {
	if x != nil {
		return x.UserfaultFlags
	}
	return 0
}

func (x *FaultResponse) GetPkey() uint32 {
	if x != nil && x.Pkey != nil {
		return *x.Pkey
	}
	return 0
}

type UffdMoveRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Dst    uint64                 `protobuf:"varint,2,opt,name=dst,proto3" json:"dst,omitempty"`
	Src    uint64                 `protobuf:"varint,3,opt,name=src,proto3" json:"src,omitempty"`
	Length uint64                 `protobuf:"varint,4,opt,name=length,proto3" json:"length,omitempty"`
	// UFFDIO_MOVE_MODE_*.
	Mode uint64 `protobuf:"varint,5,opt,name=mode,proto3" json:"mode,omitempty"`
	// A number of OpenUserfaultfd that `dst` is registered with. 0: as if it were.
	Uffd          uint64 `protobuf:"varint,6,opt,name=uffd,proto3" json:"uffd,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *UffdMoveRequest) Reset() {
	*x = UffdMoveRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[33]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *UffdMoveRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*UffdMoveRequest) ProtoMessage() {}

func (x *UffdMoveRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[33]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use UffdMoveRequest.ProtoReflect.Descriptor instead.
func (*UffdMoveRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{33}
}

func (x *UffdMoveRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *UffdMoveRequest) GetDst() uint64 {
	if x != nil {
		return x.Dst
	}
	return 0
}

func (x *UffdMoveRequest) GetSrc() uint64 {
	if x != nil {
		return x.Src
	}
	return 0
}

func (x *UffdMoveRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *UffdMoveRequest) GetMode() uint64 {
	if x != nil {
		return x.Mode
	}
	return 0
}

func (x *UffdMoveRequest) GetUffd() uint64 {
	if x != nil {
		return x.Uffd
	}
	return 0
}

type UffdMoveResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// How many bytes were moved.
	Moved         uint64 `protobuf:"varint,3,opt,name=moved,proto3" json:"moved,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *UffdMoveResponse) Reset() {
	*x = UffdMoveResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[34]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *UffdMoveResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*UffdMoveResponse) ProtoMessage() {}

func (x *UffdMoveResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[34]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use UffdMoveResponse.ProtoReflect.Descriptor instead.
func (*UffdMoveResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{34}
}

func (x *UffdMoveResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *UffdMoveResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *UffdMoveResponse) GetMoved() uint64 {
	if x != nil {
		return x.Moved
	}
	return 0
}

type SetVmaNameRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// At most 79 bytes. Empty removes the name.
	Name          []byte `protobuf:"bytes,4,opt,name=name,proto3" json:"name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SetVmaNameRequest) Reset() {
	*x = SetVmaNameRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[35]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SetVmaNameRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SetVmaNameRequest) ProtoMessage() {}

func (x *SetVmaNameRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[35]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SetVmaNameRequest.ProtoReflect.Descriptor instead.
func (*SetVmaNameRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{35}
}

func (x *SetVmaNameRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *SetVmaNameRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *SetVmaNameRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *SetVmaNameRequest) GetName() []byte {
	if x != nil {
		return x.Name
	}
	return nil
}

type SetVmaNameResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SetVmaNameResponse) Reset() {
	*x = SetVmaNameResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[36]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SetVmaNameResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SetVmaNameResponse) ProtoMessage() {}

func (x *SetVmaNameResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[36]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SetVmaNameResponse.ProtoReflect.Descriptor instead.
func (*SetVmaNameResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{36}
}

func (x *SetVmaNameResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *SetVmaNameResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MlockRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// MLOCK_ONFAULT, or 0.
	Flags uint32 `protobuf:"varint,4,opt,name=flags,proto3" json:"flags,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,5,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MlockRequest) Reset() {
	*x = MlockRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[37]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MlockRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MlockRequest) ProtoMessage() {}

func (x *MlockRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[37]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MlockRequest.ProtoReflect.Descriptor instead.
func (*MlockRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{37}
}

func (x *MlockRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MlockRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MlockRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *MlockRequest) GetFlags() uint32 {
	if x != nil {
		return x.Flags
	}
	return 0
}

func (x *MlockRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MlockResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MlockResponse) Reset() {
	*x = MlockResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[38]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MlockResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MlockResponse) ProtoMessage() {}

func (x *MlockResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[38]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MlockResponse.ProtoReflect.Descriptor instead.
func (*MlockResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{38}
}

func (x *MlockResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MlockResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MunlockRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Mm            uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr          uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length        uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MunlockRequest) Reset() {
	*x = MunlockRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[39]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MunlockRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MunlockRequest) ProtoMessage() {}

func (x *MunlockRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[39]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MunlockRequest.ProtoReflect.Descriptor instead.
func (*MunlockRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{39}
}

func (x *MunlockRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MunlockRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MunlockRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

type MunlockResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MunlockResponse) Reset() {
	*x = MunlockResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[40]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MunlockResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MunlockResponse) ProtoMessage() {}

func (x *MunlockResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[40]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MunlockResponse.ProtoReflect.Descriptor instead.
func (*MunlockResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{40}
}

func (x *MunlockResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MunlockResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MlockallRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// MCL_*.
	Flags uint32 `protobuf:"varint,2,opt,name=flags,proto3" json:"flags,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,3,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MlockallRequest) Reset() {
	*x = MlockallRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[41]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MlockallRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MlockallRequest) ProtoMessage() {}

func (x *MlockallRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[41]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MlockallRequest.ProtoReflect.Descriptor instead.
func (*MlockallRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{41}
}

func (x *MlockallRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MlockallRequest) GetFlags() uint32 {
	if x != nil {
		return x.Flags
	}
	return 0
}

func (x *MlockallRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type MlockallResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MlockallResponse) Reset() {
	*x = MlockallResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[42]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MlockallResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MlockallResponse) ProtoMessage() {}

func (x *MlockallResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[42]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MlockallResponse.ProtoReflect.Descriptor instead.
func (*MlockallResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{42}
}

func (x *MlockallResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MlockallResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MunlockallRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Mm            uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MunlockallRequest) Reset() {
	*x = MunlockallRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[43]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MunlockallRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MunlockallRequest) ProtoMessage() {}

func (x *MunlockallRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[43]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MunlockallRequest.ProtoReflect.Descriptor instead.
func (*MunlockallRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{43}
}

func (x *MunlockallRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

type MunlockallResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MunlockallResponse) Reset() {
	*x = MunlockallResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[44]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MunlockallResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MunlockallResponse) ProtoMessage() {}

func (x *MunlockallResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[44]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MunlockallResponse.ProtoReflect.Descriptor instead.
func (*MunlockallResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{44}
}

func (x *MunlockallResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MunlockallResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MsyncRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// MS_*.
	Flags         uint32 `protobuf:"varint,4,opt,name=flags,proto3" json:"flags,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MsyncRequest) Reset() {
	*x = MsyncRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[45]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MsyncRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MsyncRequest) ProtoMessage() {}

func (x *MsyncRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[45]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MsyncRequest.ProtoReflect.Descriptor instead.
func (*MsyncRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{45}
}

func (x *MsyncRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MsyncRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MsyncRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *MsyncRequest) GetFlags() uint32 {
	if x != nil {
		return x.Flags
	}
	return 0
}

type MsyncResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MsyncResponse) Reset() {
	*x = MsyncResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[46]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MsyncResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MsyncResponse) ProtoMessage() {}

func (x *MsyncResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[46]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MsyncResponse.ProtoReflect.Descriptor instead.
func (*MsyncResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{46}
}

func (x *MsyncResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MsyncResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MsealRequest struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Mm     uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr   uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Length uint64                 `protobuf:"varint,3,opt,name=length,proto3" json:"length,omitempty"`
	// No flag is defined: 0, others are EINVAL.
	Flags         uint32 `protobuf:"varint,4,opt,name=flags,proto3" json:"flags,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MsealRequest) Reset() {
	*x = MsealRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[47]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MsealRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MsealRequest) ProtoMessage() {}

func (x *MsealRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[47]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MsealRequest.ProtoReflect.Descriptor instead.
func (*MsealRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{47}
}

func (x *MsealRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *MsealRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MsealRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

func (x *MsealRequest) GetFlags() uint32 {
	if x != nil {
		return x.Flags
	}
	return 0
}

type MsealResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MsealResponse) Reset() {
	*x = MsealResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[48]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MsealResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MsealResponse) ProtoMessage() {}

func (x *MsealResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[48]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MsealResponse.ProtoReflect.Descriptor instead.
func (*MsealResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{48}
}

func (x *MsealResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *MsealResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type RemapFilePagesRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	Addr  uint64                 `protobuf:"varint,2,opt,name=addr,proto3" json:"addr,omitempty"`
	Size  uint64                 `protobuf:"varint,3,opt,name=size,proto3" json:"size,omitempty"`
	// Must be 0: the mapping keeps its protection.
	Prot uint64 `protobuf:"varint,4,opt,name=prot,proto3" json:"prot,omitempty"`
	// In pages.
	Pgoff uint64 `protobuf:"varint,5,opt,name=pgoff,proto3" json:"pgoff,omitempty"`
	// MAP_NONBLOCK, or 0.
	Flags uint64 `protobuf:"varint,6,opt,name=flags,proto3" json:"flags,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,7,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *RemapFilePagesRequest) Reset() {
	*x = RemapFilePagesRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[49]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *RemapFilePagesRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*RemapFilePagesRequest) ProtoMessage() {}

func (x *RemapFilePagesRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[49]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use RemapFilePagesRequest.ProtoReflect.Descriptor instead.
func (*RemapFilePagesRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{49}
}

func (x *RemapFilePagesRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *RemapFilePagesRequest) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *RemapFilePagesRequest) GetSize() uint64 {
	if x != nil {
		return x.Size
	}
	return 0
}

func (x *RemapFilePagesRequest) GetProt() uint64 {
	if x != nil {
		return x.Prot
	}
	return 0
}

func (x *RemapFilePagesRequest) GetPgoff() uint64 {
	if x != nil {
		return x.Pgoff
	}
	return 0
}

func (x *RemapFilePagesRequest) GetFlags() uint64 {
	if x != nil {
		return x.Flags
	}
	return 0
}

func (x *RemapFilePagesRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type RemapFilePagesResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *RemapFilePagesResponse) Reset() {
	*x = RemapFilePagesResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[50]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *RemapFilePagesResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*RemapFilePagesResponse) ProtoMessage() {}

func (x *RemapFilePagesResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[50]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use RemapFilePagesResponse.ProtoReflect.Descriptor instead.
func (*RemapFilePagesResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{50}
}

func (x *RemapFilePagesResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *RemapFilePagesResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type SetRlimitRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// RLIMIT_*; AS, DATA, MEMLOCK and STACK have an effect.
	Resource uint32 `protobuf:"varint,2,opt,name=resource,proto3" json:"resource,omitempty"`
	Soft     uint64 `protobuf:"varint,3,opt,name=soft,proto3" json:"soft,omitempty"`
	// Is not kept: a raise is granted as to a process with CAP_SYS_RESOURCE.
	Hard          uint64 `protobuf:"varint,4,opt,name=hard,proto3" json:"hard,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SetRlimitRequest) Reset() {
	*x = SetRlimitRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[51]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SetRlimitRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SetRlimitRequest) ProtoMessage() {}

func (x *SetRlimitRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[51]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SetRlimitRequest.ProtoReflect.Descriptor instead.
func (*SetRlimitRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{51}
}

func (x *SetRlimitRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *SetRlimitRequest) GetResource() uint32 {
	if x != nil {
		return x.Resource
	}
	return 0
}

func (x *SetRlimitRequest) GetSoft() uint64 {
	if x != nil {
		return x.Soft
	}
	return 0
}

func (x *SetRlimitRequest) GetHard() uint64 {
	if x != nil {
		return x.Hard
	}
	return 0
}

type SetRlimitResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SetRlimitResponse) Reset() {
	*x = SetRlimitResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[52]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SetRlimitResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SetRlimitResponse) ProtoMessage() {}

func (x *SetRlimitResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[52]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SetRlimitResponse.ProtoReflect.Descriptor instead.
func (*SetRlimitResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{52}
}

func (x *SetRlimitResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *SetRlimitResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type SetThpDisableRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// 1: off. 0: on.
	Disable uint64 `protobuf:"varint,2,opt,name=disable,proto3" json:"disable,omitempty"`
	// 2: huge pages stay allowed where madvise asked for them. 0: they are off everywhere.
	Flags         uint64 `protobuf:"varint,3,opt,name=flags,proto3" json:"flags,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SetThpDisableRequest) Reset() {
	*x = SetThpDisableRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[53]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SetThpDisableRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SetThpDisableRequest) ProtoMessage() {}

func (x *SetThpDisableRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[53]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SetThpDisableRequest.ProtoReflect.Descriptor instead.
func (*SetThpDisableRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{53}
}

func (x *SetThpDisableRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *SetThpDisableRequest) GetDisable() uint64 {
	if x != nil {
		return x.Disable
	}
	return 0
}

func (x *SetThpDisableRequest) GetFlags() uint64 {
	if x != nil {
		return x.Flags
	}
	return 0
}

type SetThpDisableResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SetThpDisableResponse) Reset() {
	*x = SetThpDisableResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[54]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SetThpDisableResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SetThpDisableResponse) ProtoMessage() {}

func (x *SetThpDisableResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[54]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SetThpDisableResponse.ProtoReflect.Descriptor instead.
func (*SetThpDisableResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{54}
}

func (x *SetThpDisableResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *SetThpDisableResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type MemoryRange struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Addr          uint64                 `protobuf:"varint,1,opt,name=addr,proto3" json:"addr,omitempty"`
	Length        uint64                 `protobuf:"varint,2,opt,name=length,proto3" json:"length,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *MemoryRange) Reset() {
	*x = MemoryRange{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[55]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *MemoryRange) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*MemoryRange) ProtoMessage() {}

func (x *MemoryRange) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[55]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use MemoryRange.ProtoReflect.Descriptor instead.
func (*MemoryRange) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{55}
}

func (x *MemoryRange) GetAddr() uint64 {
	if x != nil {
		return x.Addr
	}
	return 0
}

func (x *MemoryRange) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

type ProcessMadviseRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Mm    uint64                 `protobuf:"varint,1,opt,name=mm,proto3" json:"mm,omitempty"`
	// At most 126.
	Ranges []*MemoryRange `protobuf:"bytes,2,rep,name=ranges,proto3" json:"ranges,omitempty"`
	// MADV_*.
	Advice uint32 `protobuf:"varint,3,opt,name=advice,proto3" json:"advice,omitempty"`
	// The caller is another process: it may give COLD, PAGEOUT, WILLNEED and COLLAPSE alone.
	Remote bool `protobuf:"varint,4,opt,name=remote,proto3" json:"remote,omitempty"`
	// The caller's PKRU. Absent: the address space's.
	Pkru          *uint32 `protobuf:"varint,5,opt,name=pkru,proto3,oneof" json:"pkru,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ProcessMadviseRequest) Reset() {
	*x = ProcessMadviseRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[56]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ProcessMadviseRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ProcessMadviseRequest) ProtoMessage() {}

func (x *ProcessMadviseRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[56]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ProcessMadviseRequest.ProtoReflect.Descriptor instead.
func (*ProcessMadviseRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{56}
}

func (x *ProcessMadviseRequest) GetMm() uint64 {
	if x != nil {
		return x.Mm
	}
	return 0
}

func (x *ProcessMadviseRequest) GetRanges() []*MemoryRange {
	if x != nil {
		return x.Ranges
	}
	return nil
}

func (x *ProcessMadviseRequest) GetAdvice() uint32 {
	if x != nil {
		return x.Advice
	}
	return 0
}

func (x *ProcessMadviseRequest) GetRemote() bool {
	if x != nil {
		return x.Remote
	}
	return false
}

func (x *ProcessMadviseRequest) GetPkru() uint32 {
	if x != nil && x.Pkru != nil {
		return *x.Pkru
	}
	return 0
}

type ProcessMadviseResponse struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	// Bytes that were advised, if any were.
	Advised       uint64 `protobuf:"varint,3,opt,name=advised,proto3" json:"advised,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ProcessMadviseResponse) Reset() {
	*x = ProcessMadviseResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[57]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ProcessMadviseResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ProcessMadviseResponse) ProtoMessage() {}

func (x *ProcessMadviseResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[57]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ProcessMadviseResponse.ProtoReflect.Descriptor instead.
func (*ProcessMadviseResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{57}
}

func (x *ProcessMadviseResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *ProcessMadviseResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

func (x *ProcessMadviseResponse) GetAdvised() uint64 {
	if x != nil {
		return x.Advised
	}
	return 0
}

type OpenFileRequest struct {
	state     protoimpl.MessageState `protogen:"open.v1"`
	DevMajor  uint32                 `protobuf:"varint,1,opt,name=dev_major,json=devMajor,proto3" json:"dev_major,omitempty"`
	DevMinor  uint32                 `protobuf:"varint,2,opt,name=dev_minor,json=devMinor,proto3" json:"dev_minor,omitempty"`
	Ino       uint64                 `protobuf:"varint,3,opt,name=ino,proto3" json:"ino,omitempty"`
	SizeBytes uint64                 `protobuf:"varint,4,opt,name=size_bytes,json=sizeBytes,proto3" json:"size_bytes,omitempty"`
	// What GetMaps shows.
	Name string `protobuf:"bytes,5,opt,name=name,proto3" json:"name,omitempty"`
	// How long it stays open without a lease. 0: the server's default (30 s).
	TtlMs         uint32 `protobuf:"varint,6,opt,name=ttl_ms,json=ttlMs,proto3" json:"ttl_ms,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *OpenFileRequest) Reset() {
	*x = OpenFileRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[58]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *OpenFileRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*OpenFileRequest) ProtoMessage() {}

func (x *OpenFileRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[58]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use OpenFileRequest.ProtoReflect.Descriptor instead.
func (*OpenFileRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{58}
}

func (x *OpenFileRequest) GetDevMajor() uint32 {
	if x != nil {
		return x.DevMajor
	}
	return 0
}

func (x *OpenFileRequest) GetDevMinor() uint32 {
	if x != nil {
		return x.DevMinor
	}
	return 0
}

func (x *OpenFileRequest) GetIno() uint64 {
	if x != nil {
		return x.Ino
	}
	return 0
}

func (x *OpenFileRequest) GetSizeBytes() uint64 {
	if x != nil {
		return x.SizeBytes
	}
	return 0
}

func (x *OpenFileRequest) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

func (x *OpenFileRequest) GetTtlMs() uint32 {
	if x != nil {
		return x.TtlMs
	}
	return 0
}

type OpenFileResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The number of the file; never 0.
	File          uint64 `protobuf:"varint,1,opt,name=file,proto3" json:"file,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *OpenFileResponse) Reset() {
	*x = OpenFileResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[59]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *OpenFileResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*OpenFileResponse) ProtoMessage() {}

func (x *OpenFileResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[59]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use OpenFileResponse.ProtoReflect.Descriptor instead.
func (*OpenFileResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{59}
}

func (x *OpenFileResponse) GetFile() uint64 {
	if x != nil {
		return x.File
	}
	return 0
}

type CloseFileRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	File          uint64                 `protobuf:"varint,1,opt,name=file,proto3" json:"file,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CloseFileRequest) Reset() {
	*x = CloseFileRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[60]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CloseFileRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CloseFileRequest) ProtoMessage() {}

func (x *CloseFileRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[60]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CloseFileRequest.ProtoReflect.Descriptor instead.
func (*CloseFileRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{60}
}

func (x *CloseFileRequest) GetFile() uint64 {
	if x != nil {
		return x.File
	}
	return 0
}

type CloseFileResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CloseFileResponse) Reset() {
	*x = CloseFileResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[61]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CloseFileResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CloseFileResponse) ProtoMessage() {}

func (x *CloseFileResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[61]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CloseFileResponse.ProtoReflect.Descriptor instead.
func (*CloseFileResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{61}
}

type TruncateFileRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// A file of OpenFile.
	File uint64 `protobuf:"varint,1,opt,name=file,proto3" json:"file,omitempty"`
	// The new size.
	SizeBytes     uint64 `protobuf:"varint,2,opt,name=size_bytes,json=sizeBytes,proto3" json:"size_bytes,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *TruncateFileRequest) Reset() {
	*x = TruncateFileRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[62]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *TruncateFileRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*TruncateFileRequest) ProtoMessage() {}

func (x *TruncateFileRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[62]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use TruncateFileRequest.ProtoReflect.Descriptor instead.
func (*TruncateFileRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{62}
}

func (x *TruncateFileRequest) GetFile() uint64 {
	if x != nil {
		return x.File
	}
	return 0
}

func (x *TruncateFileRequest) GetSizeBytes() uint64 {
	if x != nil {
		return x.SizeBytes
	}
	return 0
}

type TruncateFileResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *TruncateFileResponse) Reset() {
	*x = TruncateFileResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[63]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *TruncateFileResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*TruncateFileResponse) ProtoMessage() {}

func (x *TruncateFileResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[63]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use TruncateFileResponse.ProtoReflect.Descriptor instead.
func (*TruncateFileResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{63}
}

func (x *TruncateFileResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *TruncateFileResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type AllocateFileRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// A file of OpenFile.
	File uint64 `protobuf:"varint,1,opt,name=file,proto3" json:"file,omitempty"`
	// FALLOC_FL_*: 0, KEEP_SIZE, or PUNCH_HOLE with KEEP_SIZE.
	Mode uint32 `protobuf:"varint,2,opt,name=mode,proto3" json:"mode,omitempty"`
	// In bytes, as `length`.
	Offset        uint64 `protobuf:"varint,3,opt,name=offset,proto3" json:"offset,omitempty"`
	Length        uint64 `protobuf:"varint,4,opt,name=length,proto3" json:"length,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *AllocateFileRequest) Reset() {
	*x = AllocateFileRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[64]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *AllocateFileRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*AllocateFileRequest) ProtoMessage() {}

func (x *AllocateFileRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[64]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use AllocateFileRequest.ProtoReflect.Descriptor instead.
func (*AllocateFileRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{64}
}

func (x *AllocateFileRequest) GetFile() uint64 {
	if x != nil {
		return x.File
	}
	return 0
}

func (x *AllocateFileRequest) GetMode() uint32 {
	if x != nil {
		return x.Mode
	}
	return 0
}

func (x *AllocateFileRequest) GetOffset() uint64 {
	if x != nil {
		return x.Offset
	}
	return 0
}

func (x *AllocateFileRequest) GetLength() uint64 {
	if x != nil {
		return x.Length
	}
	return 0
}

type AllocateFileResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	ErrnoCode     int32                  `protobuf:"varint,1,opt,name=errno_code,json=errnoCode,proto3" json:"errno_code,omitempty"`
	ErrnoName     string                 `protobuf:"bytes,2,opt,name=errno_name,json=errnoName,proto3" json:"errno_name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *AllocateFileResponse) Reset() {
	*x = AllocateFileResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[65]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *AllocateFileResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*AllocateFileResponse) ProtoMessage() {}

func (x *AllocateFileResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[65]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use AllocateFileResponse.ProtoReflect.Descriptor instead.
func (*AllocateFileResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{65}
}

func (x *AllocateFileResponse) GetErrnoCode() int32 {
	if x != nil {
		return x.ErrnoCode
	}
	return 0
}

func (x *AllocateFileResponse) GetErrnoName() string {
	if x != nil {
		return x.ErrnoName
	}
	return ""
}

type ApplyRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// A block, in the format at the head of this file.
	Block         []byte `protobuf:"bytes,1,opt,name=block,proto3" json:"block,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ApplyRequest) Reset() {
	*x = ApplyRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[66]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ApplyRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ApplyRequest) ProtoMessage() {}

func (x *ApplyRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[66]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ApplyRequest.ProtoReflect.Descriptor instead.
func (*ApplyRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{66}
}

func (x *ApplyRequest) GetBlock() []byte {
	if x != nil {
		return x.Block
	}
	return nil
}

type ApplyResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// 16 bytes for each record that was executed.
	Results       []byte `protobuf:"bytes,1,opt,name=results,proto3" json:"results,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ApplyResponse) Reset() {
	*x = ApplyResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[67]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ApplyResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ApplyResponse) ProtoMessage() {}

func (x *ApplyResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[67]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ApplyResponse.ProtoReflect.Descriptor instead.
func (*ApplyResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{67}
}

func (x *ApplyResponse) GetResults() []byte {
	if x != nil {
		return x.Results
	}
	return nil
}

type BatchRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// A block, in the format at the head of this file.
	Block []byte `protobuf:"bytes,1,opt,name=block,proto3" json:"block,omitempty"`
	// Comes back in the answer.
	Tag uint64 `protobuf:"varint,2,opt,name=tag,proto3" json:"tag,omitempty"`
	// Answer only with the results of records that failed or ended in a signal (status is not 0):
	// for load, whose words and addresses nobody looks at. Half of a stream's cost is its answers.
	FailedOnly    bool `protobuf:"varint,3,opt,name=failed_only,json=failedOnly,proto3" json:"failed_only,omitempty"`
	Timed         bool `protobuf:"varint,4,opt,name=timed,proto3" json:"timed,omitempty"` // answer with `times` too
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *BatchRequest) Reset() {
	*x = BatchRequest{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[68]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *BatchRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*BatchRequest) ProtoMessage() {}

func (x *BatchRequest) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[68]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use BatchRequest.ProtoReflect.Descriptor instead.
func (*BatchRequest) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{68}
}

func (x *BatchRequest) GetBlock() []byte {
	if x != nil {
		return x.Block
	}
	return nil
}

func (x *BatchRequest) GetTag() uint64 {
	if x != nil {
		return x.Tag
	}
	return 0
}

func (x *BatchRequest) GetFailedOnly() bool {
	if x != nil {
		return x.FailedOnly
	}
	return false
}

func (x *BatchRequest) GetTimed() bool {
	if x != nil {
		return x.Timed
	}
	return false
}

// Where a block's time went since the worker read it, which it does when it has answered the one before.
type BlockTimes struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	TurnNs        uint64                 `protobuf:"varint,1,opt,name=turn_ns,json=turnNs,proto3" json:"turn_ns,omitempty"`          // it waited among the streams
	HandlerNs     uint64                 `protobuf:"varint,2,opt,name=handler_ns,json=handlerNs,proto3" json:"handler_ns,omitempty"` // around the core
	CoreNs        uint64                 `protobuf:"varint,3,opt,name=core_ns,json=coreNs,proto3" json:"core_ns,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *BlockTimes) Reset() {
	*x = BlockTimes{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[69]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *BlockTimes) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*BlockTimes) ProtoMessage() {}

func (x *BlockTimes) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[69]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use BlockTimes.ProtoReflect.Descriptor instead.
func (*BlockTimes) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{69}
}

func (x *BlockTimes) GetTurnNs() uint64 {
	if x != nil {
		return x.TurnNs
	}
	return 0
}

func (x *BlockTimes) GetHandlerNs() uint64 {
	if x != nil {
		return x.HandlerNs
	}
	return 0
}

func (x *BlockTimes) GetCoreNs() uint64 {
	if x != nil {
		return x.CoreNs
	}
	return 0
}

type BatchResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// 16 bytes for each record that was executed; with failed_only for each of `failed`.
	Results  []byte `protobuf:"bytes,1,opt,name=results,proto3" json:"results,omitempty"`
	Tag      uint64 `protobuf:"varint,2,opt,name=tag,proto3" json:"tag,omitempty"`
	Executed uint64 `protobuf:"varint,3,opt,name=executed,proto3" json:"executed,omitempty"` // with failed_only: how many records were executed
	// With failed_only: which of them failed, counted from 0, in ascending order.
	Failed        []uint32    `protobuf:"varint,4,rep,packed,name=failed,proto3" json:"failed,omitempty"`
	Times         *BlockTimes `protobuf:"bytes,5,opt,name=times,proto3" json:"times,omitempty"` // only if the request said `timed`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *BatchResponse) Reset() {
	*x = BatchResponse{}
	mi := &file_vmalab_v1_memory_proto_msgTypes[70]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *BatchResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*BatchResponse) ProtoMessage() {}

func (x *BatchResponse) ProtoReflect() protoreflect.Message {
	mi := &file_vmalab_v1_memory_proto_msgTypes[70]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use BatchResponse.ProtoReflect.Descriptor instead.
func (*BatchResponse) Descriptor() ([]byte, []int) {
	return file_vmalab_v1_memory_proto_rawDescGZIP(), []int{70}
}

func (x *BatchResponse) GetResults() []byte {
	if x != nil {
		return x.Results
	}
	return nil
}

func (x *BatchResponse) GetTag() uint64 {
	if x != nil {
		return x.Tag
	}
	return 0
}

func (x *BatchResponse) GetExecuted() uint64 {
	if x != nil {
		return x.Executed
	}
	return 0
}

func (x *BatchResponse) GetFailed() []uint32 {
	if x != nil {
		return x.Failed
	}
	return nil
}

func (x *BatchResponse) GetTimes() *BlockTimes {
	if x != nil {
		return x.Times
	}
	return nil
}

var File_vmalab_v1_memory_proto protoreflect.FileDescriptor

const file_vmalab_v1_memory_proto_rawDesc = "" +
	"\n" +
	"\x16vmalab/v1/memory.proto\x12\tvmalab.v1\x1a\x15vmalab/v1/pkeys.proto\"\xc1\x01\n" +
	"\x19CreateAddressSpaceRequest\x12\x1b\n" +
	"\tmmap_base\x18\x01 \x01(\x04R\bmmapBase\x12\x1b\n" +
	"\tstart_brk\x18\x02 \x01(\x04R\bstartBrk\x12\x10\n" +
	"\x03brk\x18\x03 \x01(\x04R\x03brk\x12\x12\n" +
	"\x04maps\x18\x04 \x01(\tR\x04maps\x12\x15\n" +
	"\x06ttl_ms\x18\x05 \x01(\rR\x05ttlMs\x12-\n" +
	"\x05setup\x18\x06 \x01(\v2\x17.vmalab.v1.ProcessSetupR\x05setup\"\xcd\x04\n" +
	"\fProcessSetup\x12)\n" +
	"\x0eas_limit_bytes\x18\x01 \x01(\x04H\x00R\fasLimitBytes\x88\x01\x01\x12-\n" +
	"\x10data_limit_bytes\x18\x02 \x01(\x04H\x01R\x0edataLimitBytes\x88\x01\x01\x123\n" +
	"\x13memlock_limit_bytes\x18\x03 \x01(\x04H\x02R\x11memlockLimitBytes\x88\x01\x01\x12*\n" +
	"\x11stack_limit_bytes\x18\x04 \x01(\x04R\x0fstackLimitBytes\x12$\n" +
	"\x0elacks_ipc_lock\x18\x05 \x01(\bR\flacksIpcLock\x12&\n" +
	"\x0flacks_sys_rawio\x18\x06 \x01(\bR\rlacksSysRawio\x12&\n" +
	"\x0flacks_sys_admin\x18\a \x01(\bR\rlacksSysAdmin\x12(\n" +
	"\x10lacks_anon_names\x18\b \x01(\bR\x0elacksAnonNames\x12#\n" +
	"\n" +
	"overcommit\x18\t \x01(\rH\x03R\n" +
	"overcommit\x88\x01\x01\x12,\n" +
	"\x12commit_limit_pages\x18\n" +
	" \x01(\x04R\x10commitLimitPages\x12,\n" +
	"\x0fprotection_keys\x18\v \x01(\bH\x04R\x0eprotectionKeys\x88\x01\x01B\x11\n" +
	"\x0f_as_limit_bytesB\x13\n" +
	"\x11_data_limit_bytesB\x16\n" +
	"\x14_memlock_limit_bytesB\r\n" +
	"\v_overcommitB\x12\n" +
	"\x10_protection_keys\",\n" +
	"\x1aCreateAddressSpaceResponse\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\"o\n" +
	"\vHoldRequest\x12\x10\n" +
	"\x03add\x18\x01 \x03(\x04R\x03add\x12\x12\n" +
	"\x04drop\x18\x02 \x03(\x04R\x04drop\x12\x1b\n" +
	"\tadd_files\x18\x03 \x03(\x04R\baddFiles\x12\x1d\n" +
	"\n" +
	"drop_files\x18\x04 \x03(\x04R\tdropFiles\"\x96\x01\n" +
	"\fHoldResponse\x12\x1d\n" +
	"\n" +
	"held_count\x18\x01 \x01(\rR\theldCount\x12\x18\n" +
	"\amissing\x18\x02 \x03(\x04R\amissing\x12(\n" +
	"\x10held_files_count\x18\x03 \x01(\rR\x0eheldFilesCount\x12#\n" +
	"\rmissing_files\x18\x04 \x03(\x04R\fmissingFiles\"Q\n" +
	"\x10KeepAliveRequest\x12\x10\n" +
	"\x03mms\x18\x01 \x03(\x04R\x03mms\x12\x15\n" +
	"\x06ttl_ms\x18\x02 \x01(\rR\x05ttlMs\x12\x14\n" +
	"\x05files\x18\x03 \x03(\x04R\x05files\"R\n" +
	"\x11KeepAliveResponse\x12\x18\n" +
	"\amissing\x18\x01 \x03(\x04R\amissing\x12#\n" +
	"\rmissing_files\x18\x02 \x03(\x04R\fmissingFiles\"*\n" +
	"\x18ShareAddressSpaceRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\"\x1b\n" +
	"\x19ShareAddressSpaceResponse\"&\n" +
	"\x10ShareFileRequest\x12\x12\n" +
	"\x04file\x18\x01 \x01(\x04R\x04file\"\x13\n" +
	"\x11ShareFileResponse\"b\n" +
	"\x17ForkAddressSpaceRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x15\n" +
	"\x06ttl_ms\x18\x02 \x01(\rR\x05ttlMs\x12\x17\n" +
	"\x04pkru\x18\x03 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"h\n" +
	"\x18ForkAddressSpaceResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x0e\n" +
	"\x02mm\x18\x03 \x01(\x04R\x02mm\"\xac\x01\n" +
	"\vExecRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x1b\n" +
	"\tmmap_base\x18\x02 \x01(\x04R\bmmapBase\x12\x1b\n" +
	"\tstart_brk\x18\x03 \x01(\x04R\bstartBrk\x12\x10\n" +
	"\x03brk\x18\x04 \x01(\x04R\x03brk\x12\x12\n" +
	"\x04maps\x18\x05 \x01(\tR\x04maps\x12\x15\n" +
	"\x06ttl_ms\x18\x06 \x01(\rR\x05ttlMs\x12\x16\n" +
	"\x06shared\x18\a \x01(\bR\x06shared\"\\\n" +
	"\fExecResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x0e\n" +
	"\x02mm\x18\x03 \x01(\x04R\x02mm\"\x1d\n" +
	"\vExitRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\"\x0e\n" +
	"\fExitResponse\"\xde\x01\n" +
	"\vMmapRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x12\n" +
	"\x04prot\x18\x04 \x01(\rR\x04prot\x12\x14\n" +
	"\x05flags\x18\x05 \x01(\rR\x05flags\x12\x12\n" +
	"\x04file\x18\x06 \x01(\x04R\x04file\x12\x16\n" +
	"\x06offset\x18\a \x01(\x04R\x06offset\x12\x1b\n" +
	"\tfile_mode\x18\b \x01(\rR\bfileMode\x12\x17\n" +
	"\x04pkru\x18\t \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"\x82\x01\n" +
	"\fMmapResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x12\n" +
	"\x04addr\x18\x03 \x01(\x04R\x04addr\x12\x17\n" +
	"\x04pkru\x18\x04 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"K\n" +
	"\rMunmapRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\"N\n" +
	"\x0eMunmapResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"\x83\x01\n" +
	"\x0fMprotectRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x12\n" +
	"\x04prot\x18\x04 \x01(\rR\x04prot\x12\x17\n" +
	"\x04pkru\x18\x05 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"r\n" +
	"\x10MprotectResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x17\n" +
	"\x04pkru\x18\x03 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"\xc4\x01\n" +
	"\rMremapRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x1d\n" +
	"\n" +
	"old_length\x18\x03 \x01(\x04R\toldLength\x12\x1d\n" +
	"\n" +
	"new_length\x18\x04 \x01(\x04R\tnewLength\x12\x14\n" +
	"\x05flags\x18\x05 \x01(\rR\x05flags\x12\x19\n" +
	"\bnew_addr\x18\x06 \x01(\x04R\anewAddr\x12\x17\n" +
	"\x04pkru\x18\a \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"b\n" +
	"\x0eMremapResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x12\n" +
	"\x04addr\x18\x03 \x01(\x04R\x04addr\"\x86\x01\n" +
	"\x0eMadviseRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x16\n" +
	"\x06advice\x18\x04 \x01(\rR\x06advice\x12\x17\n" +
	"\x04pkru\x18\x05 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"O\n" +
	"\x0fMadviseResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"L\n" +
	"\x0eMincoreRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\"g\n" +
	"\x0fMincoreResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x16\n" +
	"\x06vector\x18\x03 \x01(\fR\x06vector\"R\n" +
	"\n" +
	"BrkRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x17\n" +
	"\x04pkru\x18\x03 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"]\n" +
	"\vBrkResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x10\n" +
	"\x03brk\x18\x03 \x01(\x04R\x03brk\"\xa1\x01\n" +
	"\fFaultRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12)\n" +
	"\x06access\x18\x03 \x01(\x0e2\x11.vmalab.v1.AccessR\x06access\x12\x17\n" +
	"\x04word\x18\x04 \x01(\x04H\x00R\x04word\x88\x01\x01\x12\x17\n" +
	"\x04pkru\x18\x05 \x01(\rH\x01R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_wordB\a\n" +
	"\x05_pkru\"\x8f\x02\n" +
	"\rFaultResponse\x12\x16\n" +
	"\x06signal\x18\x01 \x01(\x05R\x06signal\x12\x17\n" +
	"\asi_code\x18\x02 \x01(\x05R\x06siCode\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x03 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x04 \x01(\tR\terrnoName\x12\x12\n" +
	"\x04word\x18\x05 \x01(\x04R\x04word\x12\x12\n" +
	"\x04info\x18\x06 \x01(\rR\x04info\x12\x1c\n" +
	"\tuserfault\x18\a \x01(\bR\tuserfault\x12'\n" +
	"\x0fuserfault_flags\x18\b \x01(\rR\x0euserfaultFlags\x12\x17\n" +
	"\x04pkey\x18\t \x01(\rH\x00R\x04pkey\x88\x01\x01B\a\n" +
	"\x05_pkey\"\x85\x01\n" +
	"\x0fUffdMoveRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x10\n" +
	"\x03dst\x18\x02 \x01(\x04R\x03dst\x12\x10\n" +
	"\x03src\x18\x03 \x01(\x04R\x03src\x12\x16\n" +
	"\x06length\x18\x04 \x01(\x04R\x06length\x12\x12\n" +
	"\x04mode\x18\x05 \x01(\x04R\x04mode\x12\x12\n" +
	"\x04uffd\x18\x06 \x01(\x04R\x04uffd\"f\n" +
	"\x10UffdMoveResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x14\n" +
	"\x05moved\x18\x03 \x01(\x04R\x05moved\"c\n" +
	"\x11SetVmaNameRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x12\n" +
	"\x04name\x18\x04 \x01(\fR\x04name\"R\n" +
	"\x12SetVmaNameResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"\x82\x01\n" +
	"\fMlockRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x14\n" +
	"\x05flags\x18\x04 \x01(\rR\x05flags\x12\x17\n" +
	"\x04pkru\x18\x05 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"M\n" +
	"\rMlockResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"L\n" +
	"\x0eMunlockRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\"O\n" +
	"\x0fMunlockResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"Y\n" +
	"\x0fMlockallRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x14\n" +
	"\x05flags\x18\x02 \x01(\rR\x05flags\x12\x17\n" +
	"\x04pkru\x18\x03 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"P\n" +
	"\x10MlockallResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"#\n" +
	"\x11MunlockallRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\"R\n" +
	"\x12MunlockallResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"`\n" +
	"\fMsyncRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x14\n" +
	"\x05flags\x18\x04 \x01(\rR\x05flags\"M\n" +
	"\rMsyncResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"`\n" +
	"\fMsealRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x03 \x01(\x04R\x06length\x12\x14\n" +
	"\x05flags\x18\x04 \x01(\rR\x05flags\"M\n" +
	"\rMsealResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"\xb1\x01\n" +
	"\x15RemapFilePagesRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x12\n" +
	"\x04addr\x18\x02 \x01(\x04R\x04addr\x12\x12\n" +
	"\x04size\x18\x03 \x01(\x04R\x04size\x12\x12\n" +
	"\x04prot\x18\x04 \x01(\x04R\x04prot\x12\x14\n" +
	"\x05pgoff\x18\x05 \x01(\x04R\x05pgoff\x12\x14\n" +
	"\x05flags\x18\x06 \x01(\x04R\x05flags\x12\x17\n" +
	"\x04pkru\x18\a \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"V\n" +
	"\x16RemapFilePagesResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"f\n" +
	"\x10SetRlimitRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x1a\n" +
	"\bresource\x18\x02 \x01(\rR\bresource\x12\x12\n" +
	"\x04soft\x18\x03 \x01(\x04R\x04soft\x12\x12\n" +
	"\x04hard\x18\x04 \x01(\x04R\x04hard\"Q\n" +
	"\x11SetRlimitResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"V\n" +
	"\x14SetThpDisableRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12\x18\n" +
	"\adisable\x18\x02 \x01(\x04R\adisable\x12\x14\n" +
	"\x05flags\x18\x03 \x01(\x04R\x05flags\"U\n" +
	"\x15SetThpDisableResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"9\n" +
	"\vMemoryRange\x12\x12\n" +
	"\x04addr\x18\x01 \x01(\x04R\x04addr\x12\x16\n" +
	"\x06length\x18\x02 \x01(\x04R\x06length\"\xa9\x01\n" +
	"\x15ProcessMadviseRequest\x12\x0e\n" +
	"\x02mm\x18\x01 \x01(\x04R\x02mm\x12.\n" +
	"\x06ranges\x18\x02 \x03(\v2\x16.vmalab.v1.MemoryRangeR\x06ranges\x12\x16\n" +
	"\x06advice\x18\x03 \x01(\rR\x06advice\x12\x16\n" +
	"\x06remote\x18\x04 \x01(\bR\x06remote\x12\x17\n" +
	"\x04pkru\x18\x05 \x01(\rH\x00R\x04pkru\x88\x01\x01B\a\n" +
	"\x05_pkru\"p\n" +
	"\x16ProcessMadviseResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\x12\x18\n" +
	"\aadvised\x18\x03 \x01(\x04R\aadvised\"\xa7\x01\n" +
	"\x0fOpenFileRequest\x12\x1b\n" +
	"\tdev_major\x18\x01 \x01(\rR\bdevMajor\x12\x1b\n" +
	"\tdev_minor\x18\x02 \x01(\rR\bdevMinor\x12\x10\n" +
	"\x03ino\x18\x03 \x01(\x04R\x03ino\x12\x1d\n" +
	"\n" +
	"size_bytes\x18\x04 \x01(\x04R\tsizeBytes\x12\x12\n" +
	"\x04name\x18\x05 \x01(\tR\x04name\x12\x15\n" +
	"\x06ttl_ms\x18\x06 \x01(\rR\x05ttlMs\"&\n" +
	"\x10OpenFileResponse\x12\x12\n" +
	"\x04file\x18\x01 \x01(\x04R\x04file\"&\n" +
	"\x10CloseFileRequest\x12\x12\n" +
	"\x04file\x18\x01 \x01(\x04R\x04file\"\x13\n" +
	"\x11CloseFileResponse\"H\n" +
	"\x13TruncateFileRequest\x12\x12\n" +
	"\x04file\x18\x01 \x01(\x04R\x04file\x12\x1d\n" +
	"\n" +
	"size_bytes\x18\x02 \x01(\x04R\tsizeBytes\"T\n" +
	"\x14TruncateFileResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"m\n" +
	"\x13AllocateFileRequest\x12\x12\n" +
	"\x04file\x18\x01 \x01(\x04R\x04file\x12\x12\n" +
	"\x04mode\x18\x02 \x01(\rR\x04mode\x12\x16\n" +
	"\x06offset\x18\x03 \x01(\x04R\x06offset\x12\x16\n" +
	"\x06length\x18\x04 \x01(\x04R\x06length\"T\n" +
	"\x14AllocateFileResponse\x12\x1d\n" +
	"\n" +
	"errno_code\x18\x01 \x01(\x05R\terrnoCode\x12\x1d\n" +
	"\n" +
	"errno_name\x18\x02 \x01(\tR\terrnoName\"$\n" +
	"\fApplyRequest\x12\x14\n" +
	"\x05block\x18\x01 \x01(\fR\x05block\")\n" +
	"\rApplyResponse\x12\x18\n" +
	"\aresults\x18\x01 \x01(\fR\aresults\"m\n" +
	"\fBatchRequest\x12\x14\n" +
	"\x05block\x18\x01 \x01(\fR\x05block\x12\x10\n" +
	"\x03tag\x18\x02 \x01(\x04R\x03tag\x12\x1f\n" +
	"\vfailed_only\x18\x03 \x01(\bR\n" +
	"failedOnly\x12\x14\n" +
	"\x05timed\x18\x04 \x01(\bR\x05timed\"]\n" +
	"\n" +
	"BlockTimes\x12\x17\n" +
	"\aturn_ns\x18\x01 \x01(\x04R\x06turnNs\x12\x1d\n" +
	"\n" +
	"handler_ns\x18\x02 \x01(\x04R\thandlerNs\x12\x17\n" +
	"\acore_ns\x18\x03 \x01(\x04R\x06coreNs\"\x9c\x01\n" +
	"\rBatchResponse\x12\x18\n" +
	"\aresults\x18\x01 \x01(\fR\aresults\x12\x10\n" +
	"\x03tag\x18\x02 \x01(\x04R\x03tag\x12\x1a\n" +
	"\bexecuted\x18\x03 \x01(\x04R\bexecuted\x12\x16\n" +
	"\x06failed\x18\x04 \x03(\rR\x06failed\x12+\n" +
	"\x05times\x18\x05 \x01(\v2\x15.vmalab.v1.BlockTimesR\x05times*T\n" +
	"\x06Access\x12\x16\n" +
	"\x12ACCESS_UNSPECIFIED\x10\x00\x12\x0f\n" +
	"\vACCESS_READ\x10\x01\x12\x10\n" +
	"\fACCESS_WRITE\x10\x02\x12\x0f\n" +
	"\vACCESS_EXEC\x10\x032\xc9\x14\n" +
	"\rMemoryService\x12a\n" +
	"\x12CreateAddressSpace\x12$.vmalab.v1.CreateAddressSpaceRequest\x1a%.vmalab.v1.CreateAddressSpaceResponse\x12;\n" +
	"\x04Hold\x12\x16.vmalab.v1.HoldRequest\x1a\x17.vmalab.v1.HoldResponse(\x010\x01\x12F\n" +
	"\tKeepAlive\x12\x1b.vmalab.v1.KeepAliveRequest\x1a\x1c.vmalab.v1.KeepAliveResponse\x12[\n" +
	"\x10ForkAddressSpace\x12\".vmalab.v1.ForkAddressSpaceRequest\x1a#.vmalab.v1.ForkAddressSpaceResponse\x127\n" +
	"\x04Exec\x12\x16.vmalab.v1.ExecRequest\x1a\x17.vmalab.v1.ExecResponse\x127\n" +
	"\x04Exit\x12\x16.vmalab.v1.ExitRequest\x1a\x17.vmalab.v1.ExitResponse\x127\n" +
	"\x04Mmap\x12\x16.vmalab.v1.MmapRequest\x1a\x17.vmalab.v1.MmapResponse\x12=\n" +
	"\x06Munmap\x12\x18.vmalab.v1.MunmapRequest\x1a\x19.vmalab.v1.MunmapResponse\x12C\n" +
	"\bMprotect\x12\x1a.vmalab.v1.MprotectRequest\x1a\x1b.vmalab.v1.MprotectResponse\x12=\n" +
	"\x06Mremap\x12\x18.vmalab.v1.MremapRequest\x1a\x19.vmalab.v1.MremapResponse\x12@\n" +
	"\aMadvise\x12\x19.vmalab.v1.MadviseRequest\x1a\x1a.vmalab.v1.MadviseResponse\x12@\n" +
	"\aMincore\x12\x19.vmalab.v1.MincoreRequest\x1a\x1a.vmalab.v1.MincoreResponse\x124\n" +
	"\x03Brk\x12\x15.vmalab.v1.BrkRequest\x1a\x16.vmalab.v1.BrkResponse\x12:\n" +
	"\x05Fault\x12\x17.vmalab.v1.FaultRequest\x1a\x18.vmalab.v1.FaultResponse\x12C\n" +
	"\bUffdMove\x12\x1a.vmalab.v1.UffdMoveRequest\x1a\x1b.vmalab.v1.UffdMoveResponse\x12I\n" +
	"\n" +
	"SetVmaName\x12\x1c.vmalab.v1.SetVmaNameRequest\x1a\x1d.vmalab.v1.SetVmaNameResponse\x12:\n" +
	"\x05Mlock\x12\x17.vmalab.v1.MlockRequest\x1a\x18.vmalab.v1.MlockResponse\x12@\n" +
	"\aMunlock\x12\x19.vmalab.v1.MunlockRequest\x1a\x1a.vmalab.v1.MunlockResponse\x12C\n" +
	"\bMlockall\x12\x1a.vmalab.v1.MlockallRequest\x1a\x1b.vmalab.v1.MlockallResponse\x12I\n" +
	"\n" +
	"Munlockall\x12\x1c.vmalab.v1.MunlockallRequest\x1a\x1d.vmalab.v1.MunlockallResponse\x12:\n" +
	"\x05Msync\x12\x17.vmalab.v1.MsyncRequest\x1a\x18.vmalab.v1.MsyncResponse\x12:\n" +
	"\x05Mseal\x12\x17.vmalab.v1.MsealRequest\x1a\x18.vmalab.v1.MsealResponse\x12U\n" +
	"\x0eRemapFilePages\x12 .vmalab.v1.RemapFilePagesRequest\x1a!.vmalab.v1.RemapFilePagesResponse\x12O\n" +
	"\fPkeyMprotect\x12\x1e.vmalab.v1.PkeyMprotectRequest\x1a\x1f.vmalab.v1.PkeyMprotectResponse\x12F\n" +
	"\tPkeyAlloc\x12\x1b.vmalab.v1.PkeyAllocRequest\x1a\x1c.vmalab.v1.PkeyAllocResponse\x12C\n" +
	"\bPkeyFree\x12\x1a.vmalab.v1.PkeyFreeRequest\x1a\x1b.vmalab.v1.PkeyFreeResponse\x12F\n" +
	"\tSetRlimit\x12\x1b.vmalab.v1.SetRlimitRequest\x1a\x1c.vmalab.v1.SetRlimitResponse\x12R\n" +
	"\rSetThpDisable\x12\x1f.vmalab.v1.SetThpDisableRequest\x1a .vmalab.v1.SetThpDisableResponse\x12U\n" +
	"\x0eProcessMadvise\x12 .vmalab.v1.ProcessMadviseRequest\x1a!.vmalab.v1.ProcessMadviseResponse\x12^\n" +
	"\x11ShareAddressSpace\x12#.vmalab.v1.ShareAddressSpaceRequest\x1a$.vmalab.v1.ShareAddressSpaceResponse\x12F\n" +
	"\tShareFile\x12\x1b.vmalab.v1.ShareFileRequest\x1a\x1c.vmalab.v1.ShareFileResponse\x12C\n" +
	"\bOpenFile\x12\x1a.vmalab.v1.OpenFileRequest\x1a\x1b.vmalab.v1.OpenFileResponse\x12F\n" +
	"\tCloseFile\x12\x1b.vmalab.v1.CloseFileRequest\x1a\x1c.vmalab.v1.CloseFileResponse\x12O\n" +
	"\fTruncateFile\x12\x1e.vmalab.v1.TruncateFileRequest\x1a\x1f.vmalab.v1.TruncateFileResponse\x12O\n" +
	"\fAllocateFile\x12\x1e.vmalab.v1.AllocateFileRequest\x1a\x1f.vmalab.v1.AllocateFileResponse\x12:\n" +
	"\x05Apply\x12\x17.vmalab.v1.ApplyRequest\x1a\x18.vmalab.v1.ApplyResponse\x12>\n" +
	"\x05Batch\x12\x17.vmalab.v1.BatchRequest\x1a\x18.vmalab.v1.BatchResponse(\x010\x01B>\n" +
	"\rdev.vmalab.v1P\x01Z\x1fvmalab.dev/go/vmalabpb;vmalabpb\xaa\x02\tVmalab.V1P\x00b\x06proto3"

var (
	file_vmalab_v1_memory_proto_rawDescOnce sync.Once
	file_vmalab_v1_memory_proto_rawDescData []byte
)

func file_vmalab_v1_memory_proto_rawDescGZIP() []byte {
	file_vmalab_v1_memory_proto_rawDescOnce.Do(func() {
		file_vmalab_v1_memory_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_vmalab_v1_memory_proto_rawDesc), len(file_vmalab_v1_memory_proto_rawDesc)))
	})
	return file_vmalab_v1_memory_proto_rawDescData
}

var file_vmalab_v1_memory_proto_enumTypes = make([]protoimpl.EnumInfo, 1)
var file_vmalab_v1_memory_proto_msgTypes = make([]protoimpl.MessageInfo, 71)
var file_vmalab_v1_memory_proto_goTypes = []any{
	(Access)(0),                        // 0: vmalab.v1.Access
	(*CreateAddressSpaceRequest)(nil),  // 1: vmalab.v1.CreateAddressSpaceRequest
	(*ProcessSetup)(nil),               // 2: vmalab.v1.ProcessSetup
	(*CreateAddressSpaceResponse)(nil), // 3: vmalab.v1.CreateAddressSpaceResponse
	(*HoldRequest)(nil),                // 4: vmalab.v1.HoldRequest
	(*HoldResponse)(nil),               // 5: vmalab.v1.HoldResponse
	(*KeepAliveRequest)(nil),           // 6: vmalab.v1.KeepAliveRequest
	(*KeepAliveResponse)(nil),          // 7: vmalab.v1.KeepAliveResponse
	(*ShareAddressSpaceRequest)(nil),   // 8: vmalab.v1.ShareAddressSpaceRequest
	(*ShareAddressSpaceResponse)(nil),  // 9: vmalab.v1.ShareAddressSpaceResponse
	(*ShareFileRequest)(nil),           // 10: vmalab.v1.ShareFileRequest
	(*ShareFileResponse)(nil),          // 11: vmalab.v1.ShareFileResponse
	(*ForkAddressSpaceRequest)(nil),    // 12: vmalab.v1.ForkAddressSpaceRequest
	(*ForkAddressSpaceResponse)(nil),   // 13: vmalab.v1.ForkAddressSpaceResponse
	(*ExecRequest)(nil),                // 14: vmalab.v1.ExecRequest
	(*ExecResponse)(nil),               // 15: vmalab.v1.ExecResponse
	(*ExitRequest)(nil),                // 16: vmalab.v1.ExitRequest
	(*ExitResponse)(nil),               // 17: vmalab.v1.ExitResponse
	(*MmapRequest)(nil),                // 18: vmalab.v1.MmapRequest
	(*MmapResponse)(nil),               // 19: vmalab.v1.MmapResponse
	(*MunmapRequest)(nil),              // 20: vmalab.v1.MunmapRequest
	(*MunmapResponse)(nil),             // 21: vmalab.v1.MunmapResponse
	(*MprotectRequest)(nil),            // 22: vmalab.v1.MprotectRequest
	(*MprotectResponse)(nil),           // 23: vmalab.v1.MprotectResponse
	(*MremapRequest)(nil),              // 24: vmalab.v1.MremapRequest
	(*MremapResponse)(nil),             // 25: vmalab.v1.MremapResponse
	(*MadviseRequest)(nil),             // 26: vmalab.v1.MadviseRequest
	(*MadviseResponse)(nil),            // 27: vmalab.v1.MadviseResponse
	(*MincoreRequest)(nil),             // 28: vmalab.v1.MincoreRequest
	(*MincoreResponse)(nil),            // 29: vmalab.v1.MincoreResponse
	(*BrkRequest)(nil),                 // 30: vmalab.v1.BrkRequest
	(*BrkResponse)(nil),                // 31: vmalab.v1.BrkResponse
	(*FaultRequest)(nil),               // 32: vmalab.v1.FaultRequest
	(*FaultResponse)(nil),              // 33: vmalab.v1.FaultResponse
	(*UffdMoveRequest)(nil),            // 34: vmalab.v1.UffdMoveRequest
	(*UffdMoveResponse)(nil),           // 35: vmalab.v1.UffdMoveResponse
	(*SetVmaNameRequest)(nil),          // 36: vmalab.v1.SetVmaNameRequest
	(*SetVmaNameResponse)(nil),         // 37: vmalab.v1.SetVmaNameResponse
	(*MlockRequest)(nil),               // 38: vmalab.v1.MlockRequest
	(*MlockResponse)(nil),              // 39: vmalab.v1.MlockResponse
	(*MunlockRequest)(nil),             // 40: vmalab.v1.MunlockRequest
	(*MunlockResponse)(nil),            // 41: vmalab.v1.MunlockResponse
	(*MlockallRequest)(nil),            // 42: vmalab.v1.MlockallRequest
	(*MlockallResponse)(nil),           // 43: vmalab.v1.MlockallResponse
	(*MunlockallRequest)(nil),          // 44: vmalab.v1.MunlockallRequest
	(*MunlockallResponse)(nil),         // 45: vmalab.v1.MunlockallResponse
	(*MsyncRequest)(nil),               // 46: vmalab.v1.MsyncRequest
	(*MsyncResponse)(nil),              // 47: vmalab.v1.MsyncResponse
	(*MsealRequest)(nil),               // 48: vmalab.v1.MsealRequest
	(*MsealResponse)(nil),              // 49: vmalab.v1.MsealResponse
	(*RemapFilePagesRequest)(nil),      // 50: vmalab.v1.RemapFilePagesRequest
	(*RemapFilePagesResponse)(nil),     // 51: vmalab.v1.RemapFilePagesResponse
	(*SetRlimitRequest)(nil),           // 52: vmalab.v1.SetRlimitRequest
	(*SetRlimitResponse)(nil),          // 53: vmalab.v1.SetRlimitResponse
	(*SetThpDisableRequest)(nil),       // 54: vmalab.v1.SetThpDisableRequest
	(*SetThpDisableResponse)(nil),      // 55: vmalab.v1.SetThpDisableResponse
	(*MemoryRange)(nil),                // 56: vmalab.v1.MemoryRange
	(*ProcessMadviseRequest)(nil),      // 57: vmalab.v1.ProcessMadviseRequest
	(*ProcessMadviseResponse)(nil),     // 58: vmalab.v1.ProcessMadviseResponse
	(*OpenFileRequest)(nil),            // 59: vmalab.v1.OpenFileRequest
	(*OpenFileResponse)(nil),           // 60: vmalab.v1.OpenFileResponse
	(*CloseFileRequest)(nil),           // 61: vmalab.v1.CloseFileRequest
	(*CloseFileResponse)(nil),          // 62: vmalab.v1.CloseFileResponse
	(*TruncateFileRequest)(nil),        // 63: vmalab.v1.TruncateFileRequest
	(*TruncateFileResponse)(nil),       // 64: vmalab.v1.TruncateFileResponse
	(*AllocateFileRequest)(nil),        // 65: vmalab.v1.AllocateFileRequest
	(*AllocateFileResponse)(nil),       // 66: vmalab.v1.AllocateFileResponse
	(*ApplyRequest)(nil),               // 67: vmalab.v1.ApplyRequest
	(*ApplyResponse)(nil),              // 68: vmalab.v1.ApplyResponse
	(*BatchRequest)(nil),               // 69: vmalab.v1.BatchRequest
	(*BlockTimes)(nil),                 // 70: vmalab.v1.BlockTimes
	(*BatchResponse)(nil),              // 71: vmalab.v1.BatchResponse
	(*PkeyMprotectRequest)(nil),        // 72: vmalab.v1.PkeyMprotectRequest
	(*PkeyAllocRequest)(nil),           // 73: vmalab.v1.PkeyAllocRequest
	(*PkeyFreeRequest)(nil),            // 74: vmalab.v1.PkeyFreeRequest
	(*PkeyMprotectResponse)(nil),       // 75: vmalab.v1.PkeyMprotectResponse
	(*PkeyAllocResponse)(nil),          // 76: vmalab.v1.PkeyAllocResponse
	(*PkeyFreeResponse)(nil),           // 77: vmalab.v1.PkeyFreeResponse
}
var file_vmalab_v1_memory_proto_depIdxs = []int32{
	2,  // 0: vmalab.v1.CreateAddressSpaceRequest.setup:type_name -> vmalab.v1.ProcessSetup
	0,  // 1: vmalab.v1.FaultRequest.access:type_name -> vmalab.v1.Access
	56, // 2: vmalab.v1.ProcessMadviseRequest.ranges:type_name -> vmalab.v1.MemoryRange
	70, // 3: vmalab.v1.BatchResponse.times:type_name -> vmalab.v1.BlockTimes
	1,  // 4: vmalab.v1.MemoryService.CreateAddressSpace:input_type -> vmalab.v1.CreateAddressSpaceRequest
	4,  // 5: vmalab.v1.MemoryService.Hold:input_type -> vmalab.v1.HoldRequest
	6,  // 6: vmalab.v1.MemoryService.KeepAlive:input_type -> vmalab.v1.KeepAliveRequest
	12, // 7: vmalab.v1.MemoryService.ForkAddressSpace:input_type -> vmalab.v1.ForkAddressSpaceRequest
	14, // 8: vmalab.v1.MemoryService.Exec:input_type -> vmalab.v1.ExecRequest
	16, // 9: vmalab.v1.MemoryService.Exit:input_type -> vmalab.v1.ExitRequest
	18, // 10: vmalab.v1.MemoryService.Mmap:input_type -> vmalab.v1.MmapRequest
	20, // 11: vmalab.v1.MemoryService.Munmap:input_type -> vmalab.v1.MunmapRequest
	22, // 12: vmalab.v1.MemoryService.Mprotect:input_type -> vmalab.v1.MprotectRequest
	24, // 13: vmalab.v1.MemoryService.Mremap:input_type -> vmalab.v1.MremapRequest
	26, // 14: vmalab.v1.MemoryService.Madvise:input_type -> vmalab.v1.MadviseRequest
	28, // 15: vmalab.v1.MemoryService.Mincore:input_type -> vmalab.v1.MincoreRequest
	30, // 16: vmalab.v1.MemoryService.Brk:input_type -> vmalab.v1.BrkRequest
	32, // 17: vmalab.v1.MemoryService.Fault:input_type -> vmalab.v1.FaultRequest
	34, // 18: vmalab.v1.MemoryService.UffdMove:input_type -> vmalab.v1.UffdMoveRequest
	36, // 19: vmalab.v1.MemoryService.SetVmaName:input_type -> vmalab.v1.SetVmaNameRequest
	38, // 20: vmalab.v1.MemoryService.Mlock:input_type -> vmalab.v1.MlockRequest
	40, // 21: vmalab.v1.MemoryService.Munlock:input_type -> vmalab.v1.MunlockRequest
	42, // 22: vmalab.v1.MemoryService.Mlockall:input_type -> vmalab.v1.MlockallRequest
	44, // 23: vmalab.v1.MemoryService.Munlockall:input_type -> vmalab.v1.MunlockallRequest
	46, // 24: vmalab.v1.MemoryService.Msync:input_type -> vmalab.v1.MsyncRequest
	48, // 25: vmalab.v1.MemoryService.Mseal:input_type -> vmalab.v1.MsealRequest
	50, // 26: vmalab.v1.MemoryService.RemapFilePages:input_type -> vmalab.v1.RemapFilePagesRequest
	72, // 27: vmalab.v1.MemoryService.PkeyMprotect:input_type -> vmalab.v1.PkeyMprotectRequest
	73, // 28: vmalab.v1.MemoryService.PkeyAlloc:input_type -> vmalab.v1.PkeyAllocRequest
	74, // 29: vmalab.v1.MemoryService.PkeyFree:input_type -> vmalab.v1.PkeyFreeRequest
	52, // 30: vmalab.v1.MemoryService.SetRlimit:input_type -> vmalab.v1.SetRlimitRequest
	54, // 31: vmalab.v1.MemoryService.SetThpDisable:input_type -> vmalab.v1.SetThpDisableRequest
	57, // 32: vmalab.v1.MemoryService.ProcessMadvise:input_type -> vmalab.v1.ProcessMadviseRequest
	8,  // 33: vmalab.v1.MemoryService.ShareAddressSpace:input_type -> vmalab.v1.ShareAddressSpaceRequest
	10, // 34: vmalab.v1.MemoryService.ShareFile:input_type -> vmalab.v1.ShareFileRequest
	59, // 35: vmalab.v1.MemoryService.OpenFile:input_type -> vmalab.v1.OpenFileRequest
	61, // 36: vmalab.v1.MemoryService.CloseFile:input_type -> vmalab.v1.CloseFileRequest
	63, // 37: vmalab.v1.MemoryService.TruncateFile:input_type -> vmalab.v1.TruncateFileRequest
	65, // 38: vmalab.v1.MemoryService.AllocateFile:input_type -> vmalab.v1.AllocateFileRequest
	67, // 39: vmalab.v1.MemoryService.Apply:input_type -> vmalab.v1.ApplyRequest
	69, // 40: vmalab.v1.MemoryService.Batch:input_type -> vmalab.v1.BatchRequest
	3,  // 41: vmalab.v1.MemoryService.CreateAddressSpace:output_type -> vmalab.v1.CreateAddressSpaceResponse
	5,  // 42: vmalab.v1.MemoryService.Hold:output_type -> vmalab.v1.HoldResponse
	7,  // 43: vmalab.v1.MemoryService.KeepAlive:output_type -> vmalab.v1.KeepAliveResponse
	13, // 44: vmalab.v1.MemoryService.ForkAddressSpace:output_type -> vmalab.v1.ForkAddressSpaceResponse
	15, // 45: vmalab.v1.MemoryService.Exec:output_type -> vmalab.v1.ExecResponse
	17, // 46: vmalab.v1.MemoryService.Exit:output_type -> vmalab.v1.ExitResponse
	19, // 47: vmalab.v1.MemoryService.Mmap:output_type -> vmalab.v1.MmapResponse
	21, // 48: vmalab.v1.MemoryService.Munmap:output_type -> vmalab.v1.MunmapResponse
	23, // 49: vmalab.v1.MemoryService.Mprotect:output_type -> vmalab.v1.MprotectResponse
	25, // 50: vmalab.v1.MemoryService.Mremap:output_type -> vmalab.v1.MremapResponse
	27, // 51: vmalab.v1.MemoryService.Madvise:output_type -> vmalab.v1.MadviseResponse
	29, // 52: vmalab.v1.MemoryService.Mincore:output_type -> vmalab.v1.MincoreResponse
	31, // 53: vmalab.v1.MemoryService.Brk:output_type -> vmalab.v1.BrkResponse
	33, // 54: vmalab.v1.MemoryService.Fault:output_type -> vmalab.v1.FaultResponse
	35, // 55: vmalab.v1.MemoryService.UffdMove:output_type -> vmalab.v1.UffdMoveResponse
	37, // 56: vmalab.v1.MemoryService.SetVmaName:output_type -> vmalab.v1.SetVmaNameResponse
	39, // 57: vmalab.v1.MemoryService.Mlock:output_type -> vmalab.v1.MlockResponse
	41, // 58: vmalab.v1.MemoryService.Munlock:output_type -> vmalab.v1.MunlockResponse
	43, // 59: vmalab.v1.MemoryService.Mlockall:output_type -> vmalab.v1.MlockallResponse
	45, // 60: vmalab.v1.MemoryService.Munlockall:output_type -> vmalab.v1.MunlockallResponse
	47, // 61: vmalab.v1.MemoryService.Msync:output_type -> vmalab.v1.MsyncResponse
	49, // 62: vmalab.v1.MemoryService.Mseal:output_type -> vmalab.v1.MsealResponse
	51, // 63: vmalab.v1.MemoryService.RemapFilePages:output_type -> vmalab.v1.RemapFilePagesResponse
	75, // 64: vmalab.v1.MemoryService.PkeyMprotect:output_type -> vmalab.v1.PkeyMprotectResponse
	76, // 65: vmalab.v1.MemoryService.PkeyAlloc:output_type -> vmalab.v1.PkeyAllocResponse
	77, // 66: vmalab.v1.MemoryService.PkeyFree:output_type -> vmalab.v1.PkeyFreeResponse
	53, // 67: vmalab.v1.MemoryService.SetRlimit:output_type -> vmalab.v1.SetRlimitResponse
	55, // 68: vmalab.v1.MemoryService.SetThpDisable:output_type -> vmalab.v1.SetThpDisableResponse
	58, // 69: vmalab.v1.MemoryService.ProcessMadvise:output_type -> vmalab.v1.ProcessMadviseResponse
	9,  // 70: vmalab.v1.MemoryService.ShareAddressSpace:output_type -> vmalab.v1.ShareAddressSpaceResponse
	11, // 71: vmalab.v1.MemoryService.ShareFile:output_type -> vmalab.v1.ShareFileResponse
	60, // 72: vmalab.v1.MemoryService.OpenFile:output_type -> vmalab.v1.OpenFileResponse
	62, // 73: vmalab.v1.MemoryService.CloseFile:output_type -> vmalab.v1.CloseFileResponse
	64, // 74: vmalab.v1.MemoryService.TruncateFile:output_type -> vmalab.v1.TruncateFileResponse
	66, // 75: vmalab.v1.MemoryService.AllocateFile:output_type -> vmalab.v1.AllocateFileResponse
	68, // 76: vmalab.v1.MemoryService.Apply:output_type -> vmalab.v1.ApplyResponse
	71, // 77: vmalab.v1.MemoryService.Batch:output_type -> vmalab.v1.BatchResponse
	41, // [41:78] is the sub-list for method output_type
	4,  // [4:41] is the sub-list for method input_type
	4,  // [4:4] is the sub-list for extension type_name
	4,  // [4:4] is the sub-list for extension extendee
	0,  // [0:4] is the sub-list for field type_name
}

func init() { file_vmalab_v1_memory_proto_init() }
func file_vmalab_v1_memory_proto_init() {
	if File_vmalab_v1_memory_proto != nil {
		return
	}
	file_vmalab_v1_pkeys_proto_init()
	file_vmalab_v1_memory_proto_msgTypes[1].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[11].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[17].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[18].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[21].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[22].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[23].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[25].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[29].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[31].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[32].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[37].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[41].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[49].OneofWrappers = []any{}
	file_vmalab_v1_memory_proto_msgTypes[56].OneofWrappers = []any{}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_vmalab_v1_memory_proto_rawDesc), len(file_vmalab_v1_memory_proto_rawDesc)),
			NumEnums:      1,
			NumMessages:   71,
			NumExtensions: 0,
			NumServices:   1,
		},
		GoTypes:           file_vmalab_v1_memory_proto_goTypes,
		DependencyIndexes: file_vmalab_v1_memory_proto_depIdxs,
		EnumInfos:         file_vmalab_v1_memory_proto_enumTypes,
		MessageInfos:      file_vmalab_v1_memory_proto_msgTypes,
	}.Build()
	File_vmalab_v1_memory_proto = out.File
	file_vmalab_v1_memory_proto_goTypes = nil
	file_vmalab_v1_memory_proto_depIdxs = nil
}
