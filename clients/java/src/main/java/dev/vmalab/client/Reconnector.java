// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import io.grpc.Attributes;
import io.grpc.ClientTransportFilter;
import io.grpc.ManagedChannel;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * Connects again after a connection ended: after 50 ms at first, then less and less often, at most
 * every second. gRPC alone would wait for up to two minutes, and offers no setting for that.
 */
final class Reconnector extends ClientTransportFilter {
    private static final Attributes.Key<Boolean> READY = Attributes.Key.create("vmalab.ready");
    private static final long FIRST_MS = 50;
    private static final long MAX_MS = 1000;

    private final ScheduledExecutorService timer;
    private final IntSupplier wanted;
    private ManagedChannel channel;
    private int ready;
    private long delayMs;
    private boolean running;

    /** wanted: how many connections there are when all is well. */
    Reconnector(ScheduledExecutorService timer, IntSupplier wanted) {
        this.timer = timer;
        this.wanted = wanted;
    }

    synchronized void serve(ManagedChannel one) {
        channel = one;
    }

    @Override
    public synchronized Attributes transportReady(Attributes attributes) {
        ready++;
        return attributes.toBuilder().set(READY, true).build();
    }

    @Override
    public synchronized void transportTerminated(Attributes attributes) {
        if (attributes != null && attributes.get(READY) != null) {
            ready--;
        }
        if (!running) {
            running = true;
            delayMs = FIRST_MS;
            schedule();
        }
    }

    private void schedule() {
        try {
            timer.schedule(this::again, delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closed) {
            running = false; // the client is closed
        }
    }

    private void again() {
        ManagedChannel present;
        synchronized (this) {
            if (channel == null || channel.isShutdown() || ready >= wanted.getAsInt()) {
                running = false;
                return;
            }
            delayMs = Math.min(2 * delayMs, MAX_MS);
            present = channel;
            schedule();
        }
        present.resetConnectBackoff();
    }
}
