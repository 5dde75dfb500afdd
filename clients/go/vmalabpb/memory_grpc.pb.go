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

// Code generated by protoc-gen-go-grpc. DO NOT EDIT.
// versions:
// - protoc-gen-go-grpc v1.6.2
// - protoc             v7.35.1
// source: vmalab/v1/memory.proto

package vmalabpb

import (
	context "context"
	grpc "google.golang.org/grpc"
	codes "google.golang.org/grpc/codes"
	status "google.golang.org/grpc/status"
)

// This is a compile-time assertion to ensure that this generated file
// is compatible with the grpc package it is being compiled against.
// Requires gRPC-Go v1.64.0 or later.
const _ = grpc.SupportPackageIsVersion9

const (
	MemoryService_CreateAddressSpace_FullMethodName = "/vmalab.v1.MemoryService/CreateAddressSpace"
	MemoryService_Hold_FullMethodName               = "/vmalab.v1.MemoryService/Hold"
	MemoryService_KeepAlive_FullMethodName          = "/vmalab.v1.MemoryService/KeepAlive"
	MemoryService_ForkAddressSpace_FullMethodName   = "/vmalab.v1.MemoryService/ForkAddressSpace"
	MemoryService_Exec_FullMethodName               = "/vmalab.v1.MemoryService/Exec"
	MemoryService_Exit_FullMethodName               = "/vmalab.v1.MemoryService/Exit"
	MemoryService_Mmap_FullMethodName               = "/vmalab.v1.MemoryService/Mmap"
	MemoryService_Munmap_FullMethodName             = "/vmalab.v1.MemoryService/Munmap"
	MemoryService_Mprotect_FullMethodName           = "/vmalab.v1.MemoryService/Mprotect"
	MemoryService_Mremap_FullMethodName             = "/vmalab.v1.MemoryService/Mremap"
	MemoryService_Madvise_FullMethodName            = "/vmalab.v1.MemoryService/Madvise"
	MemoryService_Mincore_FullMethodName            = "/vmalab.v1.MemoryService/Mincore"
	MemoryService_Brk_FullMethodName                = "/vmalab.v1.MemoryService/Brk"
	MemoryService_Fault_FullMethodName              = "/vmalab.v1.MemoryService/Fault"
	MemoryService_UffdMove_FullMethodName           = "/vmalab.v1.MemoryService/UffdMove"
	MemoryService_SetVmaName_FullMethodName         = "/vmalab.v1.MemoryService/SetVmaName"
	MemoryService_Mlock_FullMethodName              = "/vmalab.v1.MemoryService/Mlock"
	MemoryService_Munlock_FullMethodName            = "/vmalab.v1.MemoryService/Munlock"
	MemoryService_Mlockall_FullMethodName           = "/vmalab.v1.MemoryService/Mlockall"
	MemoryService_Munlockall_FullMethodName         = "/vmalab.v1.MemoryService/Munlockall"
	MemoryService_Msync_FullMethodName              = "/vmalab.v1.MemoryService/Msync"
	MemoryService_Mseal_FullMethodName              = "/vmalab.v1.MemoryService/Mseal"
	MemoryService_RemapFilePages_FullMethodName     = "/vmalab.v1.MemoryService/RemapFilePages"
	MemoryService_PkeyMprotect_FullMethodName       = "/vmalab.v1.MemoryService/PkeyMprotect"
	MemoryService_PkeyAlloc_FullMethodName          = "/vmalab.v1.MemoryService/PkeyAlloc"
	MemoryService_PkeyFree_FullMethodName           = "/vmalab.v1.MemoryService/PkeyFree"
	MemoryService_SetRlimit_FullMethodName          = "/vmalab.v1.MemoryService/SetRlimit"
	MemoryService_SetThpDisable_FullMethodName      = "/vmalab.v1.MemoryService/SetThpDisable"
	MemoryService_ProcessMadvise_FullMethodName     = "/vmalab.v1.MemoryService/ProcessMadvise"
	MemoryService_ShareAddressSpace_FullMethodName  = "/vmalab.v1.MemoryService/ShareAddressSpace"
	MemoryService_ShareFile_FullMethodName          = "/vmalab.v1.MemoryService/ShareFile"
	MemoryService_OpenFile_FullMethodName           = "/vmalab.v1.MemoryService/OpenFile"
	MemoryService_CloseFile_FullMethodName          = "/vmalab.v1.MemoryService/CloseFile"
	MemoryService_TruncateFile_FullMethodName       = "/vmalab.v1.MemoryService/TruncateFile"
	MemoryService_AllocateFile_FullMethodName       = "/vmalab.v1.MemoryService/AllocateFile"
	MemoryService_Apply_FullMethodName              = "/vmalab.v1.MemoryService/Apply"
	MemoryService_Batch_FullMethodName              = "/vmalab.v1.MemoryService/Batch"
)

