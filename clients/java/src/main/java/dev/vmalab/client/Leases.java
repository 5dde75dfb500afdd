// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.HoldRequest;
import dev.vmalab.v1.HoldResponse;
import dev.vmalab.v1.MemoryServiceGrpc;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The leases of a client: one Hold stream, opened with the first of them. When it ends (the worker
 * was killed, the server stopped) another is opened with all of them, at whatever worker answers;
 * the server keeps what they are on for its grace time meanwhile.
 */
final class Leases {
    private static final long RETRY_FIRST_MS = 20;
    private static final long RETRY_MAX_MS = 500;

    private final MemoryServiceGrpc.MemoryServiceStub stub;
    private final ScheduledExecutorService timer;
    private final Map<Long, Boolean> mms = new HashMap<>(); // whether the server has confirmed it
    private final Set<Long> files = new HashSet<>();
    private final List<Long> lost = new ArrayList<>();
    private Stream stream;
    private boolean started;
    private boolean closed;
    private long retryMs = RETRY_FIRST_MS;

    Leases(Channel channel, ScheduledExecutorService timer) {
        this.stub = MemoryServiceGrpc.newStub(channel).withWaitForReady();
        this.timer = timer;
    }

    synchronized void add(long mm) {
        if (!closed && mms.putIfAbsent(mm, false) == null) {
            say(HoldRequest.newBuilder().addAdd(mm).build());
        }
    }

    synchronized void drop(long mm) {
        if (mms.remove(mm) != null) {
            say(HoldRequest.newBuilder().addDrop(mm).build());
        }
    }

    synchronized void addFile(long file) {
        if (!closed && files.add(file)) {
            say(HoldRequest.newBuilder().addAddFiles(file).build());
        }
    }

    synchronized List<Long> lost() {
        return List.copyOf(lost);
    }

    /** Whether the lease is confirmed in time; false too if there is none. */
    synchronized boolean await(long mm, Duration most) {
        long end = System.nanoTime() + most.toNanos();
        while (!closed && Boolean.FALSE.equals(mms.get(mm))) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                return false;
            }
            try {
                wait(left);
            } catch (InterruptedException wanted) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return !closed && mms.containsKey(mm);
    }

    synchronized void close() {
        closed = true;
        if (stream != null) {
            stream.requests.cancel("the client is closed", null);
            stream = null;
        }
        notifyAll();
    }

    /** Sends a change; without a stream the next one begins with all leases. */
    private void say(HoldRequest change) {
        if (!started) {
            started = true;
            open();
        } else if (stream != null) {
            stream.requests.onNext(change);
        }
    }

    private synchronized void open() {
        if (closed) {
            return;
        }
        mms.replaceAll((mm, confirmed) -> false);
        HoldRequest.Builder all = HoldRequest.newBuilder();
        all.addAllAdd(mms.keySet()).addAllAddFiles(files);
        Stream made = new Stream();
        stream = made;
        // The stream outlives the call that wanted the first lease, and its deadline.
        Context.ROOT.run(() -> stub.hold(made));
        made.requests.onNext(all.build());
    }

    private synchronized void hear(Stream from, HoldResponse answer) {
        if (from != stream) {
            return;
        }
        retryMs = RETRY_FIRST_MS;
        for (long mm : answer.getMissingList()) {
            if (mms.remove(mm) != null) {
                lost.add(mm);
            }
        }
        files.removeAll(answer.getMissingFilesList());
        // Answers come in the order of the requests: when the server counts as many as are wanted,
        // it has all of them.
        if (answer.getHeldCount() >= mms.size()) {
            mms.replaceAll((mm, confirmed) -> true);
        }
        notifyAll();
    }

    private synchronized void ended(Stream one) {
        if (one != stream) {
            return;
        }
        stream = null;
        try {
            timer.schedule(this::open, retryMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException over) {
            closed = true; // the client is closed
        }
        retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
    }

    /** One Hold stream. */
    private final class Stream implements ClientResponseObserver<HoldRequest, HoldResponse> {
        private ClientCallStreamObserver<HoldRequest> requests;

        @Override
        public void beforeStart(ClientCallStreamObserver<HoldRequest> given) {
            requests = given;
        }

        @Override
        public void onNext(HoldResponse answer) {
            hear(this, answer);
        }

        @Override
        public void onError(Throwable error) {
            ended(this);
        }

        @Override
        public void onCompleted() {
            ended(this);
        }
    }
}
