// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;

/**
 * A request that the service could not serve. Its subclasses are the kinds that a program may want
 * to catch; one of no such kind is of this class itself.
 */
public sealed class ServiceException extends VmalabException {
    private final transient Status status;
    private final String reason;
    private final transient Map<String, String> metadata;

    private ServiceException(StatusRuntimeException cause, ErrorInfo info) {
        super(said(cause.getStatus(), info), cause);
        this.status = cause.getStatus();
        this.reason = info.getReason();
        this.metadata = info.getMetadataMap();
    }

    private static String said(Status status, ErrorInfo info) {
        String name = info.getReason().isEmpty() ? status.getCode().name() : info.getReason();
        return name + ": " + status.getDescription();
    }

    /**
     * The exception of this package for one of gRPC. Programs that use generated stubs on {@link
     * Client#channel} translate with it.
     *
     * @param error what a stub has thrown
     * @return the same error, with its ErrorInfo decoded
     */
    public static ServiceException of(StatusRuntimeException error) {
        ErrorInfo info = infoOf(error);
        switch (error.getStatus().getCode()) {
            case NOT_FOUND:
                return info.getReason().equals(Constants.REASON_NO_SUCH_MM)
                    ? new NoSuchAddressSpace(error, info)
                    : new ServiceException(error, info);
            case RESOURCE_EXHAUSTED:
                return new Limit(error, info);
            case INVALID_ARGUMENT:
            case FAILED_PRECONDITION:
            case OUT_OF_RANGE:
            case UNIMPLEMENTED:
                return new Invalid(error, info);
            case UNAUTHENTICATED:
                return new Unauthenticated(error, info);
            case PERMISSION_DENIED:
                return new NotOwner(error, info);
            case UNAVAILABLE:
                return new Unavailable(error, info);
            case CANCELLED:
                return new Cancelled(error, info);
            case DEADLINE_EXCEEDED:
                return new DeadlineExceeded(error, info);
            default:
                return new ServiceException(error, info);
        }
    }

    /** One that gRPC has not made. */
    static ServiceException of(Status status) {
        return of(status.asRuntimeException());
    }

    /**
     * The error of a block. gRPC itself refuses a message that is too large, before the service can
     * give a reason; it is the same as a block that the service refuses.
     */
    ServiceException ofBlock() {
        String text = String.valueOf(status.getDescription());
        if (code() != Status.Code.RESOURCE_EXHAUSTED
                || !reason.isEmpty()
                || !text.contains("larger than max")) {
            return this;
        }
        ErrorInfo info =
            ErrorInfo.newBuilder()
                .setReason(Constants.REASON_BLOCK_TOO_BIG)
                .setDomain("vmalab")
                .putMetadata("limit", "message_bytes_max")
                .build();
        return of(
            StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                    .setCode(Status.Code.INVALID_ARGUMENT.value())
                    .setMessage(
                        "the block is larger than a message may be: send it in parts ("
                            + text
                            + ")")
                    .addDetails(Any.pack(info))
                    .build()));
    }

    private static ErrorInfo infoOf(StatusRuntimeException error) {
        Metadata trailers = error.getTrailers();
        com.google.rpc.Status status =
            StatusProto.fromStatusAndTrailers(
                error.getStatus(), trailers == null ? new Metadata() : trailers);
        for (Any detail : status.getDetailsList()) {
            if (detail.is(ErrorInfo.class)) {
                try {
                    return detail.unpack(ErrorInfo.class);
                } catch (InvalidProtocolBufferException broken) {
                    break; // it counts as an error without a reason
                }
            }
        }
        return ErrorInfo.getDefaultInstance();
    }

    /**
     * The gRPC code.
     *
     * @return the code
     */
    public Status.Code code() {
        return status.getCode();
    }

    /**
     * The stable symbol of google.rpc.ErrorInfo.
     *
     * @return the reason, {@link Constants#REASON_NO_SUCH_MM}; empty if no server answered
     */
    public String reason() {
        return reason;
    }

    /**
     * What belongs to the reason.
     *
     * @return texts by name
     */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * The status as gRPC has it.
     *
     * @return the status
     */
    public Status status() {
        return status;
    }

    /** The address space has exited, or never was. */
    public static final class NoSuchAddressSpace extends ServiceException {
        private NoSuchAddressSpace(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** A named limit of the instance or of the service is reached. */
    public static final class Limit extends ServiceException {
        private Limit(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** The request is not one that can be served. */
    public static final class Invalid extends ServiceException {
        private Invalid(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** The server wants a token and got none, or a wrong one. */
    public static final class Unauthenticated extends ServiceException {
        private Unauthenticated(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** The address space or the file is another client's, and not shared. */
    public static final class NotOwner extends ServiceException {
        private NotOwner(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** Nobody answers, or the worker died during the call, which may have been executed. */
    public static final class Unavailable extends ServiceException {
        private Unavailable(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** The context was cancelled or the thread interrupted; the call may have been executed. */
    public static final class Cancelled extends ServiceException {
        private Cancelled(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }

    /** No answer came in time; the call may have been executed. */
    public static final class DeadlineExceeded extends ServiceException {
        private DeadlineExceeded(StatusRuntimeException cause, ErrorInfo info) {
            super(cause, info);
        }
    }
}
