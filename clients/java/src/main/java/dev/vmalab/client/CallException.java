// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/** An emulated call that failed with an errno. */
public final class CallException extends VmalabException {
    private final String call;
    private final int errno;

    CallException(String call, int errno) {
        super(call + ": " + Constants.errnoName(errno), null);
        this.call = call;
        this.errno = errno;
    }

    /** Throws if an answer has an errno. */
    static void check(String call, int errno) {
        if (errno != 0) {
            throw new CallException(call, errno);
        }
    }

    /**
     * Which call it was.
     *
     * @return its name, "mmap"
     */
    public String call() {
        return call;
    }

    /**
     * What the kernel would have answered.
     *
     * @return the errno, {@link Constants#ENOMEM}
     */
    public int errno() {
        return errno;
    }

    /**
     * The errno as a text.
     *
     * @return its name, "ENOMEM"
     */
    public String errnoName() {
        return Constants.errnoName(errno);
    }
}
