// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.sample;

import static dev.vmalab.client.Constants.EINVAL;
import static dev.vmalab.client.Constants.PAGE_BYTES;
import static dev.vmalab.client.Constants.SIGSEGV;

import dev.vmalab.client.AddressSpace;
import dev.vmalab.client.BlockBuilder;
import dev.vmalab.client.CallException;
import dev.vmalab.client.Client;
import dev.vmalab.client.FaultException;
import dev.vmalab.client.Results;
import dev.vmalab.client.ServiceException;

/**
 * A whole small program: it maps memory, shares it with a child by fork, fills it with a block of a
 * thousand stores, and reads the errors that an emulated program would get.
 *
 * <p>usage: Sample HOST:PORT
 */
public final class Sample {
    private static final int PAGES = 1000;

    private Sample() {}

    public static void main(String[] arguments) {
        if (arguments.length != 1) {
            System.err.println("usage: Sample HOST:PORT");
            System.exit(2);
        }
        try (Client client = Client.connect(arguments[0]);
                AddressSpace space = client.newAddressSpace()) {
            long addr = space.map(PAGES * PAGE_BYTES);
            fill(client, space, addr);
            try (AddressSpace child = space.fork()) {
                child.store(addr, 1);
                System.out.printf(
                    "after fork: parent %d, child %d%n", space.load(addr), child.load(addr));
            }
            refused(space, addr);
        }
    }

    /** Stores a word in each page, with one block. */
    private static void fill(Client client, AddressSpace space, long addr) {
        BlockBuilder block = new BlockBuilder();
        for (int page = 0; page < PAGES; page++) {
            block.faultStore(space.number(), addr + page * PAGE_BYTES, 100 + page);
        }
        Results results = client.apply(block);
        int good = 0;
        while (results.next()) {
            good += results.isOk() ? 1 : 0;
        }
        System.out.printf("block: %d of %d stores%n", good, results.count());
    }

    /** Shows the three kinds of errors. */
    private static void refused(AddressSpace space, long addr) {
        try {
            space.munmap(addr + 1, PAGE_BYTES);
        } catch (CallException error) {
            System.out.println("munmap at an odd address: EINVAL " + (error.errno() == EINVAL));
        }
        space.munmap(addr, PAGES * PAGE_BYTES);
        try {
            space.load(addr);
        } catch (FaultException error) {
            System.out.println("load of what is gone: SIGSEGV " + (error.signal() == SIGSEGV));
        }
        space.exit();
        try {
            space.load(addr);
        } catch (ServiceException error) {
            boolean gone = error instanceof ServiceException.NoSuchAddressSpace;
            System.out.println("after exit: no such address space " + gone);
        }
    }
}
