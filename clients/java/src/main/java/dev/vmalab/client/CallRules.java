// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import dev.vmalab.v1.RunScenarioRequest;
import dev.vmalab.v1.WaitPointRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** What each call of a client goes through: closed or not, the deadline, the token. */
final class CallRules implements ClientInterceptor {
    private static final Metadata.Key<String> AUTHORIZATION =
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final Duration SCENARIO = Duration.ofSeconds(70);

    /** More than ten years is the same as for ever, and a clock can count it. */
    private static final Duration BOUND_MAX = Duration.ofDays(3650);

    private final String token;
    private final Duration timeout;
    private volatile boolean closed;

    CallRules(String token, Duration timeout) {
        this.token = token;
        this.timeout = bounded(timeout);
    }

    /** A time that a clock can count; {@link IllegalArgumentException} if it is negative. */
    static Duration bounded(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("a time is not negative: " + time);
        }
        return time.compareTo(BOUND_MAX) < 0 ? time : BOUND_MAX;
    }

    /** No call is made from now on. */
    void close() {
        closed = true;
    }

    boolean isClosed() {
        return closed;
    }

    void checkOpen() {
        if (closed) {
            throw closed();
        }
    }

    static RefusedException.Closed closed() {
        return new RefusedException.Closed("this client is closed: connect another one");
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
            MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        checkOpen();
        return new SimpleForwardingClientCall<>(bounded(method, options, next)) {
            @Override
            public void start(Listener<A> listener, Metadata headers) {
                if (!token.isEmpty()) {
                    headers.put(AUTHORIZATION, "Bearer " + token);
                }
                super.start(listener, headers);
            }
        };
    }

    private <Q, A> ClientCall<Q, A> bounded(
            MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        if (method.getType() != MethodType.UNARY
                || timeout.isZero()
                || options.getDeadline() != null
                || Context.current().getDeadline() != null) {
            return next.newCall(method, options);
        }
        String name = method.getBareMethodName();
        if ("WaitPoint".equals(name) || "RunScenario".equals(name)) {
            return new LateCall<>(method, options, next);
        }
        return next.newCall(
            method, options.withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS));
    }

    /** How much longer than others a call may take by itself. */
    static Duration moreTime(Object request) {
        if (request instanceof WaitPointRequest one) {
            return Duration.ofMillis(Integer.toUnsignedLong(one.getTimeoutMs()));
        }
        if (request instanceof RunScenarioRequest one) {
            return SCENARIO.plusMillis(Integer.toUnsignedLong(one.getTimeMs()));
        }
        return Duration.ZERO;
    }

    /** A call whose deadline depends on its request: it begins when the request is there. */
    private final class LateCall<Q, A> extends ClientCall<Q, A> {
        private final MethodDescriptor<Q, A> method;
        private final CallOptions options;
        private final Channel next;
        private Listener<A> listener;
        private Metadata headers;
        private int requested;
        private ClientCall<Q, A> call;

        LateCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            this.method = method;
            this.options = options;
            this.next = next;
        }

        @Override
        public void start(Listener<A> given, Metadata with) {
            listener = given;
            headers = with;
        }

        @Override
        public void request(int messages) {
            if (call == null) {
                requested += messages;
            } else {
                call.request(messages);
            }
        }

        @Override
        public void sendMessage(Q message) {
            Duration time = timeout.plus(moreTime(message));
            CallOptions bounded =
                options.withDeadlineAfter(time.toMillis(), TimeUnit.MILLISECONDS);
            call = next.newCall(method, bounded);
            call.start(listener, headers);
            call.request(requested);
            call.sendMessage(message);
        }

        @Override
        public void halfClose() {
            call.halfClose();
        }

        @Override
        public void cancel(String message, Throwable cause) {
            if (call == null) {
                Status status = Status.CANCELLED.withDescription(message).withCause(cause);
                listener.onClose(status, new Metadata());
            } else {
                call.cancel(message, cause);
            }
        }
    }
}
