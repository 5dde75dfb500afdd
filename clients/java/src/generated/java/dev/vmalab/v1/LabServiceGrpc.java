// SPDX-License-Identifier: Apache-2.0
package dev.vmalab.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class LabServiceGrpc {

  private LabServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "vmalab.v1.LabService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListPointsRequest,
      dev.vmalab.v1.ListPointsResponse> getListPointsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListPoints",
      requestType = dev.vmalab.v1.ListPointsRequest.class,
      responseType = dev.vmalab.v1.ListPointsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListPointsRequest,
      dev.vmalab.v1.ListPointsResponse> getListPointsMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListPointsRequest, dev.vmalab.v1.ListPointsResponse> getListPointsMethod;
    if ((getListPointsMethod = LabServiceGrpc.getListPointsMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getListPointsMethod = LabServiceGrpc.getListPointsMethod) == null) {
          LabServiceGrpc.getListPointsMethod = getListPointsMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListPointsRequest, dev.vmalab.v1.ListPointsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListPoints"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListPointsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListPointsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("ListPoints"))
              .build();
        }
      }
    }
    return getListPointsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ArmPointRequest,
      dev.vmalab.v1.ArmPointResponse> getArmPointMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ArmPoint",
      requestType = dev.vmalab.v1.ArmPointRequest.class,
      responseType = dev.vmalab.v1.ArmPointResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ArmPointRequest,
      dev.vmalab.v1.ArmPointResponse> getArmPointMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ArmPointRequest, dev.vmalab.v1.ArmPointResponse> getArmPointMethod;
    if ((getArmPointMethod = LabServiceGrpc.getArmPointMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getArmPointMethod = LabServiceGrpc.getArmPointMethod) == null) {
          LabServiceGrpc.getArmPointMethod = getArmPointMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ArmPointRequest, dev.vmalab.v1.ArmPointResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ArmPoint"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ArmPointRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ArmPointResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("ArmPoint"))
              .build();
        }
      }
    }
    return getArmPointMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.WaitPointRequest,
      dev.vmalab.v1.WaitPointResponse> getWaitPointMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WaitPoint",
      requestType = dev.vmalab.v1.WaitPointRequest.class,
      responseType = dev.vmalab.v1.WaitPointResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.WaitPointRequest,
      dev.vmalab.v1.WaitPointResponse> getWaitPointMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.WaitPointRequest, dev.vmalab.v1.WaitPointResponse> getWaitPointMethod;
    if ((getWaitPointMethod = LabServiceGrpc.getWaitPointMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getWaitPointMethod = LabServiceGrpc.getWaitPointMethod) == null) {
          LabServiceGrpc.getWaitPointMethod = getWaitPointMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.WaitPointRequest, dev.vmalab.v1.WaitPointResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WaitPoint"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.WaitPointRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.WaitPointResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("WaitPoint"))
              .build();
        }
      }
    }
    return getWaitPointMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ReleasePointRequest,
      dev.vmalab.v1.ReleasePointResponse> getReleasePointMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ReleasePoint",
      requestType = dev.vmalab.v1.ReleasePointRequest.class,
      responseType = dev.vmalab.v1.ReleasePointResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ReleasePointRequest,
      dev.vmalab.v1.ReleasePointResponse> getReleasePointMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ReleasePointRequest, dev.vmalab.v1.ReleasePointResponse> getReleasePointMethod;
    if ((getReleasePointMethod = LabServiceGrpc.getReleasePointMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getReleasePointMethod = LabServiceGrpc.getReleasePointMethod) == null) {
          LabServiceGrpc.getReleasePointMethod = getReleasePointMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ReleasePointRequest, dev.vmalab.v1.ReleasePointResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ReleasePoint"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ReleasePointRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ReleasePointResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("ReleasePoint"))
              .build();
        }
      }
    }
    return getReleasePointMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.SetDelaysRequest,
      dev.vmalab.v1.SetDelaysResponse> getSetDelaysMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetDelays",
      requestType = dev.vmalab.v1.SetDelaysRequest.class,
      responseType = dev.vmalab.v1.SetDelaysResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.SetDelaysRequest,
      dev.vmalab.v1.SetDelaysResponse> getSetDelaysMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.SetDelaysRequest, dev.vmalab.v1.SetDelaysResponse> getSetDelaysMethod;
    if ((getSetDelaysMethod = LabServiceGrpc.getSetDelaysMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getSetDelaysMethod = LabServiceGrpc.getSetDelaysMethod) == null) {
          LabServiceGrpc.getSetDelaysMethod = getSetDelaysMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.SetDelaysRequest, dev.vmalab.v1.SetDelaysResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetDelays"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetDelaysRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetDelaysResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("SetDelays"))
              .build();
        }
      }
    }
    return getSetDelaysMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetCoverageRequest,
      dev.vmalab.v1.GetCoverageResponse> getGetCoverageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetCoverage",
      requestType = dev.vmalab.v1.GetCoverageRequest.class,
      responseType = dev.vmalab.v1.GetCoverageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetCoverageRequest,
      dev.vmalab.v1.GetCoverageResponse> getGetCoverageMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetCoverageRequest, dev.vmalab.v1.GetCoverageResponse> getGetCoverageMethod;
    if ((getGetCoverageMethod = LabServiceGrpc.getGetCoverageMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getGetCoverageMethod = LabServiceGrpc.getGetCoverageMethod) == null) {
          LabServiceGrpc.getGetCoverageMethod = getGetCoverageMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetCoverageRequest, dev.vmalab.v1.GetCoverageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetCoverage"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetCoverageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetCoverageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("GetCoverage"))
              .build();
        }
      }
    }
    return getGetCoverageMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListMutantsRequest,
      dev.vmalab.v1.ListMutantsResponse> getListMutantsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListMutants",
      requestType = dev.vmalab.v1.ListMutantsRequest.class,
      responseType = dev.vmalab.v1.ListMutantsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListMutantsRequest,
      dev.vmalab.v1.ListMutantsResponse> getListMutantsMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListMutantsRequest, dev.vmalab.v1.ListMutantsResponse> getListMutantsMethod;
    if ((getListMutantsMethod = LabServiceGrpc.getListMutantsMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getListMutantsMethod = LabServiceGrpc.getListMutantsMethod) == null) {
          LabServiceGrpc.getListMutantsMethod = getListMutantsMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListMutantsRequest, dev.vmalab.v1.ListMutantsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListMutants"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListMutantsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListMutantsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("ListMutants"))
              .build();
        }
      }
    }
    return getListMutantsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.SetMutantsRequest,
      dev.vmalab.v1.SetMutantsResponse> getSetMutantsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetMutants",
      requestType = dev.vmalab.v1.SetMutantsRequest.class,
      responseType = dev.vmalab.v1.SetMutantsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.SetMutantsRequest,
      dev.vmalab.v1.SetMutantsResponse> getSetMutantsMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.SetMutantsRequest, dev.vmalab.v1.SetMutantsResponse> getSetMutantsMethod;
    if ((getSetMutantsMethod = LabServiceGrpc.getSetMutantsMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getSetMutantsMethod = LabServiceGrpc.getSetMutantsMethod) == null) {
          LabServiceGrpc.getSetMutantsMethod = getSetMutantsMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.SetMutantsRequest, dev.vmalab.v1.SetMutantsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetMutants"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetMutantsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetMutantsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("SetMutants"))
              .build();
        }
      }
    }
    return getSetMutantsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetMutantsRequest,
      dev.vmalab.v1.GetMutantsResponse> getGetMutantsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetMutants",
      requestType = dev.vmalab.v1.GetMutantsRequest.class,
      responseType = dev.vmalab.v1.GetMutantsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetMutantsRequest,
      dev.vmalab.v1.GetMutantsResponse> getGetMutantsMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetMutantsRequest, dev.vmalab.v1.GetMutantsResponse> getGetMutantsMethod;
    if ((getGetMutantsMethod = LabServiceGrpc.getGetMutantsMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getGetMutantsMethod = LabServiceGrpc.getGetMutantsMethod) == null) {
          LabServiceGrpc.getGetMutantsMethod = getGetMutantsMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetMutantsRequest, dev.vmalab.v1.GetMutantsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetMutants"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetMutantsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetMutantsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("GetMutants"))
              .build();
        }
      }
    }
    return getGetMutantsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListScenariosRequest,
      dev.vmalab.v1.ListScenariosResponse> getListScenariosMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListScenarios",
      requestType = dev.vmalab.v1.ListScenariosRequest.class,
      responseType = dev.vmalab.v1.ListScenariosResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListScenariosRequest,
      dev.vmalab.v1.ListScenariosResponse> getListScenariosMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListScenariosRequest, dev.vmalab.v1.ListScenariosResponse> getListScenariosMethod;
    if ((getListScenariosMethod = LabServiceGrpc.getListScenariosMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getListScenariosMethod = LabServiceGrpc.getListScenariosMethod) == null) {
          LabServiceGrpc.getListScenariosMethod = getListScenariosMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListScenariosRequest, dev.vmalab.v1.ListScenariosResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListScenarios"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListScenariosRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListScenariosResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("ListScenarios"))
              .build();
        }
      }
    }
    return getListScenariosMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.RunScenarioRequest,
      dev.vmalab.v1.RunScenarioResponse> getRunScenarioMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RunScenario",
      requestType = dev.vmalab.v1.RunScenarioRequest.class,
      responseType = dev.vmalab.v1.RunScenarioResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.RunScenarioRequest,
      dev.vmalab.v1.RunScenarioResponse> getRunScenarioMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.RunScenarioRequest, dev.vmalab.v1.RunScenarioResponse> getRunScenarioMethod;
    if ((getRunScenarioMethod = LabServiceGrpc.getRunScenarioMethod) == null) {
      synchronized (LabServiceGrpc.class) {
        if ((getRunScenarioMethod = LabServiceGrpc.getRunScenarioMethod) == null) {
          LabServiceGrpc.getRunScenarioMethod = getRunScenarioMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.RunScenarioRequest, dev.vmalab.v1.RunScenarioResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RunScenario"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.RunScenarioRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.RunScenarioResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LabServiceMethodDescriptorSupplier("RunScenario"))
              .build();
        }
      }
    }
    return getRunScenarioMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static LabServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LabServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LabServiceStub>() {
        @java.lang.Override
        public LabServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LabServiceStub(channel, callOptions);
        }
      };
    return LabServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static LabServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LabServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LabServiceBlockingV2Stub>() {
        @java.lang.Override
        public LabServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LabServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return LabServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static LabServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LabServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LabServiceBlockingStub>() {
        @java.lang.Override
        public LabServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LabServiceBlockingStub(channel, callOptions);
        }
      };
    return LabServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static LabServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LabServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LabServiceFutureStub>() {
        @java.lang.Override
        public LabServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LabServiceFutureStub(channel, callOptions);
        }
      };
    return LabServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * ListPoints reports every sync point, whether it is armed, and which calls are paused there.
     * </pre>
     */
    default void listPoints(dev.vmalab.v1.ListPointsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListPointsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListPointsMethod(), responseObserver);
    }

    /**
     * <pre>
     * ArmPoint pauses the next calls that come to a sync point. A second ArmPoint of the same point replaces the first.
     * </pre>
     */
    default void armPoint(dev.vmalab.v1.ArmPointRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ArmPointResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getArmPointMethod(), responseObserver);
    }

    /**
     * <pre>
     * WaitPoint waits until a call is paused at a sync point, and reports it.
     * </pre>
     */
    default void waitPoint(dev.vmalab.v1.WaitPointRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.WaitPointResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWaitPointMethod(), responseObserver);
    }

    /**
     * <pre>
     * ReleasePoint releases the calls that are paused at a sync point.
     * </pre>
     */
    default void releasePoint(dev.vmalab.v1.ReleasePointRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ReleasePointResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReleasePointMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetDelays makes calls pause at sync points, at random, so that rare orders become frequent.
     * </pre>
     */
    default void setDelays(dev.vmalab.v1.SetDelaysRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetDelaysResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetDelaysMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetCoverage reports how often each sync point was passed.
     * </pre>
     */
    default void getCoverage(dev.vmalab.v1.GetCoverageRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetCoverageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetCoverageMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListMutants reports the bugs that can be switched on, and which are.
     * </pre>
     */
    default void listMutants(dev.vmalab.v1.ListMutantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListMutantsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListMutantsMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetMutants switches these on and all others off. The instance may come to harm: that is what they are for.
     * </pre>
     */
    default void setMutants(dev.vmalab.v1.SetMutantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetMutantsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetMutantsMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetMutants reports which are on.
     * </pre>
     */
    default void getMutants(dev.vmalab.v1.GetMutantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetMutantsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetMutantsMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListScenarios reports the scenarios that RunScenario knows.
     * </pre>
     */
    default void listScenarios(dev.vmalab.v1.ListScenariosRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListScenariosResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListScenariosMethod(), responseObserver);
    }

    /**
     * <pre>
     * RunScenario runs schedules of a scenario, in a segment and with processes of its own: this instance takes no part.
     * </pre>
     */
    default void runScenario(dev.vmalab.v1.RunScenarioRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.RunScenarioResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRunScenarioMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service LabService.
   * <pre>
   * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
   * </pre>
   */
  public static abstract class LabServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return LabServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service LabService.
   * <pre>
   * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
   * </pre>
   */
  public static final class LabServiceStub
      extends io.grpc.stub.AbstractAsyncStub<LabServiceStub> {
    private LabServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LabServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LabServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * ListPoints reports every sync point, whether it is armed, and which calls are paused there.
     * </pre>
     */
    public void listPoints(dev.vmalab.v1.ListPointsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListPointsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListPointsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ArmPoint pauses the next calls that come to a sync point. A second ArmPoint of the same point replaces the first.
     * </pre>
     */
    public void armPoint(dev.vmalab.v1.ArmPointRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ArmPointResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getArmPointMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * WaitPoint waits until a call is paused at a sync point, and reports it.
     * </pre>
     */
    public void waitPoint(dev.vmalab.v1.WaitPointRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.WaitPointResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getWaitPointMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ReleasePoint releases the calls that are paused at a sync point.
     * </pre>
     */
    public void releasePoint(dev.vmalab.v1.ReleasePointRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ReleasePointResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getReleasePointMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetDelays makes calls pause at sync points, at random, so that rare orders become frequent.
     * </pre>
     */
    public void setDelays(dev.vmalab.v1.SetDelaysRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetDelaysResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetDelaysMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetCoverage reports how often each sync point was passed.
     * </pre>
     */
    public void getCoverage(dev.vmalab.v1.GetCoverageRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetCoverageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetCoverageMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListMutants reports the bugs that can be switched on, and which are.
     * </pre>
     */
    public void listMutants(dev.vmalab.v1.ListMutantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListMutantsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListMutantsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetMutants switches these on and all others off. The instance may come to harm: that is what they are for.
     * </pre>
     */
    public void setMutants(dev.vmalab.v1.SetMutantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetMutantsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetMutantsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetMutants reports which are on.
     * </pre>
     */
    public void getMutants(dev.vmalab.v1.GetMutantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetMutantsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetMutantsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListScenarios reports the scenarios that RunScenario knows.
     * </pre>
     */
    public void listScenarios(dev.vmalab.v1.ListScenariosRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListScenariosResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListScenariosMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RunScenario runs schedules of a scenario, in a segment and with processes of its own: this instance takes no part.
     * </pre>
     */
    public void runScenario(dev.vmalab.v1.RunScenarioRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.RunScenarioResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRunScenarioMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service LabService.
   * <pre>
   * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
   * </pre>
   */
  public static final class LabServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<LabServiceBlockingV2Stub> {
    private LabServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LabServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LabServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * ListPoints reports every sync point, whether it is armed, and which calls are paused there.
     * </pre>
     */
    public dev.vmalab.v1.ListPointsResponse listPoints(dev.vmalab.v1.ListPointsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListPointsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ArmPoint pauses the next calls that come to a sync point. A second ArmPoint of the same point replaces the first.
     * </pre>
     */
    public dev.vmalab.v1.ArmPointResponse armPoint(dev.vmalab.v1.ArmPointRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getArmPointMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * WaitPoint waits until a call is paused at a sync point, and reports it.
     * </pre>
     */
    public dev.vmalab.v1.WaitPointResponse waitPoint(dev.vmalab.v1.WaitPointRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getWaitPointMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ReleasePoint releases the calls that are paused at a sync point.
     * </pre>
     */
    public dev.vmalab.v1.ReleasePointResponse releasePoint(dev.vmalab.v1.ReleasePointRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getReleasePointMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetDelays makes calls pause at sync points, at random, so that rare orders become frequent.
     * </pre>
     */
    public dev.vmalab.v1.SetDelaysResponse setDelays(dev.vmalab.v1.SetDelaysRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetDelaysMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetCoverage reports how often each sync point was passed.
     * </pre>
     */
    public dev.vmalab.v1.GetCoverageResponse getCoverage(dev.vmalab.v1.GetCoverageRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetCoverageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListMutants reports the bugs that can be switched on, and which are.
     * </pre>
     */
    public dev.vmalab.v1.ListMutantsResponse listMutants(dev.vmalab.v1.ListMutantsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListMutantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetMutants switches these on and all others off. The instance may come to harm: that is what they are for.
     * </pre>
     */
    public dev.vmalab.v1.SetMutantsResponse setMutants(dev.vmalab.v1.SetMutantsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetMutantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetMutants reports which are on.
     * </pre>
     */
    public dev.vmalab.v1.GetMutantsResponse getMutants(dev.vmalab.v1.GetMutantsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetMutantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListScenarios reports the scenarios that RunScenario knows.
     * </pre>
     */
    public dev.vmalab.v1.ListScenariosResponse listScenarios(dev.vmalab.v1.ListScenariosRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListScenariosMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RunScenario runs schedules of a scenario, in a segment and with processes of its own: this instance takes no part.
     * </pre>
     */
    public dev.vmalab.v1.RunScenarioResponse runScenario(dev.vmalab.v1.RunScenarioRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRunScenarioMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service LabService.
   * <pre>
   * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
   * </pre>
   */
  public static final class LabServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<LabServiceBlockingStub> {
    private LabServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LabServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LabServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * ListPoints reports every sync point, whether it is armed, and which calls are paused there.
     * </pre>
     */
    public dev.vmalab.v1.ListPointsResponse listPoints(dev.vmalab.v1.ListPointsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListPointsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ArmPoint pauses the next calls that come to a sync point. A second ArmPoint of the same point replaces the first.
     * </pre>
     */
    public dev.vmalab.v1.ArmPointResponse armPoint(dev.vmalab.v1.ArmPointRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getArmPointMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * WaitPoint waits until a call is paused at a sync point, and reports it.
     * </pre>
     */
    public dev.vmalab.v1.WaitPointResponse waitPoint(dev.vmalab.v1.WaitPointRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getWaitPointMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ReleasePoint releases the calls that are paused at a sync point.
     * </pre>
     */
    public dev.vmalab.v1.ReleasePointResponse releasePoint(dev.vmalab.v1.ReleasePointRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getReleasePointMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetDelays makes calls pause at sync points, at random, so that rare orders become frequent.
     * </pre>
     */
    public dev.vmalab.v1.SetDelaysResponse setDelays(dev.vmalab.v1.SetDelaysRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetDelaysMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetCoverage reports how often each sync point was passed.
     * </pre>
     */
    public dev.vmalab.v1.GetCoverageResponse getCoverage(dev.vmalab.v1.GetCoverageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetCoverageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListMutants reports the bugs that can be switched on, and which are.
     * </pre>
     */
    public dev.vmalab.v1.ListMutantsResponse listMutants(dev.vmalab.v1.ListMutantsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListMutantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetMutants switches these on and all others off. The instance may come to harm: that is what they are for.
     * </pre>
     */
    public dev.vmalab.v1.SetMutantsResponse setMutants(dev.vmalab.v1.SetMutantsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetMutantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetMutants reports which are on.
     * </pre>
     */
    public dev.vmalab.v1.GetMutantsResponse getMutants(dev.vmalab.v1.GetMutantsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetMutantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListScenarios reports the scenarios that RunScenario knows.
     * </pre>
     */
    public dev.vmalab.v1.ListScenariosResponse listScenarios(dev.vmalab.v1.ListScenariosRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListScenariosMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RunScenario runs schedules of a scenario, in a segment and with processes of its own: this instance takes no part.
     * </pre>
     */
    public dev.vmalab.v1.RunScenarioResponse runScenario(dev.vmalab.v1.RunScenarioRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRunScenarioMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service LabService.
   * <pre>
   * LabService arms, waits for and releases sync points, switches mutants, and runs scenarios.
   * </pre>
   */
  public static final class LabServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<LabServiceFutureStub> {
    private LabServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LabServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LabServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * ListPoints reports every sync point, whether it is armed, and which calls are paused there.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListPointsResponse> listPoints(
        dev.vmalab.v1.ListPointsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListPointsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ArmPoint pauses the next calls that come to a sync point. A second ArmPoint of the same point replaces the first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ArmPointResponse> armPoint(
        dev.vmalab.v1.ArmPointRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getArmPointMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * WaitPoint waits until a call is paused at a sync point, and reports it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.WaitPointResponse> waitPoint(
        dev.vmalab.v1.WaitPointRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getWaitPointMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ReleasePoint releases the calls that are paused at a sync point.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ReleasePointResponse> releasePoint(
        dev.vmalab.v1.ReleasePointRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getReleasePointMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetDelays makes calls pause at sync points, at random, so that rare orders become frequent.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.SetDelaysResponse> setDelays(
        dev.vmalab.v1.SetDelaysRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetDelaysMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetCoverage reports how often each sync point was passed.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetCoverageResponse> getCoverage(
        dev.vmalab.v1.GetCoverageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetCoverageMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListMutants reports the bugs that can be switched on, and which are.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListMutantsResponse> listMutants(
        dev.vmalab.v1.ListMutantsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListMutantsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetMutants switches these on and all others off. The instance may come to harm: that is what they are for.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.SetMutantsResponse> setMutants(
        dev.vmalab.v1.SetMutantsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetMutantsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetMutants reports which are on.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetMutantsResponse> getMutants(
        dev.vmalab.v1.GetMutantsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetMutantsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListScenarios reports the scenarios that RunScenario knows.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListScenariosResponse> listScenarios(
        dev.vmalab.v1.ListScenariosRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListScenariosMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RunScenario runs schedules of a scenario, in a segment and with processes of its own: this instance takes no part.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.RunScenarioResponse> runScenario(
        dev.vmalab.v1.RunScenarioRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRunScenarioMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_LIST_POINTS = 0;
  private static final int METHODID_ARM_POINT = 1;
  private static final int METHODID_WAIT_POINT = 2;
  private static final int METHODID_RELEASE_POINT = 3;
  private static final int METHODID_SET_DELAYS = 4;
  private static final int METHODID_GET_COVERAGE = 5;
  private static final int METHODID_LIST_MUTANTS = 6;
  private static final int METHODID_SET_MUTANTS = 7;
  private static final int METHODID_GET_MUTANTS = 8;
  private static final int METHODID_LIST_SCENARIOS = 9;
  private static final int METHODID_RUN_SCENARIO = 10;

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
        case METHODID_LIST_POINTS:
          serviceImpl.listPoints((dev.vmalab.v1.ListPointsRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListPointsResponse>) responseObserver);
          break;
        case METHODID_ARM_POINT:
          serviceImpl.armPoint((dev.vmalab.v1.ArmPointRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ArmPointResponse>) responseObserver);
          break;
        case METHODID_WAIT_POINT:
          serviceImpl.waitPoint((dev.vmalab.v1.WaitPointRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.WaitPointResponse>) responseObserver);
          break;
        case METHODID_RELEASE_POINT:
          serviceImpl.releasePoint((dev.vmalab.v1.ReleasePointRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ReleasePointResponse>) responseObserver);
          break;
        case METHODID_SET_DELAYS:
          serviceImpl.setDelays((dev.vmalab.v1.SetDelaysRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.SetDelaysResponse>) responseObserver);
          break;
        case METHODID_GET_COVERAGE:
          serviceImpl.getCoverage((dev.vmalab.v1.GetCoverageRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetCoverageResponse>) responseObserver);
          break;
        case METHODID_LIST_MUTANTS:
          serviceImpl.listMutants((dev.vmalab.v1.ListMutantsRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListMutantsResponse>) responseObserver);
          break;
        case METHODID_SET_MUTANTS:
          serviceImpl.setMutants((dev.vmalab.v1.SetMutantsRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.SetMutantsResponse>) responseObserver);
          break;
        case METHODID_GET_MUTANTS:
          serviceImpl.getMutants((dev.vmalab.v1.GetMutantsRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetMutantsResponse>) responseObserver);
          break;
        case METHODID_LIST_SCENARIOS:
          serviceImpl.listScenarios((dev.vmalab.v1.ListScenariosRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListScenariosResponse>) responseObserver);
          break;
        case METHODID_RUN_SCENARIO:
          serviceImpl.runScenario((dev.vmalab.v1.RunScenarioRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.RunScenarioResponse>) responseObserver);
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
          getListPointsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListPointsRequest,
              dev.vmalab.v1.ListPointsResponse>(
                service, METHODID_LIST_POINTS)))
        .addMethod(
          getArmPointMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ArmPointRequest,
              dev.vmalab.v1.ArmPointResponse>(
                service, METHODID_ARM_POINT)))
        .addMethod(
          getWaitPointMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.WaitPointRequest,
              dev.vmalab.v1.WaitPointResponse>(
                service, METHODID_WAIT_POINT)))
        .addMethod(
          getReleasePointMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ReleasePointRequest,
              dev.vmalab.v1.ReleasePointResponse>(
                service, METHODID_RELEASE_POINT)))
        .addMethod(
          getSetDelaysMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.SetDelaysRequest,
              dev.vmalab.v1.SetDelaysResponse>(
                service, METHODID_SET_DELAYS)))
        .addMethod(
          getGetCoverageMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetCoverageRequest,
              dev.vmalab.v1.GetCoverageResponse>(
                service, METHODID_GET_COVERAGE)))
        .addMethod(
          getListMutantsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListMutantsRequest,
              dev.vmalab.v1.ListMutantsResponse>(
                service, METHODID_LIST_MUTANTS)))
        .addMethod(
          getSetMutantsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.SetMutantsRequest,
              dev.vmalab.v1.SetMutantsResponse>(
                service, METHODID_SET_MUTANTS)))
        .addMethod(
          getGetMutantsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetMutantsRequest,
              dev.vmalab.v1.GetMutantsResponse>(
                service, METHODID_GET_MUTANTS)))
        .addMethod(
          getListScenariosMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListScenariosRequest,
              dev.vmalab.v1.ListScenariosResponse>(
                service, METHODID_LIST_SCENARIOS)))
        .addMethod(
          getRunScenarioMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.RunScenarioRequest,
              dev.vmalab.v1.RunScenarioResponse>(
                service, METHODID_RUN_SCENARIO)))
        .build();
  }

  private static abstract class LabServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    LabServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.vmalab.v1.Lab.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("LabService");
    }
  }

  private static final class LabServiceFileDescriptorSupplier
      extends LabServiceBaseDescriptorSupplier {
    LabServiceFileDescriptorSupplier() {}
  }

  private static final class LabServiceMethodDescriptorSupplier
      extends LabServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    LabServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (LabServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new LabServiceFileDescriptorSupplier())
              .addMethod(getListPointsMethod())
              .addMethod(getArmPointMethod())
              .addMethod(getWaitPointMethod())
              .addMethod(getReleasePointMethod())
              .addMethod(getSetDelaysMethod())
              .addMethod(getGetCoverageMethod())
              .addMethod(getListMutantsMethod())
              .addMethod(getSetMutantsMethod())
              .addMethod(getGetMutantsMethod())
              .addMethod(getListScenariosMethod())
              .addMethod(getRunScenarioMethod())
              .build();
        }
      }
    }
    return result;
  }
}
