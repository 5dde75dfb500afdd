// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.AllocateFileRequest;
import dev.vmalab.v1.CloseFileRequest;
import dev.vmalab.v1.MemoryServiceGrpc;
import dev.vmalab.v1.ShareFileRequest;
import dev.vmalab.v1.TruncateFileRequest;

/** The files that can be mapped. A file is a number, which {@link AddressSpace#mmap} takes. */
public final class Files {
    private final Client client;

    Files(Client client) {
        this.client = client;
    }

    /**
     * Opens a file. The same device and inode give the same file.
     *
     * @param options which file
     * @return its number
     */
    public long open(FileOptions options) {
        long file =
            client.call(MemoryServiceGrpc.getOpenFileMethod(), options.openRequest()).getFile();
        if (options.hasLease()) {
            client.leases().addFile(file);
        }
        return file;
    }

    /**
     * Closes a file; what is mapped of it stays mapped. The lease on it ends with the last open of
     * this client.
     *
     * @param file its number
     */
    public void close(long file) {
        CloseFileRequest request = CloseFileRequest.newBuilder().setFile(file).build();
        client.call(MemoryServiceGrpc.getCloseFileMethod(), request);
        client.leases().dropFile(file);
    }

    /**
     * Lets all clients use a file, for good.
     *
     * @param file its number
     */
    public void share(long file) {
        ShareFileRequest request = ShareFileRequest.newBuilder().setFile(file).build();
        client.call(MemoryServiceGrpc.getShareFileMethod(), request);
    }

    /**
     * ftruncate(2): what lies beyond the new end is gone from every mapping.
     *
     * @param file its number
     * @param sizeBytes the new size
     */
    public void truncate(long file, long sizeBytes) {
        TruncateFileRequest request =
            TruncateFileRequest.newBuilder().setFile(file).setSizeBytes(sizeBytes).build();
        CallException.check(
            "truncate_file",
            client.call(MemoryServiceGrpc.getTruncateFileMethod(), request).getErrnoCode());
    }

    /**
     * fallocate(2): makes room in a file, or a hole.
     *
     * @param file its number
     * @param mode FALLOC_FL_*; with FALLOC_FL_PUNCH_HOLE and FALLOC_FL_KEEP_SIZE a hole
     * @param offset where, in bytes
     * @param length how many bytes
     */
    public void allocate(long file, int mode, long offset, long length) {
        AllocateFileRequest request =
            AllocateFileRequest.newBuilder()
                .setFile(file)
                .setMode(mode)
                .setOffset(offset)
                .setLength(length)
                .build();
        CallException.check(
            "allocate_file",
            client.call(MemoryServiceGrpc.getAllocateFileMethod(), request).getErrnoCode());
    }
}
