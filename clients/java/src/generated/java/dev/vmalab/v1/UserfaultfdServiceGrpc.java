// SPDX-License-Identifier: Apache-2.0
package dev.vmalab.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * UserfaultfdService opens userfaultfds of an address space and serves its faults.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class UserfaultfdServiceGrpc {

  private UserfaultfdServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "vmalab.v1.UserfaultfdService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.OpenUserfaultfdRequest,
      dev.vmalab.v1.OpenUserfaultfdResponse> getOpenUserfaultfdMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "OpenUserfaultfd",
      requestType = dev.vmalab.v1.OpenUserfaultfdRequest.class,
      responseType = dev.vmalab.v1.OpenUserfaultfdResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.OpenUserfaultfdRequest,
      dev.vmalab.v1.OpenUserfaultfdResponse> getOpenUserfaultfdMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.OpenUserfaultfdRequest, dev.vmalab.v1.OpenUserfaultfdResponse> getOpenUserfaultfdMethod;
    if ((getOpenUserfaultfdMethod = UserfaultfdServiceGrpc.getOpenUserfaultfdMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getOpenUserfaultfdMethod = UserfaultfdServiceGrpc.getOpenUserfaultfdMethod) == null) {
          UserfaultfdServiceGrpc.getOpenUserfaultfdMethod = getOpenUserfaultfdMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.OpenUserfaultfdRequest, dev.vmalab.v1.OpenUserfaultfdResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "OpenUserfaultfd"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.OpenUserfaultfdRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.OpenUserfaultfdResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("OpenUserfaultfd"))
              .build();
        }
      }
    }
    return getOpenUserfaultfdMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.CloseUserfaultfdRequest,
      dev.vmalab.v1.CloseUserfaultfdResponse> getCloseUserfaultfdMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CloseUserfaultfd",
      requestType = dev.vmalab.v1.CloseUserfaultfdRequest.class,
      responseType = dev.vmalab.v1.CloseUserfaultfdResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.CloseUserfaultfdRequest,
      dev.vmalab.v1.CloseUserfaultfdResponse> getCloseUserfaultfdMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.CloseUserfaultfdRequest, dev.vmalab.v1.CloseUserfaultfdResponse> getCloseUserfaultfdMethod;
    if ((getCloseUserfaultfdMethod = UserfaultfdServiceGrpc.getCloseUserfaultfdMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getCloseUserfaultfdMethod = UserfaultfdServiceGrpc.getCloseUserfaultfdMethod) == null) {
          UserfaultfdServiceGrpc.getCloseUserfaultfdMethod = getCloseUserfaultfdMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.CloseUserfaultfdRequest, dev.vmalab.v1.CloseUserfaultfdResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CloseUserfaultfd"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.CloseUserfaultfdRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.CloseUserfaultfdResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("CloseUserfaultfd"))
              .build();
        }
      }
    }
    return getCloseUserfaultfdMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdRegisterRequest,
      dev.vmalab.v1.UffdRegisterResponse> getUffdRegisterMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdRegister",
      requestType = dev.vmalab.v1.UffdRegisterRequest.class,
      responseType = dev.vmalab.v1.UffdRegisterResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdRegisterRequest,
      dev.vmalab.v1.UffdRegisterResponse> getUffdRegisterMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdRegisterRequest, dev.vmalab.v1.UffdRegisterResponse> getUffdRegisterMethod;
    if ((getUffdRegisterMethod = UserfaultfdServiceGrpc.getUffdRegisterMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdRegisterMethod = UserfaultfdServiceGrpc.getUffdRegisterMethod) == null) {
          UserfaultfdServiceGrpc.getUffdRegisterMethod = getUffdRegisterMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdRegisterRequest, dev.vmalab.v1.UffdRegisterResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdRegister"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdRegisterRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdRegisterResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdRegister"))
              .build();
        }
      }
    }
    return getUffdRegisterMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdUnregisterRequest,
      dev.vmalab.v1.UffdUnregisterResponse> getUffdUnregisterMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdUnregister",
      requestType = dev.vmalab.v1.UffdUnregisterRequest.class,
      responseType = dev.vmalab.v1.UffdUnregisterResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdUnregisterRequest,
      dev.vmalab.v1.UffdUnregisterResponse> getUffdUnregisterMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdUnregisterRequest, dev.vmalab.v1.UffdUnregisterResponse> getUffdUnregisterMethod;
    if ((getUffdUnregisterMethod = UserfaultfdServiceGrpc.getUffdUnregisterMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdUnregisterMethod = UserfaultfdServiceGrpc.getUffdUnregisterMethod) == null) {
          UserfaultfdServiceGrpc.getUffdUnregisterMethod = getUffdUnregisterMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdUnregisterRequest, dev.vmalab.v1.UffdUnregisterResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdUnregister"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdUnregisterRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdUnregisterResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdUnregister"))
              .build();
        }
      }
    }
    return getUffdUnregisterMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdCopyRequest,
      dev.vmalab.v1.UffdCopyResponse> getUffdCopyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdCopy",
      requestType = dev.vmalab.v1.UffdCopyRequest.class,
      responseType = dev.vmalab.v1.UffdCopyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdCopyRequest,
      dev.vmalab.v1.UffdCopyResponse> getUffdCopyMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdCopyRequest, dev.vmalab.v1.UffdCopyResponse> getUffdCopyMethod;
    if ((getUffdCopyMethod = UserfaultfdServiceGrpc.getUffdCopyMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdCopyMethod = UserfaultfdServiceGrpc.getUffdCopyMethod) == null) {
          UserfaultfdServiceGrpc.getUffdCopyMethod = getUffdCopyMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdCopyRequest, dev.vmalab.v1.UffdCopyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdCopy"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdCopyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdCopyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdCopy"))
              .build();
        }
      }
    }
    return getUffdCopyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdZeropageRequest,
      dev.vmalab.v1.UffdZeropageResponse> getUffdZeropageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdZeropage",
      requestType = dev.vmalab.v1.UffdZeropageRequest.class,
      responseType = dev.vmalab.v1.UffdZeropageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdZeropageRequest,
      dev.vmalab.v1.UffdZeropageResponse> getUffdZeropageMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdZeropageRequest, dev.vmalab.v1.UffdZeropageResponse> getUffdZeropageMethod;
    if ((getUffdZeropageMethod = UserfaultfdServiceGrpc.getUffdZeropageMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdZeropageMethod = UserfaultfdServiceGrpc.getUffdZeropageMethod) == null) {
          UserfaultfdServiceGrpc.getUffdZeropageMethod = getUffdZeropageMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdZeropageRequest, dev.vmalab.v1.UffdZeropageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdZeropage"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdZeropageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdZeropageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdZeropage"))
              .build();
        }
      }
    }
    return getUffdZeropageMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdContinueRequest,
      dev.vmalab.v1.UffdContinueResponse> getUffdContinueMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdContinue",
      requestType = dev.vmalab.v1.UffdContinueRequest.class,
      responseType = dev.vmalab.v1.UffdContinueResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdContinueRequest,
      dev.vmalab.v1.UffdContinueResponse> getUffdContinueMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdContinueRequest, dev.vmalab.v1.UffdContinueResponse> getUffdContinueMethod;
    if ((getUffdContinueMethod = UserfaultfdServiceGrpc.getUffdContinueMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdContinueMethod = UserfaultfdServiceGrpc.getUffdContinueMethod) == null) {
          UserfaultfdServiceGrpc.getUffdContinueMethod = getUffdContinueMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdContinueRequest, dev.vmalab.v1.UffdContinueResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdContinue"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdContinueRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdContinueResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdContinue"))
              .build();
        }
      }
    }
    return getUffdContinueMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdWriteprotectRequest,
      dev.vmalab.v1.UffdWriteprotectResponse> getUffdWriteprotectMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdWriteprotect",
      requestType = dev.vmalab.v1.UffdWriteprotectRequest.class,
      responseType = dev.vmalab.v1.UffdWriteprotectResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdWriteprotectRequest,
      dev.vmalab.v1.UffdWriteprotectResponse> getUffdWriteprotectMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdWriteprotectRequest, dev.vmalab.v1.UffdWriteprotectResponse> getUffdWriteprotectMethod;
    if ((getUffdWriteprotectMethod = UserfaultfdServiceGrpc.getUffdWriteprotectMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdWriteprotectMethod = UserfaultfdServiceGrpc.getUffdWriteprotectMethod) == null) {
          UserfaultfdServiceGrpc.getUffdWriteprotectMethod = getUffdWriteprotectMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdWriteprotectRequest, dev.vmalab.v1.UffdWriteprotectResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdWriteprotect"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdWriteprotectRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdWriteprotectResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdWriteprotect"))
              .build();
        }
      }
    }
    return getUffdWriteprotectMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdWakeRequest,
      dev.vmalab.v1.UffdWakeResponse> getUffdWakeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdWake",
      requestType = dev.vmalab.v1.UffdWakeRequest.class,
      responseType = dev.vmalab.v1.UffdWakeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdWakeRequest,
      dev.vmalab.v1.UffdWakeResponse> getUffdWakeMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdWakeRequest, dev.vmalab.v1.UffdWakeResponse> getUffdWakeMethod;
    if ((getUffdWakeMethod = UserfaultfdServiceGrpc.getUffdWakeMethod) == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        if ((getUffdWakeMethod = UserfaultfdServiceGrpc.getUffdWakeMethod) == null) {
          UserfaultfdServiceGrpc.getUffdWakeMethod = getUffdWakeMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdWakeRequest, dev.vmalab.v1.UffdWakeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdWake"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdWakeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdWakeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserfaultfdServiceMethodDescriptorSupplier("UffdWake"))
              .build();
        }
      }
    }
    return getUffdWakeMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static UserfaultfdServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceStub>() {
        @java.lang.Override
        public UserfaultfdServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserfaultfdServiceStub(channel, callOptions);
        }
      };
    return UserfaultfdServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static UserfaultfdServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceBlockingV2Stub>() {
        @java.lang.Override
        public UserfaultfdServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserfaultfdServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return UserfaultfdServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static UserfaultfdServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceBlockingStub>() {
        @java.lang.Override
        public UserfaultfdServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserfaultfdServiceBlockingStub(channel, callOptions);
        }
      };
    return UserfaultfdServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static UserfaultfdServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserfaultfdServiceFutureStub>() {
        @java.lang.Override
        public UserfaultfdServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserfaultfdServiceFutureStub(channel, callOptions);
        }
      };
    return UserfaultfdServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * UserfaultfdService opens userfaultfds of an address space and serves its faults.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * OpenUserfaultfd is userfaultfd(2) and its handshake, UFFDIO_API. A touch of a page that the program must serve
     * itself is answered with `userfault`.
     * </pre>
     */
    default void openUserfaultfd(dev.vmalab.v1.OpenUserfaultfdRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.OpenUserfaultfdResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getOpenUserfaultfdMethod(), responseObserver);
    }

    /**
     * <pre>
     * CloseUserfaultfd closes one: nothing is registered with it any more.
     * </pre>
     */
    default void closeUserfaultfd(dev.vmalab.v1.CloseUserfaultfdRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.CloseUserfaultfdResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCloseUserfaultfdMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdRegister is UFFDIO_REGISTER.
     * </pre>
     */
    default void uffdRegister(dev.vmalab.v1.UffdRegisterRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdRegisterResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdRegisterMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdUnregister is UFFDIO_UNREGISTER.
     * </pre>
     */
    default void uffdUnregister(dev.vmalab.v1.UffdUnregisterRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdUnregisterResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdUnregisterMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdCopy is UFFDIO_COPY.
     * </pre>
     */
    default void uffdCopy(dev.vmalab.v1.UffdCopyRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdCopyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdCopyMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdZeropage is UFFDIO_ZEROPAGE.
     * </pre>
     */
    default void uffdZeropage(dev.vmalab.v1.UffdZeropageRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdZeropageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdZeropageMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdContinue is UFFDIO_CONTINUE.
     * </pre>
     */
    default void uffdContinue(dev.vmalab.v1.UffdContinueRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdContinueResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdContinueMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdWriteprotect is UFFDIO_WRITEPROTECT.
     * </pre>
     */
    default void uffdWriteprotect(dev.vmalab.v1.UffdWriteprotectRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdWriteprotectResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdWriteprotectMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdWake is UFFDIO_WAKE; it checks its range, as nobody sleeps here.
     * </pre>
     */
    default void uffdWake(dev.vmalab.v1.UffdWakeRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdWakeResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdWakeMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service UserfaultfdService.
   * <pre>
   * UserfaultfdService opens userfaultfds of an address space and serves its faults.
   * </pre>
   */
  public static abstract class UserfaultfdServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return UserfaultfdServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service UserfaultfdService.
   * <pre>
   * UserfaultfdService opens userfaultfds of an address space and serves its faults.
   * </pre>
   */
  public static final class UserfaultfdServiceStub
      extends io.grpc.stub.AbstractAsyncStub<UserfaultfdServiceStub> {
    private UserfaultfdServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserfaultfdServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserfaultfdServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * OpenUserfaultfd is userfaultfd(2) and its handshake, UFFDIO_API. A touch of a page that the program must serve
     * itself is answered with `userfault`.
     * </pre>
     */
    public void openUserfaultfd(dev.vmalab.v1.OpenUserfaultfdRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.OpenUserfaultfdResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getOpenUserfaultfdMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * CloseUserfaultfd closes one: nothing is registered with it any more.
     * </pre>
     */
    public void closeUserfaultfd(dev.vmalab.v1.CloseUserfaultfdRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.CloseUserfaultfdResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCloseUserfaultfdMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdRegister is UFFDIO_REGISTER.
     * </pre>
     */
    public void uffdRegister(dev.vmalab.v1.UffdRegisterRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdRegisterResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdRegisterMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdUnregister is UFFDIO_UNREGISTER.
     * </pre>
     */
    public void uffdUnregister(dev.vmalab.v1.UffdUnregisterRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdUnregisterResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdUnregisterMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdCopy is UFFDIO_COPY.
     * </pre>
     */
    public void uffdCopy(dev.vmalab.v1.UffdCopyRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdCopyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdCopyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdZeropage is UFFDIO_ZEROPAGE.
     * </pre>
     */
    public void uffdZeropage(dev.vmalab.v1.UffdZeropageRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdZeropageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdZeropageMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdContinue is UFFDIO_CONTINUE.
     * </pre>
     */
    public void uffdContinue(dev.vmalab.v1.UffdContinueRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdContinueResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdContinueMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdWriteprotect is UFFDIO_WRITEPROTECT.
     * </pre>
     */
    public void uffdWriteprotect(dev.vmalab.v1.UffdWriteprotectRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdWriteprotectResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdWriteprotectMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdWake is UFFDIO_WAKE; it checks its range, as nobody sleeps here.
     * </pre>
     */
    public void uffdWake(dev.vmalab.v1.UffdWakeRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdWakeResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdWakeMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service UserfaultfdService.
   * <pre>
   * UserfaultfdService opens userfaultfds of an address space and serves its faults.
   * </pre>
   */
  public static final class UserfaultfdServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<UserfaultfdServiceBlockingV2Stub> {
    private UserfaultfdServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserfaultfdServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserfaultfdServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * OpenUserfaultfd is userfaultfd(2) and its handshake, UFFDIO_API. A touch of a page that the program must serve
     * itself is answered with `userfault`.
     * </pre>
     */
    public dev.vmalab.v1.OpenUserfaultfdResponse openUserfaultfd(dev.vmalab.v1.OpenUserfaultfdRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getOpenUserfaultfdMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CloseUserfaultfd closes one: nothing is registered with it any more.
     * </pre>
     */
    public dev.vmalab.v1.CloseUserfaultfdResponse closeUserfaultfd(dev.vmalab.v1.CloseUserfaultfdRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCloseUserfaultfdMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdRegister is UFFDIO_REGISTER.
     * </pre>
     */
    public dev.vmalab.v1.UffdRegisterResponse uffdRegister(dev.vmalab.v1.UffdRegisterRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdRegisterMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdUnregister is UFFDIO_UNREGISTER.
     * </pre>
     */
    public dev.vmalab.v1.UffdUnregisterResponse uffdUnregister(dev.vmalab.v1.UffdUnregisterRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdUnregisterMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdCopy is UFFDIO_COPY.
     * </pre>
     */
    public dev.vmalab.v1.UffdCopyResponse uffdCopy(dev.vmalab.v1.UffdCopyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdCopyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdZeropage is UFFDIO_ZEROPAGE.
     * </pre>
     */
    public dev.vmalab.v1.UffdZeropageResponse uffdZeropage(dev.vmalab.v1.UffdZeropageRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdZeropageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdContinue is UFFDIO_CONTINUE.
     * </pre>
     */
    public dev.vmalab.v1.UffdContinueResponse uffdContinue(dev.vmalab.v1.UffdContinueRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdContinueMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdWriteprotect is UFFDIO_WRITEPROTECT.
     * </pre>
     */
    public dev.vmalab.v1.UffdWriteprotectResponse uffdWriteprotect(dev.vmalab.v1.UffdWriteprotectRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdWriteprotectMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdWake is UFFDIO_WAKE; it checks its range, as nobody sleeps here.
     * </pre>
     */
    public dev.vmalab.v1.UffdWakeResponse uffdWake(dev.vmalab.v1.UffdWakeRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdWakeMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service UserfaultfdService.
   * <pre>
   * UserfaultfdService opens userfaultfds of an address space and serves its faults.
   * </pre>
   */
  public static final class UserfaultfdServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<UserfaultfdServiceBlockingStub> {
    private UserfaultfdServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserfaultfdServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserfaultfdServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * OpenUserfaultfd is userfaultfd(2) and its handshake, UFFDIO_API. A touch of a page that the program must serve
     * itself is answered with `userfault`.
     * </pre>
     */
    public dev.vmalab.v1.OpenUserfaultfdResponse openUserfaultfd(dev.vmalab.v1.OpenUserfaultfdRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getOpenUserfaultfdMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CloseUserfaultfd closes one: nothing is registered with it any more.
     * </pre>
     */
    public dev.vmalab.v1.CloseUserfaultfdResponse closeUserfaultfd(dev.vmalab.v1.CloseUserfaultfdRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCloseUserfaultfdMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdRegister is UFFDIO_REGISTER.
     * </pre>
     */
    public dev.vmalab.v1.UffdRegisterResponse uffdRegister(dev.vmalab.v1.UffdRegisterRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdRegisterMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdUnregister is UFFDIO_UNREGISTER.
     * </pre>
     */
    public dev.vmalab.v1.UffdUnregisterResponse uffdUnregister(dev.vmalab.v1.UffdUnregisterRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdUnregisterMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdCopy is UFFDIO_COPY.
     * </pre>
     */
    public dev.vmalab.v1.UffdCopyResponse uffdCopy(dev.vmalab.v1.UffdCopyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdCopyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdZeropage is UFFDIO_ZEROPAGE.
     * </pre>
     */
    public dev.vmalab.v1.UffdZeropageResponse uffdZeropage(dev.vmalab.v1.UffdZeropageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdZeropageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdContinue is UFFDIO_CONTINUE.
     * </pre>
     */
    public dev.vmalab.v1.UffdContinueResponse uffdContinue(dev.vmalab.v1.UffdContinueRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdContinueMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdWriteprotect is UFFDIO_WRITEPROTECT.
     * </pre>
     */
    public dev.vmalab.v1.UffdWriteprotectResponse uffdWriteprotect(dev.vmalab.v1.UffdWriteprotectRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdWriteprotectMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdWake is UFFDIO_WAKE; it checks its range, as nobody sleeps here.
     * </pre>
     */
    public dev.vmalab.v1.UffdWakeResponse uffdWake(dev.vmalab.v1.UffdWakeRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdWakeMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service UserfaultfdService.
   * <pre>
   * UserfaultfdService opens userfaultfds of an address space and serves its faults.
   * </pre>
   */
  public static final class UserfaultfdServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<UserfaultfdServiceFutureStub> {
    private UserfaultfdServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserfaultfdServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserfaultfdServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * OpenUserfaultfd is userfaultfd(2) and its handshake, UFFDIO_API. A touch of a page that the program must serve
     * itself is answered with `userfault`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.OpenUserfaultfdResponse> openUserfaultfd(
        dev.vmalab.v1.OpenUserfaultfdRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getOpenUserfaultfdMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * CloseUserfaultfd closes one: nothing is registered with it any more.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.CloseUserfaultfdResponse> closeUserfaultfd(
        dev.vmalab.v1.CloseUserfaultfdRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCloseUserfaultfdMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdRegister is UFFDIO_REGISTER.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdRegisterResponse> uffdRegister(
        dev.vmalab.v1.UffdRegisterRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdRegisterMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdUnregister is UFFDIO_UNREGISTER.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdUnregisterResponse> uffdUnregister(
        dev.vmalab.v1.UffdUnregisterRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdUnregisterMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdCopy is UFFDIO_COPY.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdCopyResponse> uffdCopy(
        dev.vmalab.v1.UffdCopyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdCopyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdZeropage is UFFDIO_ZEROPAGE.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdZeropageResponse> uffdZeropage(
        dev.vmalab.v1.UffdZeropageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdZeropageMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdContinue is UFFDIO_CONTINUE.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdContinueResponse> uffdContinue(
        dev.vmalab.v1.UffdContinueRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdContinueMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdWriteprotect is UFFDIO_WRITEPROTECT.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdWriteprotectResponse> uffdWriteprotect(
        dev.vmalab.v1.UffdWriteprotectRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdWriteprotectMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdWake is UFFDIO_WAKE; it checks its range, as nobody sleeps here.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdWakeResponse> uffdWake(
        dev.vmalab.v1.UffdWakeRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdWakeMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_OPEN_USERFAULTFD = 0;
  private static final int METHODID_CLOSE_USERFAULTFD = 1;
  private static final int METHODID_UFFD_REGISTER = 2;
  private static final int METHODID_UFFD_UNREGISTER = 3;
  private static final int METHODID_UFFD_COPY = 4;
  private static final int METHODID_UFFD_ZEROPAGE = 5;
  private static final int METHODID_UFFD_CONTINUE = 6;
  private static final int METHODID_UFFD_WRITEPROTECT = 7;
  private static final int METHODID_UFFD_WAKE = 8;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_OPEN_USERFAULTFD:
          serviceImpl.openUserfaultfd((dev.vmalab.v1.OpenUserfaultfdRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.OpenUserfaultfdResponse>) responseObserver);
          break;
        case METHODID_CLOSE_USERFAULTFD:
          serviceImpl.closeUserfaultfd((dev.vmalab.v1.CloseUserfaultfdRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.CloseUserfaultfdResponse>) responseObserver);
          break;
        case METHODID_UFFD_REGISTER:
          serviceImpl.uffdRegister((dev.vmalab.v1.UffdRegisterRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdRegisterResponse>) responseObserver);
          break;
        case METHODID_UFFD_UNREGISTER:
          serviceImpl.uffdUnregister((dev.vmalab.v1.UffdUnregisterRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdUnregisterResponse>) responseObserver);
          break;
        case METHODID_UFFD_COPY:
          serviceImpl.uffdCopy((dev.vmalab.v1.UffdCopyRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdCopyResponse>) responseObserver);
          break;
        case METHODID_UFFD_ZEROPAGE:
          serviceImpl.uffdZeropage((dev.vmalab.v1.UffdZeropageRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdZeropageResponse>) responseObserver);
          break;
        case METHODID_UFFD_CONTINUE:
          serviceImpl.uffdContinue((dev.vmalab.v1.UffdContinueRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdContinueResponse>) responseObserver);
          break;
        case METHODID_UFFD_WRITEPROTECT:
          serviceImpl.uffdWriteprotect((dev.vmalab.v1.UffdWriteprotectRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdWriteprotectResponse>) responseObserver);
          break;
        case METHODID_UFFD_WAKE:
          serviceImpl.uffdWake((dev.vmalab.v1.UffdWakeRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdWakeResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getOpenUserfaultfdMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.OpenUserfaultfdRequest,
              dev.vmalab.v1.OpenUserfaultfdResponse>(
                service, METHODID_OPEN_USERFAULTFD)))
        .addMethod(
          getCloseUserfaultfdMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.CloseUserfaultfdRequest,
              dev.vmalab.v1.CloseUserfaultfdResponse>(
                service, METHODID_CLOSE_USERFAULTFD)))
        .addMethod(
          getUffdRegisterMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdRegisterRequest,
              dev.vmalab.v1.UffdRegisterResponse>(
                service, METHODID_UFFD_REGISTER)))
        .addMethod(
          getUffdUnregisterMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdUnregisterRequest,
              dev.vmalab.v1.UffdUnregisterResponse>(
                service, METHODID_UFFD_UNREGISTER)))
        .addMethod(
          getUffdCopyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdCopyRequest,
              dev.vmalab.v1.UffdCopyResponse>(
                service, METHODID_UFFD_COPY)))
        .addMethod(
          getUffdZeropageMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdZeropageRequest,
              dev.vmalab.v1.UffdZeropageResponse>(
                service, METHODID_UFFD_ZEROPAGE)))
        .addMethod(
          getUffdContinueMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdContinueRequest,
              dev.vmalab.v1.UffdContinueResponse>(
                service, METHODID_UFFD_CONTINUE)))
        .addMethod(
          getUffdWriteprotectMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdWriteprotectRequest,
              dev.vmalab.v1.UffdWriteprotectResponse>(
                service, METHODID_UFFD_WRITEPROTECT)))
        .addMethod(
          getUffdWakeMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdWakeRequest,
              dev.vmalab.v1.UffdWakeResponse>(
                service, METHODID_UFFD_WAKE)))
        .build();
  }

  private static abstract class UserfaultfdServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    UserfaultfdServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.vmalab.v1.Userfaultfd.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("UserfaultfdService");
    }
  }

  private static final class UserfaultfdServiceFileDescriptorSupplier
      extends UserfaultfdServiceBaseDescriptorSupplier {
    UserfaultfdServiceFileDescriptorSupplier() {}
  }

  private static final class UserfaultfdServiceMethodDescriptorSupplier
      extends UserfaultfdServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    UserfaultfdServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (UserfaultfdServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new UserfaultfdServiceFileDescriptorSupplier())
              .addMethod(getOpenUserfaultfdMethod())
              .addMethod(getCloseUserfaultfdMethod())
              .addMethod(getUffdRegisterMethod())
              .addMethod(getUffdUnregisterMethod())
              .addMethod(getUffdCopyMethod())
              .addMethod(getUffdZeropageMethod())
              .addMethod(getUffdContinueMethod())
              .addMethod(getUffdWriteprotectMethod())
              .addMethod(getUffdWakeMethod())
              .build();
        }
      }
    }
    return result;
  }
}
