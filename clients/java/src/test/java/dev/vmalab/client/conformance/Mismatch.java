// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

/** An answer that is not what the case expects. */
final class Mismatch extends RuntimeException {
    Mismatch(String form, Object... arguments) {
        super(String.format(form, arguments));
    }
}
