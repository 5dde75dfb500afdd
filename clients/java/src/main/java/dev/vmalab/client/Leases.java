// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.HoldRequest;
import dev.vmalab.v1.HoldResponse;
import dev.vmalab.v1.MemoryServiceGrpc;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The leases of a client: one Hold stream, opened with the first of them. When it ends (the worker
 * was killed, the server stopped) another is opened with all of them, at whatever worker answers;
 * the server keeps what they are on for its grace time meanwhile.
 *
 * <p>Each request of a stream has one answer, in order. A lease is confirmed by the answer to the
 * request that names it, and no longer than that stream lasts.
 */
final class Leases {
    private static final long RETRY_FIRST_MS = 20;
    private static final long RETRY_MAX_MS = 500;

    private final MemoryServiceGrpc.MemoryServiceStub stub;
    private final ScheduledExecutorService timer;
    private final Map<Long, Lease> mms = new HashMap<>();
    private final Map<Long, Lease> files = new HashMap<>();
    private final List<Long> lost = new ArrayList<>();
    private Stream stream;
    private long said; // requests of this stream
    private long heard; // answers to them
    private boolean started;
    private boolean closed;
    private long retryMs = RETRY_FIRST_MS;

    Leases(Channel channel, ScheduledExecutorService timer) {
        this.stub = MemoryServiceGrpc.newStub(channel).withWaitForReady();
        this.timer = timer;
    }

    /** Of each handle on an address space. */
    synchronized void add(long mm) {
        Lease found = mms.get(mm);
        if (found != null) {
            found.users++;
        } else if (!closed) {
            mms.put(mm, new Lease(said + 1));
            say(HoldRequest.newBuilder().addAdd(mm).build());
        }
    }

    /** Of each handle that ends: the lease ends with the last of them. */
    synchronized void drop(long mm) {
        Lease found = mms.get(mm);
        if (found != null && --found.users == 0) {
            forget(mm);
        }
    }

    /** The address space ends: no handle has a lease on it any more. */
    synchronized void forget(long mm) {
        if (mms.remove(mm) != null) {
            say(HoldRequest.newBuilder().addDrop(mm).build());
            notifyAll();
        }
    }

    /** Of each open of a file. */
    synchronized void addFile(long file) {
        Lease found = files.get(file);
        if (found != null) {
            found.users++;
        } else if (!closed) {
            files.put(file, new Lease(said + 1));
            say(HoldRequest.newBuilder().addAddFiles(file).build());
        }
    }

    /** Of each close: the lease ends with the last open. */
    synchronized void dropFile(long file) {
        Lease found = files.get(file);
        if (found == null || --found.users > 0) {
            return;
        }
        files.remove(file);
        say(HoldRequest.newBuilder().addDropFiles(file).build());
    }

    synchronized List<Long> lost() {
        return List.copyOf(lost);
    }

    /** Whether the lease is confirmed in time; false too if there is none. */
    synchronized boolean await(long mm, Duration most) {
        long end = System.nanoTime() + most.toNanos();
        while (!closed && mms.containsKey(mm) && mms.get(mm).request > heard) {
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
            said++;
            stream.requests.onNext(change);
        }
    }

    private synchronized void open() {
        if (closed) {
            return;
        }
        confirmNone();
        HoldRequest.Builder all = HoldRequest.newBuilder();
        all.addAllAdd(mms.keySet()).addAllAddFiles(files.keySet());
        Stream made = new Stream();
        stream = made;
        said = 1;
        // The stream outlives the call that wanted the first lease, and its deadline.
        Context.ROOT.run(() -> stub.hold(made));
        made.requests.onNext(all.build());
    }

    /** The next stream begins with all leases in its first request. */
    private void confirmNone() {
        said = 0;
        heard = 0;
        mms.values().forEach(one -> one.request = 1);
        files.values().forEach(one -> one.request = 1);
    }

    private synchronized void hear(Stream from, HoldResponse answer) {
        if (from != stream) {
            return;
        }
        retryMs = RETRY_FIRST_MS;
        heard++;
        for (long mm : answer.getMissingList()) {
            Lease found = mms.get(mm);
            if (found != null && found.request <= heard) {
                mms.remove(mm);
                lost.add(mm);
            }
        }
        for (long file : answer.getMissingFilesList()) {
            Lease found = files.get(file);
            // One that was opened again meanwhile is in a request that has no answer yet.
            if (found != null && found.request <= heard) {
                files.remove(file);
            }
        }
        notifyAll();
    }

    private synchronized void ended(Stream one, Throwable error) {
        if (one != stream) {
            return;
        }
        stream = null;
        confirmNone();
        boolean refused = error instanceof StatusRuntimeException own && isRefused(own);
        try {
            timer.schedule(this::open, refused ? 0 : retryMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException over) {
            closed = true; // the client is closed
        }
        if (!refused) {
            retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
        }
    }

    /** Whether the server has refused a lease, which is lost then: the next stream is without it. */
    private boolean isRefused(StatusRuntimeException error) {
        ServiceException own = ServiceException.of(error);
        if (!own.reason().equals(Constants.REASON_NOT_OWNER)) {
            return false;
        }
        long mm = Long.parseUnsignedLong(own.metadata().getOrDefault("mm", "0"));
        long file = Long.parseUnsignedLong(own.metadata().getOrDefault("file", "0"));
        if (mms.remove(mm) != null) {
            lost.add(mm);
            notifyAll();
            return true;
        }
        return files.remove(file) != null;
    }

    /** The lease on an address space, or on a file. */
    private static final class Lease {
        private int users = 1; // handles, or opens
        private long request; // which one of the stream names it

        private Lease(long request) {
            this.request = request;
        }
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
            ended(this, error);
        }

        @Override
        public void onCompleted() {
            ended(this, null);
        }
    }
}
