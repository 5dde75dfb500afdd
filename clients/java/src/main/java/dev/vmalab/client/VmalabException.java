// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/** What went wrong in a call of this package. */
public abstract sealed class VmalabException extends RuntimeException
        permits CallException,
            FaultException,
            UserFaultException,
            ServiceException,
            RefusedException {

    VmalabException(String message, Throwable cause) {
        super(message, cause);
    }
}
