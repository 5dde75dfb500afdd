// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import java.util.OptionalInt;

/**
 * What came of one record, or of one address of a FAULTS.
 *
 * @param status 0, an errno negated, a signal, or a STATUS_*
 * @param info of a fault how it was done, of STATUS_LIMIT which LIMIT_* it is
 * @param value what the operation answers
 */
public record Result(int status, int info, long value) {
    private static final int CODE_MASK = 0xff;
    private static final int STATUSES_BEGIN = -1000;

    /**
     * Whether it succeeded.
     *
     * @return whether the status is 0
     */
    public boolean isOk() {
        return status == 0;
    }

    /**
     * Of an emulated call that failed.
     *
     * @return its errno; else 0
     */
    public int errno() {
        return status < 0 && status > STATUSES_BEGIN ? -status : 0;
    }

    /**
     * Of an access that failed.
     *
     * @return its signal; else 0
     */
    public int signal() {
        return Math.max(status, 0);
    }

    /**
     * What belongs to the signal.
     *
     * @return its si_code
     */
    public int code() {
        return info & CODE_MASK;
    }

    /**
     * The protection key that forbade the access.
     *
     * @return the key, with SEGV_PKUERR; else empty
     */
    public OptionalInt pkey() {
        if (status <= 0 || code() != Constants.SEGV_PKUERR) {
            return OptionalInt.empty();
        }
        int mask = Constants.FAULT_INFO_PKEY;
        return OptionalInt.of((info & mask) >>> Integer.numberOfTrailingZeros(mask));
    }

    /**
     * What the message of a userfaultfd says.
     *
     * @return its flags, UFFD_PAGEFAULT_FLAG_*, if the access waits for one; else empty
     */
    public OptionalInt userFault() {
        if (status != Constants.STATUS_USERFAULT) {
            return OptionalInt.empty();
        }
        int all =
            Constants.UFFD_PAGEFAULT_FLAG_WRITE
                | Constants.UFFD_PAGEFAULT_FLAG_WP
                | Constants.UFFD_PAGEFAULT_FLAG_MINOR;
        return OptionalInt.of(info / Constants.FAULT_INFO_USER_WRITE & all);
    }
}
