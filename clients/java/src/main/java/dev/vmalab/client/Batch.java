// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import com.google.protobuf.ByteString;
import dev.vmalab.v1.BatchRequest;
import dev.vmalab.v1.BatchResponse;
import dev.vmalab.v1.MemoryServiceGrpc;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A stream of blocks, for one thread. Keep several outstanding: that is what makes it fast. Close
 * it.
 */
public final class Batch implements AutoCloseable {
    /** How many blocks are outstanding at most, unless another window is given. */
    public static final int WINDOW_DEFAULT = 8;

    private final int window;
    private final Answers answers = new Answers();
    private final Deque<Long> outstanding = new ArrayDeque<>();
    private long tag;
    private boolean closed;
    private ServiceException ended;
    private final Context opened = Context.current();

    Batch(Channel channel, int window) {
        if (window < 1) {
            throw new RefusedException.BadWindow("a window has 1 block or more, not " + window);
        }
        this.window = window;
        MemoryServiceGrpc.newStub(channel).batch(answers);
    }

    /**
     * How much is on the way.
     *
     * @return how many blocks were sent and not received yet
     */
    public int outstanding() {
        return outstanding.size();
    }

    /**
     * Whether an answer must be received before the next block is sent.
     *
     * @return whether the window is full
     */
    public boolean isFull() {
        return outstanding.size() >= window;
    }

    /**
     * Sends a block. It is copied: the builder can be used again at once.
     *
     * @param block the block
     */
    public void send(BlockBuilder block) {
        send(block.bytes());
    }

    /**
     * Sends a block that was built otherwise.
     *
     * @param block its bytes
     */
    public void send(ByteString block) {
        send(block, false);
    }

    /**
     * Sends a block of which only what fails comes back, which makes a stream twice as fast: {@link
     * #receiveFailed} gives it. Values do not come back.
     *
     * @param block its bytes
     */
    public void sendFailedOnly(ByteString block) {
        send(block, true);
    }

    private void send(ByteString block, boolean failedOnly) {
        checkOpen();
        if (isFull()) {
            throw new RefusedException.BadWindow(
                window + " blocks are outstanding: receive an answer first");
        }
        tag++;
        answers.requests.onNext(
            BatchRequest.newBuilder()
                .setBlock(block)
                .setTag(tag)
                .setFailedOnly(failedOnly)
                .build());
        outstanding.add(tag); // if the stream has ended, receive has the reason
    }

    private void checkOpen() {
        if (closed) {
            throw new RefusedException.Closed("this stream is closed: open another one");
        }
    }

    /** Why the stream has ended. */
    private ServiceException reason(StatusRuntimeException error) {
        if (error.getStatus().getCode() == Status.Code.CANCELLED && opened.isCancelled()) {
            return ServiceException.of(
                Status.CANCELLED
                    .withDescription(
                        "the stream ended with the Context, or the `within`, that opened it: open"
                            + " another one")
                    .withCause(error));
        }
        return ServiceException.of(error).ofBlock();
    }

    private BatchResponse next() {
        checkOpen();
        if (outstanding.isEmpty()) {
            throw new RefusedException.BadWindow("no block is outstanding");
        }
        if (ended != null) {
            throw ended;
        }
        Object came;
        try {
            came = answers.queue.take();
        } catch (InterruptedException wanted) {
            Thread.currentThread().interrupt();
            close();
            ended = ServiceException.of(Status.CANCELLED.withDescription("interrupted"));
            throw ended;
        }
        if (came instanceof StatusRuntimeException error) {
            ended = reason(error);
            throw ended;
        }
        BatchResponse answer = (BatchResponse) came;
        long wanted = outstanding.remove();
        if (answer.getTag() != wanted) {
            throw ServiceException.of(
                Status.UNAVAILABLE.withDescription(
                    "answer " + answer.getTag() + " instead of " + wanted));
        }
        return answer;
    }

    /**
     * Waits for the results of the oldest block that is outstanding.
     *
     * @return its results
     */
    public Results receive() {
        return Results.of(next().getResults());
    }

    /**
     * Waits for what failed of the oldest block, which was sent with {@link #sendFailedOnly}.
     *
     * @return what failed
     */
    public Failed receiveFailed() {
        BatchResponse answer = next();
        return new Failed(
            answer.getExecuted(),
            List.copyOf(answer.getFailedList()),
            Results.of(answer.getResults()));
    }

    /**
     * What a block answers of which only what fails comes back.
     *
     * @param executed how many records were executed
     * @param places those that failed, counted from 0
     * @param results theirs, in the same order
     */
    public record Failed(long executed, List<Integer> places, Results results) {}

    /** Ends the stream. Answers that were not received are given up. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (outstanding.isEmpty()) {
            answers.requests.onCompleted();
        } else {
            answers.requests.cancel("closed", null);
        }
    }

    /** Takes answers as they come; there are never more of them than the window has room for. */
    private static final class Answers
            implements ClientResponseObserver<BatchRequest, BatchResponse> {
        private final BlockingQueue<Object> queue = new LinkedBlockingQueue<>();
        private ClientCallStreamObserver<BatchRequest> requests;

        @Override
        public void beforeStart(ClientCallStreamObserver<BatchRequest> given) {
            requests = given;
        }

        @Override
        public void onNext(BatchResponse answer) {
            queue.add(answer);
        }

        @Override
        public void onError(Throwable error) {
            Status status = Status.fromThrowable(error);
            queue.add(status.asRuntimeException(Status.trailersFromThrowable(error)));
        }

        @Override
        public void onCompleted() {
            Status status = Status.UNAVAILABLE.withDescription("the server ended the stream");
            queue.add(status.asRuntimeException());
        }
    }
}