// MemoryServiceClient is the client API for MemoryService service.
//
// For semantics around ctx use and closing/ending streaming RPCs, please refer to https://pkg.go.dev/google.golang.org/grpc/?tab=doc#ClientConn.NewStream.
//
// MemoryService runs the memory calls of the kernel on emulated address spaces.
type MemoryServiceClient interface {
	// CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
	CreateAddressSpace(ctx context.Context, in *CreateAddressSpaceRequest, opts ...grpc.CallOption) (*CreateAddressSpaceResponse, error)
	// Hold gives leases on address spaces: they live while the stream is open. Each request is answered with the leases.
	// When the stream ends for whatever reason, they live at least for the server's grace time (2 s by default) so that
	// the client can open another, at any worker. A longer time to live stays.
	Hold(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[HoldRequest, HoldResponse], error)
	// KeepAlive lets address spaces live at least `ttl_ms` from now.
	KeepAlive(ctx context.Context, in *KeepAliveRequest, opts ...grpc.CallOption) (*KeepAliveResponse, error)
	// ForkAddressSpace copies an address space as fork(2) does.
	ForkAddressSpace(ctx context.Context, in *ForkAddressSpaceRequest, opts ...grpc.CallOption) (*ForkAddressSpaceResponse, error)
	// Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
	// one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
	// with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
	// worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
	// (ListAddressSpaces) is its number.
	Exec(ctx context.Context, in *ExecRequest, opts ...grpc.CallOption) (*ExecResponse, error)
	// Exit ends an address space now, also if others have a lease on it.
	Exit(ctx context.Context, in *ExitRequest, opts ...grpc.CallOption) (*ExitResponse, error)
	// Mmap is mmap(2).
	Mmap(ctx context.Context, in *MmapRequest, opts ...grpc.CallOption) (*MmapResponse, error)
	// Munmap is munmap(2).
	Munmap(ctx context.Context, in *MunmapRequest, opts ...grpc.CallOption) (*MunmapResponse, error)
	// Mprotect is mprotect(2).
	Mprotect(ctx context.Context, in *MprotectRequest, opts ...grpc.CallOption) (*MprotectResponse, error)
	// Mremap is mremap(2).
	Mremap(ctx context.Context, in *MremapRequest, opts ...grpc.CallOption) (*MremapResponse, error)
	// Madvise is madvise(2).
	Madvise(ctx context.Context, in *MadviseRequest, opts ...grpc.CallOption) (*MadviseResponse, error)
	// Mincore is mincore(2).
	Mincore(ctx context.Context, in *MincoreRequest, opts ...grpc.CallOption) (*MincoreResponse, error)
	// Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
	Brk(ctx context.Context, in *BrkRequest, opts ...grpc.CallOption) (*BrkResponse, error)
	// Fault touches a page as a load, store or instruction fetch would.
	Fault(ctx context.Context, in *FaultRequest, opts ...grpc.CallOption) (*FaultResponse, error)
	// UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
	UffdMove(ctx context.Context, in *UffdMoveRequest, opts ...grpc.CallOption) (*UffdMoveResponse, error)
	// SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
	SetVmaName(ctx context.Context, in *SetVmaNameRequest, opts ...grpc.CallOption) (*SetVmaNameResponse, error)
	// Mlock is mlock2(2); without flags mlock(2).
	Mlock(ctx context.Context, in *MlockRequest, opts ...grpc.CallOption) (*MlockResponse, error)
	// Munlock is munlock(2).
	Munlock(ctx context.Context, in *MunlockRequest, opts ...grpc.CallOption) (*MunlockResponse, error)
	// Mlockall is mlockall(2).
	Mlockall(ctx context.Context, in *MlockallRequest, opts ...grpc.CallOption) (*MlockallResponse, error)
	// Munlockall is munlockall(2).
	Munlockall(ctx context.Context, in *MunlockallRequest, opts ...grpc.CallOption) (*MunlockallResponse, error)
	// Msync is msync(2).
	Msync(ctx context.Context, in *MsyncRequest, opts ...grpc.CallOption) (*MsyncResponse, error)
	// Mseal is mseal(2).
	Mseal(ctx context.Context, in *MsealRequest, opts ...grpc.CallOption) (*MsealResponse, error)
	// RemapFilePages is remap_file_pages(2).
	RemapFilePages(ctx context.Context, in *RemapFilePagesRequest, opts ...grpc.CallOption) (*RemapFilePagesResponse, error)
	// PkeyMprotect is pkey_mprotect(2).
	PkeyMprotect(ctx context.Context, in *PkeyMprotectRequest, opts ...grpc.CallOption) (*PkeyMprotectResponse, error)
	// PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
	// then stand in the answer, else into that of the address space.
	PkeyAlloc(ctx context.Context, in *PkeyAllocRequest, opts ...grpc.CallOption) (*PkeyAllocResponse, error)
	// PkeyFree is pkey_free(2).
	PkeyFree(ctx context.Context, in *PkeyFreeRequest, opts ...grpc.CallOption) (*PkeyFreeResponse, error)
	// SetRlimit is setrlimit(2) of the process that the address space belongs to.
	SetRlimit(ctx context.Context, in *SetRlimitRequest, opts ...grpc.CallOption) (*SetRlimitResponse, error)
	// SetThpDisable is prctl(PR_SET_THP_DISABLE).
	SetThpDisable(ctx context.Context, in *SetThpDisableRequest, opts ...grpc.CallOption) (*SetThpDisableResponse, error)
	// ProcessMadvise is process_madvise(2), of one's own memory or another process's.
	ProcessMadvise(ctx context.Context, in *ProcessMadviseRequest, opts ...grpc.CallOption) (*ProcessMadviseResponse, error)
	// ShareAddressSpace lets all clients use an address space of the caller's, for good.
	ShareAddressSpace(ctx context.Context, in *ShareAddressSpaceRequest, opts ...grpc.CallOption) (*ShareAddressSpaceResponse, error)
	// ShareFile lets all clients use a file of the caller's, for good.
	ShareFile(ctx context.Context, in *ShareFileRequest, opts ...grpc.CallOption) (*ShareFileResponse, error)
	// OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
	// that is another client's and not shared is another file.
	OpenFile(ctx context.Context, in *OpenFileRequest, opts ...grpc.CallOption) (*OpenFileResponse, error)
	// CloseFile gives a file back. What is mapped stays mapped.
	CloseFile(ctx context.Context, in *CloseFileRequest, opts ...grpc.CallOption) (*CloseFileResponse, error)
	// TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
	TruncateFile(ctx context.Context, in *TruncateFileRequest, opts ...grpc.CallOption) (*TruncateFileResponse, error)
	// AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
	AllocateFile(ctx context.Context, in *AllocateFileRequest, opts ...grpc.CallOption) (*AllocateFileResponse, error)
	// Apply executes one block.
	Apply(ctx context.Context, in *ApplyRequest, opts ...grpc.CallOption) (*ApplyResponse, error)
	// Batch executes a stream of blocks in order and answers each. Keep several outstanding.
	Batch(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[BatchRequest, BatchResponse], error)
}

