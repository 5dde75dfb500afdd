// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.OpenFileRequest;
import java.time.Duration;

/** Which file is opened. A method changes this object. */
public final class FileOptions {
    private final OpenFileRequest.Builder request = OpenFileRequest.newBuilder();
    private boolean lease = true;

    /**
     * A file of an inode.
     *
     * @param devMajor the major number of its device
     * @param devMinor the minor number of its device
     * @param ino the number of its inode
     */
    public FileOptions(int devMajor, int devMinor, long ino) {
        request.setDevMajor(devMajor).setDevMinor(devMinor).setIno(ino);
    }

    /**
     * Says how long the file is.
     *
     * @param bytes its size
     * @return this object
     */
    public FileOptions sizeBytes(long bytes) {
        request.setSizeBytes(bytes);
        return this;
    }

    /**
     * Says what maps show.
     *
     * @param path its name
     * @return this object
     */
    public FileOptions name(String path) {
        request.setName(path);
        return this;
    }

    /**
     * Says how long it stays open without a lease.
     *
     * @param most for how long; zero: the server's default
     * @return this object
     */
    public FileOptions ttl(Duration most) {
        request.setTtlMs(SpaceOptions.milliseconds(most));
        return this;
    }

    /**
     * Leaves out the lease that keeps it open as long as the client lives.
     *
     * @return this object
     */
    public FileOptions withoutLease() {
        lease = false;
        return this;
    }

    boolean hasLease() {
        return lease;
    }

    OpenFileRequest openRequest() {
        return request.build();
    }
}
