// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/** What the client refused by itself: nothing was sent. Its subclasses say what. */
public abstract sealed class RefusedException extends VmalabException {

    RefusedException(String message, Throwable cause) {
        super(message, cause);
    }

    /** The client, or the stream of blocks, is closed. */
    public static final class Closed extends RefusedException {
        Closed(String message) {
            super(message, null);
        }
    }

    /** A target is no address. */
    public static final class BadTarget extends RefusedException {
        BadTarget(String message) {
            super(message, null);
        }
    }

    /** What was given as a certificate or a key is none. */
    public static final class BadCertificate extends RefusedException {
        BadCertificate(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** A token would leave this machine without TLS, or is none. */
    public static final class BadToken extends RefusedException {
        BadToken(String message) {
            super(message, null);
        }
    }

    /** A record of a block, or what was read as results, cannot be. */
    public static final class BadBlock extends RefusedException {
        BadBlock(String message) {
            super(message, null);
        }
    }

    /** As many blocks are outstanding as a {@link Batch} may have, or none is. */
    public static final class BadWindow extends RefusedException {
        BadWindow(String message) {
            super(message, null);
        }
    }
}