type memoryServiceClient struct {
	cc grpc.ClientConnInterface
}

func NewMemoryServiceClient(cc grpc.ClientConnInterface) MemoryServiceClient {
	return &memoryServiceClient{cc}
}

func (c *memoryServiceClient) CreateAddressSpace(ctx context.Context, in *CreateAddressSpaceRequest, opts ...grpc.CallOption) (*CreateAddressSpaceResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(CreateAddressSpaceResponse)
	err := c.cc.Invoke(ctx, MemoryService_CreateAddressSpace_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Hold(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[HoldRequest, HoldResponse], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &MemoryService_ServiceDesc.Streams[0], MemoryService_Hold_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[HoldRequest, HoldResponse]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type MemoryService_HoldClient = grpc.BidiStreamingClient[HoldRequest, HoldResponse]

func (c *memoryServiceClient) KeepAlive(ctx context.Context, in *KeepAliveRequest, opts ...grpc.CallOption) (*KeepAliveResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(KeepAliveResponse)
	err := c.cc.Invoke(ctx, MemoryService_KeepAlive_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) ForkAddressSpace(ctx context.Context, in *ForkAddressSpaceRequest, opts ...grpc.CallOption) (*ForkAddressSpaceResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ForkAddressSpaceResponse)
	err := c.cc.Invoke(ctx, MemoryService_ForkAddressSpace_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Exec(ctx context.Context, in *ExecRequest, opts ...grpc.CallOption) (*ExecResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ExecResponse)
	err := c.cc.Invoke(ctx, MemoryService_Exec_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Exit(ctx context.Context, in *ExitRequest, opts ...grpc.CallOption) (*ExitResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ExitResponse)
	err := c.cc.Invoke(ctx, MemoryService_Exit_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mmap(ctx context.Context, in *MmapRequest, opts ...grpc.CallOption) (*MmapResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MmapResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mmap_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Munmap(ctx context.Context, in *MunmapRequest, opts ...grpc.CallOption) (*MunmapResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MunmapResponse)
	err := c.cc.Invoke(ctx, MemoryService_Munmap_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mprotect(ctx context.Context, in *MprotectRequest, opts ...grpc.CallOption) (*MprotectResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MprotectResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mprotect_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mremap(ctx context.Context, in *MremapRequest, opts ...grpc.CallOption) (*MremapResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MremapResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mremap_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Madvise(ctx context.Context, in *MadviseRequest, opts ...grpc.CallOption) (*MadviseResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MadviseResponse)
	err := c.cc.Invoke(ctx, MemoryService_Madvise_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mincore(ctx context.Context, in *MincoreRequest, opts ...grpc.CallOption) (*MincoreResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MincoreResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mincore_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Brk(ctx context.Context, in *BrkRequest, opts ...grpc.CallOption) (*BrkResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(BrkResponse)
	err := c.cc.Invoke(ctx, MemoryService_Brk_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Fault(ctx context.Context, in *FaultRequest, opts ...grpc.CallOption) (*FaultResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(FaultResponse)
	err := c.cc.Invoke(ctx, MemoryService_Fault_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) UffdMove(ctx context.Context, in *UffdMoveRequest, opts ...grpc.CallOption) (*UffdMoveResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(UffdMoveResponse)
	err := c.cc.Invoke(ctx, MemoryService_UffdMove_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) SetVmaName(ctx context.Context, in *SetVmaNameRequest, opts ...grpc.CallOption) (*SetVmaNameResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(SetVmaNameResponse)
	err := c.cc.Invoke(ctx, MemoryService_SetVmaName_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mlock(ctx context.Context, in *MlockRequest, opts ...grpc.CallOption) (*MlockResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MlockResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mlock_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Munlock(ctx context.Context, in *MunlockRequest, opts ...grpc.CallOption) (*MunlockResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MunlockResponse)
	err := c.cc.Invoke(ctx, MemoryService_Munlock_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mlockall(ctx context.Context, in *MlockallRequest, opts ...grpc.CallOption) (*MlockallResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MlockallResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mlockall_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Munlockall(ctx context.Context, in *MunlockallRequest, opts ...grpc.CallOption) (*MunlockallResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MunlockallResponse)
	err := c.cc.Invoke(ctx, MemoryService_Munlockall_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Msync(ctx context.Context, in *MsyncRequest, opts ...grpc.CallOption) (*MsyncResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MsyncResponse)
	err := c.cc.Invoke(ctx, MemoryService_Msync_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Mseal(ctx context.Context, in *MsealRequest, opts ...grpc.CallOption) (*MsealResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(MsealResponse)
	err := c.cc.Invoke(ctx, MemoryService_Mseal_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) RemapFilePages(ctx context.Context, in *RemapFilePagesRequest, opts ...grpc.CallOption) (*RemapFilePagesResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(RemapFilePagesResponse)
	err := c.cc.Invoke(ctx, MemoryService_RemapFilePages_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) PkeyMprotect(ctx context.Context, in *PkeyMprotectRequest, opts ...grpc.CallOption) (*PkeyMprotectResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(PkeyMprotectResponse)
	err := c.cc.Invoke(ctx, MemoryService_PkeyMprotect_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) PkeyAlloc(ctx context.Context, in *PkeyAllocRequest, opts ...grpc.CallOption) (*PkeyAllocResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(PkeyAllocResponse)
	err := c.cc.Invoke(ctx, MemoryService_PkeyAlloc_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) PkeyFree(ctx context.Context, in *PkeyFreeRequest, opts ...grpc.CallOption) (*PkeyFreeResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(PkeyFreeResponse)
	err := c.cc.Invoke(ctx, MemoryService_PkeyFree_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) SetRlimit(ctx context.Context, in *SetRlimitRequest, opts ...grpc.CallOption) (*SetRlimitResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(SetRlimitResponse)
	err := c.cc.Invoke(ctx, MemoryService_SetRlimit_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) SetThpDisable(ctx context.Context, in *SetThpDisableRequest, opts ...grpc.CallOption) (*SetThpDisableResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(SetThpDisableResponse)
	err := c.cc.Invoke(ctx, MemoryService_SetThpDisable_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) ProcessMadvise(ctx context.Context, in *ProcessMadviseRequest, opts ...grpc.CallOption) (*ProcessMadviseResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ProcessMadviseResponse)
	err := c.cc.Invoke(ctx, MemoryService_ProcessMadvise_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) ShareAddressSpace(ctx context.Context, in *ShareAddressSpaceRequest, opts ...grpc.CallOption) (*ShareAddressSpaceResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ShareAddressSpaceResponse)
	err := c.cc.Invoke(ctx, MemoryService_ShareAddressSpace_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) ShareFile(ctx context.Context, in *ShareFileRequest, opts ...grpc.CallOption) (*ShareFileResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ShareFileResponse)
	err := c.cc.Invoke(ctx, MemoryService_ShareFile_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) OpenFile(ctx context.Context, in *OpenFileRequest, opts ...grpc.CallOption) (*OpenFileResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(OpenFileResponse)
	err := c.cc.Invoke(ctx, MemoryService_OpenFile_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) CloseFile(ctx context.Context, in *CloseFileRequest, opts ...grpc.CallOption) (*CloseFileResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(CloseFileResponse)
	err := c.cc.Invoke(ctx, MemoryService_CloseFile_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) TruncateFile(ctx context.Context, in *TruncateFileRequest, opts ...grpc.CallOption) (*TruncateFileResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(TruncateFileResponse)
	err := c.cc.Invoke(ctx, MemoryService_TruncateFile_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) AllocateFile(ctx context.Context, in *AllocateFileRequest, opts ...grpc.CallOption) (*AllocateFileResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(AllocateFileResponse)
	err := c.cc.Invoke(ctx, MemoryService_AllocateFile_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Apply(ctx context.Context, in *ApplyRequest, opts ...grpc.CallOption) (*ApplyResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ApplyResponse)
	err := c.cc.Invoke(ctx, MemoryService_Apply_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *memoryServiceClient) Batch(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[BatchRequest, BatchResponse], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &MemoryService_ServiceDesc.Streams[1], MemoryService_Batch_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[BatchRequest, BatchResponse]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type MemoryService_BatchClient = grpc.BidiStreamingClient[BatchRequest, BatchResponse]

// MemoryServiceServer is the server API for MemoryService service.
// All implementations must embed UnimplementedMemoryServiceServer
// for forward compatibility.
//
// MemoryService runs the memory calls of the kernel on emulated address spaces.
type MemoryServiceServer interface {
	// CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
	CreateAddressSpace(context.Context, *CreateAddressSpaceRequest) (*CreateAddressSpaceResponse, error)
	// Hold gives leases on address spaces: they live while the stream is open. Each request is answered with the leases.
	// When the stream ends for whatever reason, they live at least for the server's grace time (2 s by default) so that
	// the client can open another, at any worker. A longer time to live stays.
	Hold(grpc.BidiStreamingServer[HoldRequest, HoldResponse]) error
	// KeepAlive lets address spaces live at least `ttl_ms` from now.
	KeepAlive(context.Context, *KeepAliveRequest) (*KeepAliveResponse, error)
	// ForkAddressSpace copies an address space as fork(2) does.
	ForkAddressSpace(context.Context, *ForkAddressSpaceRequest) (*ForkAddressSpaceResponse, error)
	// Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
	// one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
	// with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
	// worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
	// (ListAddressSpaces) is its number.
	Exec(context.Context, *ExecRequest) (*ExecResponse, error)
	// Exit ends an address space now, also if others have a lease on it.
	Exit(context.Context, *ExitRequest) (*ExitResponse, error)
	// Mmap is mmap(2).
	Mmap(context.Context, *MmapRequest) (*MmapResponse, error)
	// Munmap is munmap(2).
	Munmap(context.Context, *MunmapRequest) (*MunmapResponse, error)
	// Mprotect is mprotect(2).
	Mprotect(context.Context, *MprotectRequest) (*MprotectResponse, error)
	// Mremap is mremap(2).
	Mremap(context.Context, *MremapRequest) (*MremapResponse, error)
	// Madvise is madvise(2).
	Madvise(context.Context, *MadviseRequest) (*MadviseResponse, error)
	// Mincore is mincore(2).
	Mincore(context.Context, *MincoreRequest) (*MincoreResponse, error)
	// Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
	Brk(context.Context, *BrkRequest) (*BrkResponse, error)
	// Fault touches a page as a load, store or instruction fetch would.
	Fault(context.Context, *FaultRequest) (*FaultResponse, error)
	// UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
	UffdMove(context.Context, *UffdMoveRequest) (*UffdMoveResponse, error)
	// SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
	SetVmaName(context.Context, *SetVmaNameRequest) (*SetVmaNameResponse, error)
	// Mlock is mlock2(2); without flags mlock(2).
	Mlock(context.Context, *MlockRequest) (*MlockResponse, error)
	// Munlock is munlock(2).
	Munlock(context.Context, *MunlockRequest) (*MunlockResponse, error)
	// Mlockall is mlockall(2).
	Mlockall(context.Context, *MlockallRequest) (*MlockallResponse, error)
	// Munlockall is munlockall(2).
	Munlockall(context.Context, *MunlockallRequest) (*MunlockallResponse, error)
	// Msync is msync(2).
	Msync(context.Context, *MsyncRequest) (*MsyncResponse, error)
	// Mseal is mseal(2).
	Mseal(context.Context, *MsealRequest) (*MsealResponse, error)
	// RemapFilePages is remap_file_pages(2).
	RemapFilePages(context.Context, *RemapFilePagesRequest) (*RemapFilePagesResponse, error)
	// PkeyMprotect is pkey_mprotect(2).
	PkeyMprotect(context.Context, *PkeyMprotectRequest) (*PkeyMprotectResponse, error)
	// PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
	// then stand in the answer, else into that of the address space.
	PkeyAlloc(context.Context, *PkeyAllocRequest) (*PkeyAllocResponse, error)
	// PkeyFree is pkey_free(2).
	PkeyFree(context.Context, *PkeyFreeRequest) (*PkeyFreeResponse, error)
	// SetRlimit is setrlimit(2) of the process that the address space belongs to.
	SetRlimit(context.Context, *SetRlimitRequest) (*SetRlimitResponse, error)
	// SetThpDisable is prctl(PR_SET_THP_DISABLE).
	SetThpDisable(context.Context, *SetThpDisableRequest) (*SetThpDisableResponse, error)
	// ProcessMadvise is process_madvise(2), of one's own memory or another process's.
	ProcessMadvise(context.Context, *ProcessMadviseRequest) (*ProcessMadviseResponse, error)
	// ShareAddressSpace lets all clients use an address space of the caller's, for good.
	ShareAddressSpace(context.Context, *ShareAddressSpaceRequest) (*ShareAddressSpaceResponse, error)
	// ShareFile lets all clients use a file of the caller's, for good.
	ShareFile(context.Context, *ShareFileRequest) (*ShareFileResponse, error)
	// OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
	// that is another client's and not shared is another file.
	OpenFile(context.Context, *OpenFileRequest) (*OpenFileResponse, error)
	// CloseFile gives a file back. What is mapped stays mapped.
	CloseFile(context.Context, *CloseFileRequest) (*CloseFileResponse, error)
	// TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
	TruncateFile(context.Context, *TruncateFileRequest) (*TruncateFileResponse, error)
	// AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
	AllocateFile(context.Context, *AllocateFileRequest) (*AllocateFileResponse, error)
	// Apply executes one block.
	Apply(context.Context, *ApplyRequest) (*ApplyResponse, error)
	// Batch executes a stream of blocks in order and answers each. Keep several outstanding.
	Batch(grpc.BidiStreamingServer[BatchRequest, BatchResponse]) error
	mustEmbedUnimplementedMemoryServiceServer()
}

// UnimplementedMemoryServiceServer must be embedded to have
// forward compatible implementations.
//
// NOTE: this should be embedded by value instead of pointer to avoid a nil
// pointer dereference when methods are called.
type UnimplementedMemoryServiceServer struct{}

func (UnimplementedMemoryServiceServer) CreateAddressSpace(context.Context, *CreateAddressSpaceRequest) (*CreateAddressSpaceResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method CreateAddressSpace not implemented")
}
func (UnimplementedMemoryServiceServer) Hold(grpc.BidiStreamingServer[HoldRequest, HoldResponse]) error {
	return status.Error(codes.Unimplemented, "method Hold not implemented")
}
func (UnimplementedMemoryServiceServer) KeepAlive(context.Context, *KeepAliveRequest) (*KeepAliveResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method KeepAlive not implemented")
}
func (UnimplementedMemoryServiceServer) ForkAddressSpace(context.Context, *ForkAddressSpaceRequest) (*ForkAddressSpaceResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method ForkAddressSpace not implemented")
}
func (UnimplementedMemoryServiceServer) Exec(context.Context, *ExecRequest) (*ExecResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Exec not implemented")
}
func (UnimplementedMemoryServiceServer) Exit(context.Context, *ExitRequest) (*ExitResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Exit not implemented")
}
func (UnimplementedMemoryServiceServer) Mmap(context.Context, *MmapRequest) (*MmapResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mmap not implemented")
}
func (UnimplementedMemoryServiceServer) Munmap(context.Context, *MunmapRequest) (*MunmapResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Munmap not implemented")
}
func (UnimplementedMemoryServiceServer) Mprotect(context.Context, *MprotectRequest) (*MprotectResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mprotect not implemented")
}
func (UnimplementedMemoryServiceServer) Mremap(context.Context, *MremapRequest) (*MremapResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mremap not implemented")
}
func (UnimplementedMemoryServiceServer) Madvise(context.Context, *MadviseRequest) (*MadviseResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Madvise not implemented")
}
func (UnimplementedMemoryServiceServer) Mincore(context.Context, *MincoreRequest) (*MincoreResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mincore not implemented")
}
func (UnimplementedMemoryServiceServer) Brk(context.Context, *BrkRequest) (*BrkResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Brk not implemented")
}
func (UnimplementedMemoryServiceServer) Fault(context.Context, *FaultRequest) (*FaultResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Fault not implemented")
}
func (UnimplementedMemoryServiceServer) UffdMove(context.Context, *UffdMoveRequest) (*UffdMoveResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method UffdMove not implemented")
}
func (UnimplementedMemoryServiceServer) SetVmaName(context.Context, *SetVmaNameRequest) (*SetVmaNameResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method SetVmaName not implemented")
}
func (UnimplementedMemoryServiceServer) Mlock(context.Context, *MlockRequest) (*MlockResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mlock not implemented")
}
func (UnimplementedMemoryServiceServer) Munlock(context.Context, *MunlockRequest) (*MunlockResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Munlock not implemented")
}
func (UnimplementedMemoryServiceServer) Mlockall(context.Context, *MlockallRequest) (*MlockallResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mlockall not implemented")
}
func (UnimplementedMemoryServiceServer) Munlockall(context.Context, *MunlockallRequest) (*MunlockallResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Munlockall not implemented")
}
func (UnimplementedMemoryServiceServer) Msync(context.Context, *MsyncRequest) (*MsyncResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Msync not implemented")
}
func (UnimplementedMemoryServiceServer) Mseal(context.Context, *MsealRequest) (*MsealResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Mseal not implemented")
}
func (UnimplementedMemoryServiceServer) RemapFilePages(context.Context, *RemapFilePagesRequest) (*RemapFilePagesResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method RemapFilePages not implemented")
}
func (UnimplementedMemoryServiceServer) PkeyMprotect(context.Context, *PkeyMprotectRequest) (*PkeyMprotectResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method PkeyMprotect not implemented")
}
func (UnimplementedMemoryServiceServer) PkeyAlloc(context.Context, *PkeyAllocRequest) (*PkeyAllocResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method PkeyAlloc not implemented")
}
func (UnimplementedMemoryServiceServer) PkeyFree(context.Context, *PkeyFreeRequest) (*PkeyFreeResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method PkeyFree not implemented")
}
func (UnimplementedMemoryServiceServer) SetRlimit(context.Context, *SetRlimitRequest) (*SetRlimitResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method SetRlimit not implemented")
}
func (UnimplementedMemoryServiceServer) SetThpDisable(context.Context, *SetThpDisableRequest) (*SetThpDisableResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method SetThpDisable not implemented")
}
func (UnimplementedMemoryServiceServer) ProcessMadvise(context.Context, *ProcessMadviseRequest) (*ProcessMadviseResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method ProcessMadvise not implemented")
}
func (UnimplementedMemoryServiceServer) ShareAddressSpace(context.Context, *ShareAddressSpaceRequest) (*ShareAddressSpaceResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method ShareAddressSpace not implemented")
}
func (UnimplementedMemoryServiceServer) ShareFile(context.Context, *ShareFileRequest) (*ShareFileResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method ShareFile not implemented")
}
func (UnimplementedMemoryServiceServer) OpenFile(context.Context, *OpenFileRequest) (*OpenFileResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method OpenFile not implemented")
}
func (UnimplementedMemoryServiceServer) CloseFile(context.Context, *CloseFileRequest) (*CloseFileResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method CloseFile not implemented")
}
func (UnimplementedMemoryServiceServer) TruncateFile(context.Context, *TruncateFileRequest) (*TruncateFileResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method TruncateFile not implemented")
}
func (UnimplementedMemoryServiceServer) AllocateFile(context.Context, *AllocateFileRequest) (*AllocateFileResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method AllocateFile not implemented")
}
func (UnimplementedMemoryServiceServer) Apply(context.Context, *ApplyRequest) (*ApplyResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Apply not implemented")
}
func (UnimplementedMemoryServiceServer) Batch(grpc.BidiStreamingServer[BatchRequest, BatchResponse]) error {
	return status.Error(codes.Unimplemented, "method Batch not implemented")
}
func (UnimplementedMemoryServiceServer) mustEmbedUnimplementedMemoryServiceServer() {}
func (UnimplementedMemoryServiceServer) testEmbeddedByValue()                       {}

// UnsafeMemoryServiceServer may be embedded to opt out of forward compatibility for this service.
// Use of this interface is not recommended, as added methods to MemoryServiceServer will
// result in compilation errors.
type UnsafeMemoryServiceServer interface {
	mustEmbedUnimplementedMemoryServiceServer()
}

func RegisterMemoryServiceServer(s grpc.ServiceRegistrar, srv MemoryServiceServer) {
	// If the following call panics, it indicates UnimplementedMemoryServiceServer was
	// embedded by pointer and is nil.  This will cause panics if an
	// unimplemented method is ever invoked, so we test this at initialization
	// time to prevent it from happening at runtime later due to I/O.
	if t, ok := srv.(interface{ testEmbeddedByValue() }); ok {
		t.testEmbeddedByValue()
	}
	s.RegisterService(&MemoryService_ServiceDesc, srv)
}

func _MemoryService_CreateAddressSpace_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(CreateAddressSpaceRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).CreateAddressSpace(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_CreateAddressSpace_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).CreateAddressSpace(ctx, req.(*CreateAddressSpaceRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Hold_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(MemoryServiceServer).Hold(&grpc.GenericServerStream[HoldRequest, HoldResponse]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type MemoryService_HoldServer = grpc.BidiStreamingServer[HoldRequest, HoldResponse]

func _MemoryService_KeepAlive_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(KeepAliveRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).KeepAlive(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_KeepAlive_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).KeepAlive(ctx, req.(*KeepAliveRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_ForkAddressSpace_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ForkAddressSpaceRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).ForkAddressSpace(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_ForkAddressSpace_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).ForkAddressSpace(ctx, req.(*ForkAddressSpaceRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Exec_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ExecRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Exec(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Exec_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Exec(ctx, req.(*ExecRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Exit_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ExitRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Exit(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Exit_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Exit(ctx, req.(*ExitRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mmap_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MmapRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mmap(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mmap_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mmap(ctx, req.(*MmapRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Munmap_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MunmapRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Munmap(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Munmap_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Munmap(ctx, req.(*MunmapRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mprotect_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MprotectRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mprotect(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mprotect_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mprotect(ctx, req.(*MprotectRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mremap_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MremapRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mremap(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mremap_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mremap(ctx, req.(*MremapRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Madvise_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MadviseRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Madvise(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Madvise_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Madvise(ctx, req.(*MadviseRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mincore_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MincoreRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mincore(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mincore_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mincore(ctx, req.(*MincoreRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Brk_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(BrkRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Brk(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Brk_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Brk(ctx, req.(*BrkRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Fault_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(FaultRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Fault(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Fault_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Fault(ctx, req.(*FaultRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_UffdMove_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(UffdMoveRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).UffdMove(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_UffdMove_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).UffdMove(ctx, req.(*UffdMoveRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_SetVmaName_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(SetVmaNameRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).SetVmaName(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_SetVmaName_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).SetVmaName(ctx, req.(*SetVmaNameRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mlock_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MlockRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mlock(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mlock_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mlock(ctx, req.(*MlockRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Munlock_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MunlockRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Munlock(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Munlock_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Munlock(ctx, req.(*MunlockRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mlockall_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MlockallRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mlockall(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mlockall_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mlockall(ctx, req.(*MlockallRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Munlockall_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MunlockallRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Munlockall(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Munlockall_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Munlockall(ctx, req.(*MunlockallRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Msync_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MsyncRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Msync(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Msync_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Msync(ctx, req.(*MsyncRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Mseal_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(MsealRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Mseal(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Mseal_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Mseal(ctx, req.(*MsealRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_RemapFilePages_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(RemapFilePagesRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).RemapFilePages(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_RemapFilePages_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).RemapFilePages(ctx, req.(*RemapFilePagesRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_PkeyMprotect_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(PkeyMprotectRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).PkeyMprotect(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_PkeyMprotect_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).PkeyMprotect(ctx, req.(*PkeyMprotectRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_PkeyAlloc_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(PkeyAllocRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).PkeyAlloc(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_PkeyAlloc_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).PkeyAlloc(ctx, req.(*PkeyAllocRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_PkeyFree_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(PkeyFreeRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).PkeyFree(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_PkeyFree_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).PkeyFree(ctx, req.(*PkeyFreeRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_SetRlimit_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(SetRlimitRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).SetRlimit(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_SetRlimit_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).SetRlimit(ctx, req.(*SetRlimitRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_SetThpDisable_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(SetThpDisableRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).SetThpDisable(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_SetThpDisable_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).SetThpDisable(ctx, req.(*SetThpDisableRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_ProcessMadvise_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ProcessMadviseRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).ProcessMadvise(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_ProcessMadvise_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).ProcessMadvise(ctx, req.(*ProcessMadviseRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_ShareAddressSpace_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ShareAddressSpaceRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).ShareAddressSpace(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_ShareAddressSpace_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).ShareAddressSpace(ctx, req.(*ShareAddressSpaceRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_ShareFile_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ShareFileRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).ShareFile(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_ShareFile_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).ShareFile(ctx, req.(*ShareFileRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_OpenFile_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(OpenFileRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).OpenFile(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_OpenFile_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).OpenFile(ctx, req.(*OpenFileRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_CloseFile_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(CloseFileRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).CloseFile(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_CloseFile_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).CloseFile(ctx, req.(*CloseFileRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_TruncateFile_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(TruncateFileRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).TruncateFile(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_TruncateFile_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).TruncateFile(ctx, req.(*TruncateFileRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_AllocateFile_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(AllocateFileRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).AllocateFile(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_AllocateFile_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).AllocateFile(ctx, req.(*AllocateFileRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Apply_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ApplyRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(MemoryServiceServer).Apply(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: MemoryService_Apply_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(MemoryServiceServer).Apply(ctx, req.(*ApplyRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _MemoryService_Batch_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(MemoryServiceServer).Batch(&grpc.GenericServerStream[BatchRequest, BatchResponse]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type MemoryService_BatchServer = grpc.BidiStreamingServer[BatchRequest, BatchResponse]

// MemoryService_ServiceDesc is the grpc.ServiceDesc for MemoryService service.
// It's only intended for direct use with grpc.RegisterService,
// and not to be introspected or modified (even as a copy)
var MemoryService_ServiceDesc = grpc.ServiceDesc{
	ServiceName: "vmalab.v1.MemoryService",
	HandlerType: (*MemoryServiceServer)(nil),
	Methods: []grpc.MethodDesc{
		{
			MethodName: "CreateAddressSpace",
			Handler:    _MemoryService_CreateAddressSpace_Handler,
		},
		{
			MethodName: "KeepAlive",
			Handler:    _MemoryService_KeepAlive_Handler,
		},
		{
			MethodName: "ForkAddressSpace",
			Handler:    _MemoryService_ForkAddressSpace_Handler,
		},
		{
			MethodName: "Exec",
			Handler:    _MemoryService_Exec_Handler,
		},
		{
			MethodName: "Exit",
			Handler:    _MemoryService_Exit_Handler,
		},
		{
			MethodName: "Mmap",
			Handler:    _MemoryService_Mmap_Handler,
		},
		{
			MethodName: "Munmap",
			Handler:    _MemoryService_Munmap_Handler,
		},
		{
			MethodName: "Mprotect",
			Handler:    _MemoryService_Mprotect_Handler,
		},
		{
			MethodName: "Mremap",
			Handler:    _MemoryService_Mremap_Handler,
		},
		{
			MethodName: "Madvise",
			Handler:    _MemoryService_Madvise_Handler,
		},
		{
			MethodName: "Mincore",
			Handler:    _MemoryService_Mincore_Handler,
		},
		{
			MethodName: "Brk",
			Handler:    _MemoryService_Brk_Handler,
		},
		{
			MethodName: "Fault",
			Handler:    _MemoryService_Fault_Handler,
		},
		{
			MethodName: "UffdMove",
			Handler:    _MemoryService_UffdMove_Handler,
		},
		{
			MethodName: "SetVmaName",
			Handler:    _MemoryService_SetVmaName_Handler,
		},
		{
			MethodName: "Mlock",
			Handler:    _MemoryService_Mlock_Handler,
		},
		{
			MethodName: "Munlock",
			Handler:    _MemoryService_Munlock_Handler,
		},
		{
			MethodName: "Mlockall",
			Handler:    _MemoryService_Mlockall_Handler,
		},
		{
			MethodName: "Munlockall",
			Handler:    _MemoryService_Munlockall_Handler,
		},
		{
			MethodName: "Msync",
			Handler:    _MemoryService_Msync_Handler,
		},
		{
			MethodName: "Mseal",
			Handler:    _MemoryService_Mseal_Handler,
		},
		{
			MethodName: "RemapFilePages",
			Handler:    _MemoryService_RemapFilePages_Handler,
		},
		{
			MethodName: "PkeyMprotect",
			Handler:    _MemoryService_PkeyMprotect_Handler,
		},
		{
			MethodName: "PkeyAlloc",
			Handler:    _MemoryService_PkeyAlloc_Handler,
		},
		{
			MethodName: "PkeyFree",
			Handler:    _MemoryService_PkeyFree_Handler,
		},
		{
			MethodName: "SetRlimit",
			Handler:    _MemoryService_SetRlimit_Handler,
		},
		{
			MethodName: "SetThpDisable",
			Handler:    _MemoryService_SetThpDisable_Handler,
		},
		{
			MethodName: "ProcessMadvise",
			Handler:    _MemoryService_ProcessMadvise_Handler,
		},
		{
			MethodName: "ShareAddressSpace",
			Handler:    _MemoryService_ShareAddressSpace_Handler,
		},
		{
			MethodName: "ShareFile",
			Handler:    _MemoryService_ShareFile_Handler,
		},
		{
			MethodName: "OpenFile",
			Handler:    _MemoryService_OpenFile_Handler,
		},
		{
			MethodName: "CloseFile",
			Handler:    _MemoryService_CloseFile_Handler,
		},
		{
			MethodName: "TruncateFile",
			Handler:    _MemoryService_TruncateFile_Handler,
		},
		{
			MethodName: "AllocateFile",
			Handler:    _MemoryService_AllocateFile_Handler,
		},
		{
			MethodName: "Apply",
			Handler:    _MemoryService_Apply_Handler,
		},
	},
	Streams: []grpc.StreamDesc{
		{
			StreamName:    "Hold",
			Handler:       _MemoryService_Hold_Handler,
			ServerStreams: true,
			ClientStreams: true,
		},
		{
			StreamName:    "Batch",
			Handler:       _MemoryService_Batch_Handler,
			ServerStreams: true,
			ClientStreams: true,
		},
	},
	Metadata: "vmalab/v1/memory.proto",
}
