// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/**
 * An access that would sleep until a userfaultfd is served: fill the page, or end its protection,
 * and touch it again.
 */
public final class UserFaultException extends VmalabException {
    private final long addr;
    private final int flags;

    UserFaultException(long addr, int flags) {
        super(
            "the access at 0x" + Long.toHexString(addr)
                + " waits for its userfaultfd (flags 0x" + Integer.toHexString(flags) + ")",
            null);
        this.addr = addr;
        this.flags = flags;
    }

    /**
     * Where.
     *
     * @return the address
     */
    public long addr() {
        return addr;
    }

    /**
     * What the message says that the handler would read.
     *
     * @return its flags, UFFD_PAGEFAULT_FLAG_*
     */
    public int flags() {
        return flags;
    }
}
