// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.Access;
import dev.vmalab.v1.ExecResponse;
import dev.vmalab.v1.ExitRequest;
import dev.vmalab.v1.FaultRequest;
import dev.vmalab.v1.FaultResponse;
import dev.vmalab.v1.ForkAddressSpaceRequest;
import dev.vmalab.v1.ForkAddressSpaceResponse;
import dev.vmalab.v1.GetMapsRequest;
import dev.vmalab.v1.MemoryRange;
import dev.vmalab.v1.MemoryServiceGrpc;
import dev.vmalab.v1.ProcessMadviseRequest;
import dev.vmalab.v1.ProcessMadviseResponse;
import dev.vmalab.v1.QueryVmaRequest;
import dev.vmalab.v1.QueryVmaResponse;
import dev.vmalab.v1.ShareAddressSpaceRequest;
import dev.vmalab.v1.VmaInfo;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One emulated address space, as one thread of it sees it: its PKRU is the handle's own. Threads
 * may share a handle that has no PKRU. Close it: that ends the address space if this handle has made
 * it, and else the lease of this handle.
 */
public final class AddressSpace extends AddressSpaceCalls implements AutoCloseable {
    private final Client client;
    private final long number;
    private volatile OptionalInt rights = OptionalInt.empty();
    private final AtomicBoolean made;
    private final AtomicBoolean leased;

    AddressSpace(Client client, long number, boolean made, boolean lease) {
        this.client = client;
        this.number = number;
        this.made = new AtomicBoolean(made);
        this.leased = new AtomicBoolean(lease);
        if (lease) {
            client.leases().add(number);
        }
    }

    @Override
    Client client() {
        return client;
    }

    @Override
    public long number() {
        return number;
    }

    @Override
    public OptionalInt pkru() {
        return rights;
    }

    @Override
    public void setPkru(int value) {
        rights = OptionalInt.of(value);
    }

    /** This thread has in its register PKRU what the address space has, from now on. */
    public void clearPkru() {
        rights = OptionalInt.empty();
    }

    /**
     * Is the end of a handle. If it has made the address space (newAddressSpace, fork, exec), that
     * ends, for all who use it; one that has ended already is no error, nor one whose client is
     * closed. If it is one of {@link Client#use}, its lease ends, as with {@link #detach}.
     */
    @Override
    public void close() {
        if (!made.get()) {
            detach();
            return;
        }
        try {
            exit();
        } catch (ServiceException.NoSuchAddressSpace | RefusedException.Closed gone) {
            return; // that is what was wanted
        }
    }

    /** Ends the address space now, for all who use it. */
    public void exit() {
        letGo();
        ExitRequest request = ExitRequest.newBuilder().setMm(number).build();
        client.call(MemoryServiceGrpc.getExitMethod(), request);
    }

    /** From now on closing this handle does nothing, and no handle has a lease. */
    private void letGo() {
        made.set(false);
        leased.set(false);
        client.leases().forget(number);
    }

    /**
     * Ends the lease of this handle: the address space ends with its last lease, and not with this
     * handle.
     *
     * @return its number
     */
    public long detach() {
        made.set(false);
        if (leased.getAndSet(false)) {
            client.leases().drop(number);
        }
        return number;
    }

    /** Lets all clients use it, for good. */
    public void share() {
        ShareAddressSpaceRequest request =
            ShareAddressSpaceRequest.newBuilder().setMm(number).build();
        client.call(MemoryServiceGrpc.getShareAddressSpaceMethod(), request);
    }

    /**
     * fork(2).
     *
     * @return the child's address space, with a lease on it; close it
     */
    public AddressSpace fork() {
        ForkAddressSpaceRequest.Builder request =
            ForkAddressSpaceRequest.newBuilder().setMm(number);
        rights.ifPresent(request::setPkru);
        ForkAddressSpaceResponse answer =
            client.call(MemoryServiceGrpc.getForkAddressSpaceMethod(), request.build());
        CallException.check("fork", answer.getErrnoCode());
        AddressSpace child = new AddressSpace(client, answer.getMm(), true, true);
        child.rights = rights;
        return child;
    }

    /**
     * execve(2): the process goes on in a new address space, and this one ends.
     *
     * @param options what the new one begins with
     * @return the new one; close it
     */
    public AddressSpace exec(SpaceOptions options) {
        return exec(options, false);
    }

    /**
     * execve(2): the process goes on in a new address space.
     *
     * @param options what the new one begins with
     * @param shared others run on in this one, as the parent does after vfork, and it stays
     * @return the new one; close it
     */
    public AddressSpace exec(SpaceOptions options, boolean shared) {
        ExecResponse answer =
            client.call(MemoryServiceGrpc.getExecMethod(), options.execRequest(number, shared));
        CallException.check("exec", answer.getErrnoCode());
        if (!shared) {
            letGo();
        }
        return new AddressSpace(client, answer.getMm(), true, options.hasLease());
    }

