// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** When a client connects again: the times are those that it asks its timer for. */
class ReconnectorTest {
    /** Notes what is to be done later; a test does it. */
    private static final class Timer extends ScheduledThreadPoolExecutor {
        private final List<Long> delays = new ArrayList<>();
        private Runnable next;

        Timer() {
            super(1);
        }

        @Override
        public ScheduledFuture<?> schedule(Runnable work, long delay, TimeUnit unit) {
            delays.add(unit.toMillis(delay));
            next = work;
            return null;
        }

        /** Does what is due; false: nothing is. */
        boolean run() {
            Runnable due = next;
            next = null;
            if (due != null) {
                due.run();
            }
            return due != null;
        }
    }

    /** Counts how often it is to connect. */
    private static final class Connection extends ManagedChannel {
        private int tries;

        @Override
        public void resetConnectBackoff() {
            tries++;
        }

        @Override
        public ManagedChannel shutdown() {
            return this;
        }

        @Override
        public boolean isShutdown() {
            return false;
        }

        @Override
        public boolean isTerminated() {
            return false;
        }

        @Override
        public ManagedChannel shutdownNow() {
            return this;
        }

        @Override
        public boolean awaitTermination(long most, TimeUnit unit) {
            return true;
        }

        @Override
        public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions how) {
            throw new UnsupportedOperationException("no call is made here");
        }

        @Override
        public String authority() {
            return "localhost";
        }
    }

    private final Timer timer = new Timer();
    private final Connection connection = new Connection();
    private final Reconnector reconnector = new Reconnector(timer, () -> 2);

    @Test
    void atMostEverySecondUntilAllConnectionsAreThere() {
        reconnector.serve(connection);
        Attributes first = reconnector.transportReady(Attributes.EMPTY);
        reconnector.transportReady(Attributes.EMPTY);
        reconnector.transportTerminated(first);
        for (int i = 0; i < 7; i++) {
            timer.run();
        }
        assertEquals(List.of(50L, 100L, 200L, 400L, 800L, 1000L, 1000L, 1000L), timer.delays);
        assertEquals(7, connection.tries);
        reconnector.transportReady(Attributes.EMPTY);
        timer.run();
        assertEquals(7, connection.tries, "all are there");
        assertEquals(false, timer.run());
        timer.shutdownNow();
    }

    @Test
    void aConnectionThatNeverWasCountsNot() {
        reconnector.serve(connection);
        reconnector.transportReady(Attributes.EMPTY);
        reconnector.transportTerminated(Attributes.EMPTY);
        reconnector.transportTerminated(null);
        reconnector.transportReady(Attributes.EMPTY);
        assertEquals(true, timer.run());
        assertEquals(0, connection.tries, "two are ready");
        assertEquals(List.of(50L), timer.delays);
        timer.shutdownNow();
    }
}
