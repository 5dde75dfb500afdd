// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/** Lets tests connect as a client of another version. */
public final class OtherVersion {
    private OtherVersion() {}

    public static ClientOptions of(ClientOptions options, String version) {
        return options.version(version);
    }
}