    /**
     * Touches a page as a load, a store without a word, or an instruction fetch would.
     *
     * @param addr where
     * @param access FAULT_READ, FAULT_WRITE or FAULT_EXEC
     * @return how it went; a signal is a {@link FaultException}
     */
    public Fault fault(long addr, int access) {
        return touch(FaultRequest.newBuilder().setAddr(addr), access);
    }

    /**
     * Touches a page, with a word.
     *
     * @param addr where
     * @param access FAULT_READ, FAULT_WRITE or FAULT_EXEC
     * @param word what is stored with FAULT_WRITE
     * @return how it went; a signal is a {@link FaultException}
     */
    public Fault fault(long addr, int access, long word) {
        return touch(FaultRequest.newBuilder().setAddr(addr).setWord(word), access);
    }

    private Fault touch(FaultRequest.Builder request, int access) {
        request.setMm(number).setAccess(accessOf(access));
        rights.ifPresent(request::setPkru);
        FaultResponse answer = client.call(MemoryServiceGrpc.getFaultMethod(), request.build());
        if (answer.getSignal() != 0) {
            OptionalInt pkey =
                answer.hasPkey() ? OptionalInt.of(answer.getPkey()) : OptionalInt.empty();
            throw new FaultException(
                answer.getSignal(), answer.getSiCode(), request.getAddr(), pkey);
        }
        if (answer.getUserfault()) {
            throw new UserFaultException(request.getAddr(), answer.getUserfaultFlags());
        }
        CallException.check("fault", answer.getErrnoCode());
        return new Fault(answer.getWord(), answer.getInfo());
    }

    private static Access accessOf(int access) {
        switch (access) {
            case Constants.FAULT_READ:
                return Access.ACCESS_READ;
            case Constants.FAULT_WRITE:
                return Access.ACCESS_WRITE;
            case Constants.FAULT_EXEC:
                return Access.ACCESS_EXEC;
            default:
                throw new IllegalArgumentException(
                    "access is FAULT_READ, FAULT_WRITE or FAULT_EXEC, not " + access);
        }
    }

    /**
     * Reads the word of the page at an address.
     *
     * @param addr the address
     * @return the word
     */
    public long load(long addr) {
        return fault(addr, Constants.FAULT_READ).word();
    }

    /**
     * Writes a word into the page at an address.
     *
     * @param addr the address
     * @param word the word
     */
    public void store(long addr, long word) {
        fault(addr, Constants.FAULT_WRITE, word);
    }

    /**
     * Maps private memory that can be read and written, wherever there is room.
     *
     * @param length how many bytes
     * @return where it is
     */
    public long map(long length) {
        return mmap(
            0,
            length,
            Constants.PROT_READ | Constants.PROT_WRITE,
            Constants.MAP_PRIVATE | Constants.MAP_ANONYMOUS,
            0,
            0,
            0);
    }

    /**
     * process_madvise(2): advises about several ranges.
     *
     * @param ranges the ranges
     * @param advice MADV_*
     * @param remote the caller is another process, which may give some advice only
     * @return how many bytes were advised
     */
    public long processMadvise(List<Range> ranges, int advice, boolean remote) {
        ProcessMadviseRequest.Builder request =
            ProcessMadviseRequest.newBuilder().setMm(number).setAdvice(advice).setRemote(remote);
        for (Range one : ranges) {
            request.addRanges(
                MemoryRange.newBuilder().setAddr(one.addr()).setLength(one.length()));
        }
        rights.ifPresent(request::setPkru);
        ProcessMadviseResponse answer =
            client.call(MemoryServiceGrpc.getProcessMadviseMethod(), request.build());
        CallException.check("process_madvise", answer.getErrnoCode());
        return answer.getAdvised();
    }

    /**
     * The mappings.
     *
     * @return as /proc/PID/maps shows them
     */
    public String maps() {
        GetMapsRequest request = GetMapsRequest.newBuilder().setMm(number).build();
        return client.inspect().getMaps(request).getMaps();
    }

    /**
     * PROCMAP_QUERY: the mapping that contains an address, or the next one.
     *
     * @param addr the address
     * @param flags PROCMAP_QUERY_*: what it must have; where there is none the error is ENOENT
     * @return the mapping
     */
    public VmaInfo queryVma(long addr, int flags) {
        QueryVmaRequest request =
            QueryVmaRequest.newBuilder().setMm(number).setAddr(addr).setFlags(flags).build();
        QueryVmaResponse answer = client.inspect().queryVma(request);
        CallException.check("query_vma", answer.getErrnoCode());
        return answer.getVma();
    }
}
