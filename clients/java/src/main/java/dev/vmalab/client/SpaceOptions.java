// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.CreateAddressSpaceRequest;
import dev.vmalab.v1.ExecRequest;
import dev.vmalab.v1.ProcessSetup;
import java.time.Duration;

/** How a new address space begins; by default it is empty. A method changes this object. */
public final class SpaceOptions {
    private static final long MILLISECONDS_MAX = 0xffff_ffffL;

    private long mmapBase;
    private long startBrk;
    private long brk;
    private String maps = "";
    private Duration ttl = Duration.ZERO;
    private boolean lease = true;
    private ProcessSetup setup;

    /** An empty one. */
    public SpaceOptions() {}

    /**
     * Says where top-down placement begins.
     *
     * @param addr the address; 0: 0x7ffff7fff000, or what follows from the maps
     * @return this object
     */
    public SpaceOptions mmapBase(long addr) {
        mmapBase = addr;
        return this;
    }

    /**
     * Gives it a heap.
     *
     * @param start where it begins
     * @param end the program break
     * @return this object
     */
    public SpaceOptions heap(long start, long end) {
        startBrk = start;
        brk = end;
        return this;
    }

    /**
     * Gives it mappings.
     *
     * @param text as /proc/PID/maps shows them
     * @return this object
     */
    public SpaceOptions maps(String text) {
        maps = text;
        return this;
    }

    /**
     * Says how long it lives without a lease.
     *
     * @param most for how long; zero: the server's default
     * @return this object
     */
    public SpaceOptions ttl(Duration most) {
        CallRules.bounded(most); // refused at once if it is none
        ttl = most;
        return this;
    }

    /**
     * Leaves out the lease that keeps it as long as the client lives.
     *
     * @return this object
     */
    public SpaceOptions withoutLease() {
        lease = false;
        return this;
    }

    /**
     * Gives its process limits and capabilities; by default it has those of root. Exec ignores it.
     *
     * @param given what it has
     * @return this object
     */
    public SpaceOptions setup(ProcessSetup given) {
        setup = given;
        return this;
    }

    boolean hasLease() {
        return lease;
    }

    CreateAddressSpaceRequest createRequest() {
        CreateAddressSpaceRequest.Builder request =
            CreateAddressSpaceRequest.newBuilder()
                .setMmapBase(mmapBase)
                .setStartBrk(startBrk)
                .setBrk(brk)
                .setMaps(maps)
                .setTtlMs(milliseconds(ttl));
        if (setup != null) {
            request.setSetup(setup);
        }
        return request.build();
    }

    ExecRequest execRequest(long mm, boolean shared) {
        return ExecRequest.newBuilder()
            .setMm(mm)
            .setMmapBase(mmapBase)
            .setStartBrk(startBrk)
            .setBrk(brk)
            .setMaps(maps)
            .setTtlMs(milliseconds(ttl))
            .setShared(shared)
            .build();
    }

    /** Of a request, as an unsigned int: 0 is the server's default, so all else is 1 at least. */
    static int milliseconds(Duration time) {
        if (CallRules.bounded(time).isZero()) {
            return 0;
        }
        if (time.compareTo(Duration.ofMillis(MILLISECONDS_MAX)) >= 0) {
            return (int) MILLISECONDS_MAX;
        }
        return (int) time.plusNanos(999_999).toMillis();
    }
}
