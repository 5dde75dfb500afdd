// SPDX-License-Identifier: Apache-2.0
package dev.vmalab.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * BenchService answers what it is asked, in the same workers and threads that serve memory.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class BenchServiceGrpc {

  private BenchServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "vmalab.v1.BenchService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.EchoRequest,
      dev.vmalab.v1.EchoResponse> getEchoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Echo",
      requestType = dev.vmalab.v1.EchoRequest.class,
      responseType = dev.vmalab.v1.EchoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.EchoRequest,
      dev.vmalab.v1.EchoResponse> getEchoMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.EchoRequest, dev.vmalab.v1.EchoResponse> getEchoMethod;
    if ((getEchoMethod = BenchServiceGrpc.getEchoMethod) == null) {
      synchronized (BenchServiceGrpc.class) {
        if ((getEchoMethod = BenchServiceGrpc.getEchoMethod) == null) {
          BenchServiceGrpc.getEchoMethod = getEchoMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.EchoRequest, dev.vmalab.v1.EchoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Echo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.EchoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.EchoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new BenchServiceMethodDescriptorSupplier("Echo"))
              .build();
        }
      }
    }
    return getEchoMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.EchoBlocksRequest,
      dev.vmalab.v1.EchoBlocksResponse> getEchoBlocksMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "EchoBlocks",
      requestType = dev.vmalab.v1.EchoBlocksRequest.class,
      responseType = dev.vmalab.v1.EchoBlocksResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.EchoBlocksRequest,
      dev.vmalab.v1.EchoBlocksResponse> getEchoBlocksMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.EchoBlocksRequest, dev.vmalab.v1.EchoBlocksResponse> getEchoBlocksMethod;
    if ((getEchoBlocksMethod = BenchServiceGrpc.getEchoBlocksMethod) == null) {
      synchronized (BenchServiceGrpc.class) {
        if ((getEchoBlocksMethod = BenchServiceGrpc.getEchoBlocksMethod) == null) {
          BenchServiceGrpc.getEchoBlocksMethod = getEchoBlocksMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.EchoBlocksRequest, dev.vmalab.v1.EchoBlocksResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "EchoBlocks"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.EchoBlocksRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.EchoBlocksResponse.getDefaultInstance()))
              .setSchemaDescriptor(new BenchServiceMethodDescriptorSupplier("EchoBlocks"))
              .build();
        }
      }
    }
    return getEchoBlocksMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static BenchServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<BenchServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<BenchServiceStub>() {
        @java.lang.Override
        public BenchServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new BenchServiceStub(channel, callOptions);
        }
      };
    return BenchServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static BenchServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<BenchServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<BenchServiceBlockingV2Stub>() {
        @java.lang.Override
        public BenchServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new BenchServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return BenchServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static BenchServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<BenchServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<BenchServiceBlockingStub>() {
        @java.lang.Override
        public BenchServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new BenchServiceBlockingStub(channel, callOptions);
        }
      };
    return BenchServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static BenchServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<BenchServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<BenchServiceFutureStub>() {
        @java.lang.Override
        public BenchServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new BenchServiceFutureStub(channel, callOptions);
        }
      };
    return BenchServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * BenchService answers what it is asked, in the same workers and threads that serve memory.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Echo is a message of the size of a Fault, sent back.
     * </pre>
     */
    default void echo(dev.vmalab.v1.EchoRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEchoMethod(), responseObserver);
    }

    /**
     * <pre>
     * EchoBlocks is a stream of blocks, each answered with 16 bytes for every 24.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoBlocksRequest> echoBlocks(
        io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoBlocksResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getEchoBlocksMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service BenchService.
   * <pre>
   * BenchService answers what it is asked, in the same workers and threads that serve memory.
   * </pre>
   */
  public static abstract class BenchServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return BenchServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service BenchService.
   * <pre>
   * BenchService answers what it is asked, in the same workers and threads that serve memory.
   * </pre>
   */
  public static final class BenchServiceStub
      extends io.grpc.stub.AbstractAsyncStub<BenchServiceStub> {
    private BenchServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected BenchServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new BenchServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Echo is a message of the size of a Fault, sent back.
     * </pre>
     */
    public void echo(dev.vmalab.v1.EchoRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEchoMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * EchoBlocks is a stream of blocks, each answered with 16 bytes for every 24.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoBlocksRequest> echoBlocks(
        io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoBlocksResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getEchoBlocksMethod(), getCallOptions()), responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service BenchService.
   * <pre>
   * BenchService answers what it is asked, in the same workers and threads that serve memory.
   * </pre>
   */
  public static final class BenchServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<BenchServiceBlockingV2Stub> {
    private BenchServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected BenchServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new BenchServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Echo is a message of the size of a Fault, sent back.
     * </pre>
     */
    public dev.vmalab.v1.EchoResponse echo(dev.vmalab.v1.EchoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getEchoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * EchoBlocks is a stream of blocks, each answered with 16 bytes for every 24.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.vmalab.v1.EchoBlocksRequest, dev.vmalab.v1.EchoBlocksResponse>
        echoBlocks() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getEchoBlocksMethod(), getCallOptions());
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service BenchService.
   * <pre>
   * BenchService answers what it is asked, in the same workers and threads that serve memory.
   * </pre>
   */
  public static final class BenchServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<BenchServiceBlockingStub> {
    private BenchServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected BenchServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new BenchServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Echo is a message of the size of a Fault, sent back.
     * </pre>
     */
    public dev.vmalab.v1.EchoResponse echo(dev.vmalab.v1.EchoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEchoMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service BenchService.
   * <pre>
   * BenchService answers what it is asked, in the same workers and threads that serve memory.
   * </pre>
   */
  public static final class BenchServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<BenchServiceFutureStub> {
    private BenchServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected BenchServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new BenchServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Echo is a message of the size of a Fault, sent back.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.EchoResponse> echo(
        dev.vmalab.v1.EchoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEchoMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_ECHO = 0;
  private static final int METHODID_ECHO_BLOCKS = 1;

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
        case METHODID_ECHO:
          serviceImpl.echo((dev.vmalab.v1.EchoRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoResponse>) responseObserver);
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
        case METHODID_ECHO_BLOCKS:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.echoBlocks(
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.EchoBlocksResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getEchoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.EchoRequest,
              dev.vmalab.v1.EchoResponse>(
                service, METHODID_ECHO)))
        .addMethod(
          getEchoBlocksMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.vmalab.v1.EchoBlocksRequest,
              dev.vmalab.v1.EchoBlocksResponse>(
                service, METHODID_ECHO_BLOCKS)))
        .build();
  }

  private static abstract class BenchServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    BenchServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.vmalab.v1.Bench.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("BenchService");
    }
  }

  private static final class BenchServiceFileDescriptorSupplier
      extends BenchServiceBaseDescriptorSupplier {
    BenchServiceFileDescriptorSupplier() {}
  }

  private static final class BenchServiceMethodDescriptorSupplier
      extends BenchServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    BenchServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (BenchServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new BenchServiceFileDescriptorSupplier())
              .addMethod(getEchoMethod())
              .addMethod(getEchoBlocksMethod())
              .build();
        }
      }
    }
    return result;
  }
}
