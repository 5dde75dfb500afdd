// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import java.util.OptionalInt;

/** An access that would have raised a signal. */
public final class FaultException extends VmalabException {
    private final int signal;
    private final int code;
    private final long addr;
    private final transient OptionalInt pkey;

    FaultException(int signal, int code, long addr, OptionalInt pkey) {
        super(said(signal, code, addr, pkey), null);
        this.signal = signal;
        this.code = code;
        this.addr = addr;
        this.pkey = pkey;
    }

    private static String said(int signal, int code, long addr, OptionalInt pkey) {
        String text =
            Constants.signalName(signal)
                + " (si_code " + code + ") at 0x" + Long.toHexString(addr);
        return pkey.isPresent() ? text + " by protection key " + pkey.getAsInt() : text;
    }

    /**
     * Which signal.
     *
     * @return {@link Constants#SIGSEGV} or {@link Constants#SIGBUS}
     */
    public int signal() {
        return signal;
    }

    /**
     * Its si_code.
     *
     * @return {@link Constants#SEGV_MAPERR}, {@link Constants#SEGV_ACCERR}, {@link
     *     Constants#SEGV_PKUERR}, {@link Constants#BUS_ADRERR} or {@link Constants#SI_KERNEL}
     */
    public int code() {
        return code;
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
     * The protection key that forbade the access.
     *
     * @return the key, with {@link Constants#SEGV_PKUERR}; else empty
     */
    public OptionalInt pkey() {
        return pkey;
    }
}
