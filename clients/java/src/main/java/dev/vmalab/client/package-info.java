// SPDX-License-Identifier: Apache-2.0

/**
 * The Java client of vmalab: emulated address spaces over gRPC.
 *
 * <pre>{@code
 * try (Client client = Client.connect("127.0.0.1:7420");
 *         AddressSpace space = client.newAddressSpace()) {
 *     long addr = space.map(1 << 20);
 *     space.store(addr, 42);
 * }
 * }</pre>
 *
 * <h2>Addresses</h2>
 *
 * <p>Addresses, words and numbers of address spaces have 64 bits, without a sign. They are {@code
 * long} here: one above {@link java.lang.Long#MAX_VALUE} is a negative number with the same bits,
 * and every method takes and gives it so. {@link java.lang.Long#toUnsignedString(long)}, {@link
 * java.lang.Long#toHexString(long)}, {@link java.lang.Long#parseUnsignedLong(String, int)} and
 * {@link java.lang.Long#compareUnsigned(long, long)} show, read and compare them.
 *
 * <h2>Errors</h2>
 *
 * <p>All are unchecked, and a {@link dev.vmalab.client.VmalabException}. What the emulated kernel
 * refuses is a {@link dev.vmalab.client.CallException} with its errno. An access that would raise a
 * signal is a {@link dev.vmalab.client.FaultException}, one that would wait for a userfaultfd a
 * {@link dev.vmalab.client.UserFaultException}. What the service itself cannot serve is a {@link
 * dev.vmalab.client.ServiceException} with a code, a reason and metadata; its subclasses are the
 * kinds. What the client refuses by itself is a {@link dev.vmalab.client.RefusedException}.
 *
 * <h2>Deadlines, cancellation and retries</h2>
 *
 * <p>Each call is bounded by the deadline of the current {@link io.grpc.Context}, or else by {@link
 * dev.vmalab.client.ClientOptions#timeout}, 30 seconds; {@link dev.vmalab.client.Client#within}
 * sets one for a piece of a program. A call ends with {@link
 * dev.vmalab.client.ServiceException.Cancelled} when its context is cancelled, or its thread
 * interrupted. Calls of {@link dev.vmalab.client.Inspect} are tried again while no worker answers,
 * because they do no harm twice; no other call is. A call that ended with {@link
 * dev.vmalab.client.ServiceException.Unavailable}, a deadline or a cancellation may have been
 * executed.
 *
 * <h2>Leases</h2>
 *
 * <p>A client has a lease on each address space and file that it makes or uses, until the address
 * space is closed or detached, or the client is closed. {@link dev.vmalab.client.Client#lost} has
 * the address spaces whose lease is lost: they ended, or are another client's.
 */
package dev.vmalab.client;
