// SPDX-License-Identifier: Apache-2.0
package dev.vmalab.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * InspectService shows what the instance is made of and what it does.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class InspectServiceGrpc {

  private InspectServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "vmalab.v1.InspectService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetServerInfoRequest,
      dev.vmalab.v1.GetServerInfoResponse> getGetServerInfoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetServerInfo",
      requestType = dev.vmalab.v1.GetServerInfoRequest.class,
      responseType = dev.vmalab.v1.GetServerInfoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetServerInfoRequest,
      dev.vmalab.v1.GetServerInfoResponse> getGetServerInfoMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetServerInfoRequest, dev.vmalab.v1.GetServerInfoResponse> getGetServerInfoMethod;
    if ((getGetServerInfoMethod = InspectServiceGrpc.getGetServerInfoMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getGetServerInfoMethod = InspectServiceGrpc.getGetServerInfoMethod) == null) {
          InspectServiceGrpc.getGetServerInfoMethod = getGetServerInfoMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetServerInfoRequest, dev.vmalab.v1.GetServerInfoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetServerInfo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetServerInfoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetServerInfoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("GetServerInfo"))
              .build();
        }
      }
    }
    return getGetServerInfoMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListWorkersRequest,
      dev.vmalab.v1.ListWorkersResponse> getListWorkersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListWorkers",
      requestType = dev.vmalab.v1.ListWorkersRequest.class,
      responseType = dev.vmalab.v1.ListWorkersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListWorkersRequest,
      dev.vmalab.v1.ListWorkersResponse> getListWorkersMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListWorkersRequest, dev.vmalab.v1.ListWorkersResponse> getListWorkersMethod;
    if ((getListWorkersMethod = InspectServiceGrpc.getListWorkersMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getListWorkersMethod = InspectServiceGrpc.getListWorkersMethod) == null) {
          InspectServiceGrpc.getListWorkersMethod = getListWorkersMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListWorkersRequest, dev.vmalab.v1.ListWorkersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListWorkers"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListWorkersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListWorkersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("ListWorkers"))
              .build();
        }
      }
    }
    return getListWorkersMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetSlabinfoRequest,
      dev.vmalab.v1.GetSlabinfoResponse> getGetSlabinfoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetSlabinfo",
      requestType = dev.vmalab.v1.GetSlabinfoRequest.class,
      responseType = dev.vmalab.v1.GetSlabinfoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetSlabinfoRequest,
      dev.vmalab.v1.GetSlabinfoResponse> getGetSlabinfoMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetSlabinfoRequest, dev.vmalab.v1.GetSlabinfoResponse> getGetSlabinfoMethod;
    if ((getGetSlabinfoMethod = InspectServiceGrpc.getGetSlabinfoMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getGetSlabinfoMethod = InspectServiceGrpc.getGetSlabinfoMethod) == null) {
          InspectServiceGrpc.getGetSlabinfoMethod = getGetSlabinfoMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetSlabinfoRequest, dev.vmalab.v1.GetSlabinfoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetSlabinfo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetSlabinfoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetSlabinfoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("GetSlabinfo"))
              .build();
        }
      }
    }
    return getGetSlabinfoMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetVmstatRequest,
      dev.vmalab.v1.GetVmstatResponse> getGetVmstatMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetVmstat",
      requestType = dev.vmalab.v1.GetVmstatRequest.class,
      responseType = dev.vmalab.v1.GetVmstatResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetVmstatRequest,
      dev.vmalab.v1.GetVmstatResponse> getGetVmstatMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetVmstatRequest, dev.vmalab.v1.GetVmstatResponse> getGetVmstatMethod;
    if ((getGetVmstatMethod = InspectServiceGrpc.getGetVmstatMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getGetVmstatMethod = InspectServiceGrpc.getGetVmstatMethod) == null) {
          InspectServiceGrpc.getGetVmstatMethod = getGetVmstatMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetVmstatRequest, dev.vmalab.v1.GetVmstatResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetVmstat"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetVmstatRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetVmstatResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("GetVmstat"))
              .build();
        }
      }
    }
    return getGetVmstatMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetMapsRequest,
      dev.vmalab.v1.GetMapsResponse> getGetMapsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetMaps",
      requestType = dev.vmalab.v1.GetMapsRequest.class,
      responseType = dev.vmalab.v1.GetMapsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetMapsRequest,
      dev.vmalab.v1.GetMapsResponse> getGetMapsMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetMapsRequest, dev.vmalab.v1.GetMapsResponse> getGetMapsMethod;
    if ((getGetMapsMethod = InspectServiceGrpc.getGetMapsMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getGetMapsMethod = InspectServiceGrpc.getGetMapsMethod) == null) {
          InspectServiceGrpc.getGetMapsMethod = getGetMapsMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetMapsRequest, dev.vmalab.v1.GetMapsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetMaps"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetMapsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetMapsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("GetMaps"))
              .build();
        }
      }
    }
    return getGetMapsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.QueryVmaRequest,
      dev.vmalab.v1.QueryVmaResponse> getQueryVmaMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "QueryVma",
      requestType = dev.vmalab.v1.QueryVmaRequest.class,
      responseType = dev.vmalab.v1.QueryVmaResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.QueryVmaRequest,
      dev.vmalab.v1.QueryVmaResponse> getQueryVmaMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.QueryVmaRequest, dev.vmalab.v1.QueryVmaResponse> getQueryVmaMethod;
    if ((getQueryVmaMethod = InspectServiceGrpc.getQueryVmaMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getQueryVmaMethod = InspectServiceGrpc.getQueryVmaMethod) == null) {
          InspectServiceGrpc.getQueryVmaMethod = getQueryVmaMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.QueryVmaRequest, dev.vmalab.v1.QueryVmaResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "QueryVma"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.QueryVmaRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.QueryVmaResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("QueryVma"))
              .build();
        }
      }
    }
    return getQueryVmaMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListAddressSpacesRequest,
      dev.vmalab.v1.ListAddressSpacesResponse> getListAddressSpacesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListAddressSpaces",
      requestType = dev.vmalab.v1.ListAddressSpacesRequest.class,
      responseType = dev.vmalab.v1.ListAddressSpacesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListAddressSpacesRequest,
      dev.vmalab.v1.ListAddressSpacesResponse> getListAddressSpacesMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListAddressSpacesRequest, dev.vmalab.v1.ListAddressSpacesResponse> getListAddressSpacesMethod;
    if ((getListAddressSpacesMethod = InspectServiceGrpc.getListAddressSpacesMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getListAddressSpacesMethod = InspectServiceGrpc.getListAddressSpacesMethod) == null) {
          InspectServiceGrpc.getListAddressSpacesMethod = getListAddressSpacesMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListAddressSpacesRequest, dev.vmalab.v1.ListAddressSpacesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListAddressSpaces"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListAddressSpacesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListAddressSpacesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("ListAddressSpaces"))
              .build();
        }
      }
    }
    return getListAddressSpacesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListLocksRequest,
      dev.vmalab.v1.ListLocksResponse> getListLocksMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListLocks",
      requestType = dev.vmalab.v1.ListLocksRequest.class,
      responseType = dev.vmalab.v1.ListLocksResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListLocksRequest,
      dev.vmalab.v1.ListLocksResponse> getListLocksMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListLocksRequest, dev.vmalab.v1.ListLocksResponse> getListLocksMethod;
    if ((getListLocksMethod = InspectServiceGrpc.getListLocksMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getListLocksMethod = InspectServiceGrpc.getListLocksMethod) == null) {
          InspectServiceGrpc.getListLocksMethod = getListLocksMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListLocksRequest, dev.vmalab.v1.ListLocksResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListLocks"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListLocksRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListLocksResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("ListLocks"))
              .build();
        }
      }
    }
    return getListLocksMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ListParticipantsRequest,
      dev.vmalab.v1.ListParticipantsResponse> getListParticipantsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListParticipants",
      requestType = dev.vmalab.v1.ListParticipantsRequest.class,
      responseType = dev.vmalab.v1.ListParticipantsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ListParticipantsRequest,
      dev.vmalab.v1.ListParticipantsResponse> getListParticipantsMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ListParticipantsRequest, dev.vmalab.v1.ListParticipantsResponse> getListParticipantsMethod;
    if ((getListParticipantsMethod = InspectServiceGrpc.getListParticipantsMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getListParticipantsMethod = InspectServiceGrpc.getListParticipantsMethod) == null) {
          InspectServiceGrpc.getListParticipantsMethod = getListParticipantsMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ListParticipantsRequest, dev.vmalab.v1.ListParticipantsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListParticipants"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListParticipantsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ListParticipantsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("ListParticipants"))
              .build();
        }
      }
    }
    return getListParticipantsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.GetLayoutRequest,
      dev.vmalab.v1.GetLayoutResponse> getGetLayoutMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetLayout",
      requestType = dev.vmalab.v1.GetLayoutRequest.class,
      responseType = dev.vmalab.v1.GetLayoutResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.GetLayoutRequest,
      dev.vmalab.v1.GetLayoutResponse> getGetLayoutMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.GetLayoutRequest, dev.vmalab.v1.GetLayoutResponse> getGetLayoutMethod;
    if ((getGetLayoutMethod = InspectServiceGrpc.getGetLayoutMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getGetLayoutMethod = InspectServiceGrpc.getGetLayoutMethod) == null) {
          InspectServiceGrpc.getGetLayoutMethod = getGetLayoutMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.GetLayoutRequest, dev.vmalab.v1.GetLayoutResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetLayout"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetLayoutRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.GetLayoutResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("GetLayout"))
              .build();
        }
      }
    }
    return getGetLayoutMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.FsckRequest,
      dev.vmalab.v1.FsckResponse> getFsckMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Fsck",
      requestType = dev.vmalab.v1.FsckRequest.class,
      responseType = dev.vmalab.v1.FsckResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.FsckRequest,
      dev.vmalab.v1.FsckResponse> getFsckMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.FsckRequest, dev.vmalab.v1.FsckResponse> getFsckMethod;
    if ((getFsckMethod = InspectServiceGrpc.getFsckMethod) == null) {
      synchronized (InspectServiceGrpc.class) {
        if ((getFsckMethod = InspectServiceGrpc.getFsckMethod) == null) {
          InspectServiceGrpc.getFsckMethod = getFsckMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.FsckRequest, dev.vmalab.v1.FsckResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Fsck"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.FsckRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.FsckResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InspectServiceMethodDescriptorSupplier("Fsck"))
              .build();
        }
      }
    }
    return getFsckMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static InspectServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InspectServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InspectServiceStub>() {
        @java.lang.Override
        public InspectServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InspectServiceStub(channel, callOptions);
        }
      };
    return InspectServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static InspectServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InspectServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InspectServiceBlockingV2Stub>() {
        @java.lang.Override
        public InspectServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InspectServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return InspectServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static InspectServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InspectServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InspectServiceBlockingStub>() {
        @java.lang.Override
        public InspectServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InspectServiceBlockingStub(channel, callOptions);
        }
      };
    return InspectServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static InspectServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InspectServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InspectServiceFutureStub>() {
        @java.lang.Override
        public InspectServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InspectServiceFutureStub(channel, callOptions);
        }
      };
    return InspectServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * InspectService shows what the instance is made of and what it does.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * GetServerInfo reports the version, the limits, the lock model with its layout and the RCU flavour.
     * </pre>
     */
    default void getServerInfo(dev.vmalab.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetServerInfoMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListWorkers reports the address of each worker. All of them also share one port; the kernel spreads connections
     * over it, not calls, so a client that wants both workers takes this list and round_robin.
     * </pre>
     */
    default void listWorkers(dev.vmalab.v1.ListWorkersRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListWorkersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListWorkersMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetSlabinfo is /proc/slabinfo.
     * </pre>
     */
    default void getSlabinfo(dev.vmalab.v1.GetSlabinfoRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetSlabinfoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetSlabinfoMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetVmstat is /proc/vmstat: counters, summed over all participants.
     * </pre>
     */
    default void getVmstat(dev.vmalab.v1.GetVmstatRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetVmstatResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetVmstatMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetMaps is /proc/PID/maps of one address space.
     * </pre>
     */
    default void getMaps(dev.vmalab.v1.GetMapsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetMapsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetMapsMethod(), responseObserver);
    }

    /**
     * <pre>
     * QueryVma is PROCMAP_QUERY: one mapping, found by an address in or before it.
     * </pre>
     */
    default void queryVma(dev.vmalab.v1.QueryVmaRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.QueryVmaResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getQueryVmaMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListAddressSpaces reports the size of every address space and how long it lives.
     * </pre>
     */
    default void listAddressSpaces(dev.vmalab.v1.ListAddressSpacesRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListAddressSpacesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListAddressSpacesMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListLocks reports which thread holds, takes or waits for which lock.
     * </pre>
     */
    default void listLocks(dev.vmalab.v1.ListLocksRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListLocksResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListLocksMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListParticipants reports which threads of which processes are in the segment.
     * </pre>
     */
    default void listParticipants(dev.vmalab.v1.ListParticipantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListParticipantsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListParticipantsMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetLayout reports where every field of the shared structs lies, in the server's lock model and layout, and who may
     * write it.
     * </pre>
     */
    default void getLayout(dev.vmalab.v1.GetLayoutRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetLayoutResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetLayoutMethod(), responseObserver);
    }

    /**
     * <pre>
     * Fsck walks the invariants, while the instance serves or, with `stop`, while it stands still.
     * </pre>
     */
    default void fsck(dev.vmalab.v1.FsckRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.FsckResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getFsckMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service InspectService.
   * <pre>
   * InspectService shows what the instance is made of and what it does.
   * </pre>
   */
  public static abstract class InspectServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return InspectServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service InspectService.
   * <pre>
   * InspectService shows what the instance is made of and what it does.
   * </pre>
   */
  public static final class InspectServiceStub
      extends io.grpc.stub.AbstractAsyncStub<InspectServiceStub> {
    private InspectServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InspectServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InspectServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * GetServerInfo reports the version, the limits, the lock model with its layout and the RCU flavour.
     * </pre>
     */
    public void getServerInfo(dev.vmalab.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListWorkers reports the address of each worker. All of them also share one port; the kernel spreads connections
     * over it, not calls, so a client that wants both workers takes this list and round_robin.
     * </pre>
     */
    public void listWorkers(dev.vmalab.v1.ListWorkersRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListWorkersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListWorkersMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetSlabinfo is /proc/slabinfo.
     * </pre>
     */
    public void getSlabinfo(dev.vmalab.v1.GetSlabinfoRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetSlabinfoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetSlabinfoMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetVmstat is /proc/vmstat: counters, summed over all participants.
     * </pre>
     */
    public void getVmstat(dev.vmalab.v1.GetVmstatRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetVmstatResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetVmstatMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetMaps is /proc/PID/maps of one address space.
     * </pre>
     */
    public void getMaps(dev.vmalab.v1.GetMapsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetMapsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetMapsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * QueryVma is PROCMAP_QUERY: one mapping, found by an address in or before it.
     * </pre>
     */
    public void queryVma(dev.vmalab.v1.QueryVmaRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.QueryVmaResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getQueryVmaMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListAddressSpaces reports the size of every address space and how long it lives.
     * </pre>
     */
    public void listAddressSpaces(dev.vmalab.v1.ListAddressSpacesRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListAddressSpacesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListAddressSpacesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListLocks reports which thread holds, takes or waits for which lock.
     * </pre>
     */
    public void listLocks(dev.vmalab.v1.ListLocksRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListLocksResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListLocksMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListParticipants reports which threads of which processes are in the segment.
     * </pre>
     */
    public void listParticipants(dev.vmalab.v1.ListParticipantsRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ListParticipantsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListParticipantsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetLayout reports where every field of the shared structs lies, in the server's lock model and layout, and who may
     * write it.
     * </pre>
     */
    public void getLayout(dev.vmalab.v1.GetLayoutRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.GetLayoutResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetLayoutMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Fsck walks the invariants, while the instance serves or, with `stop`, while it stands still.
     * </pre>
     */
    public void fsck(dev.vmalab.v1.FsckRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.FsckResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getFsckMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service InspectService.
   * <pre>
   * InspectService shows what the instance is made of and what it does.
   * </pre>
   */
  public static final class InspectServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<InspectServiceBlockingV2Stub> {
    private InspectServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InspectServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InspectServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * GetServerInfo reports the version, the limits, the lock model with its layout and the RCU flavour.
     * </pre>
     */
    public dev.vmalab.v1.GetServerInfoResponse getServerInfo(dev.vmalab.v1.GetServerInfoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListWorkers reports the address of each worker. All of them also share one port; the kernel spreads connections
     * over it, not calls, so a client that wants both workers takes this list and round_robin.
     * </pre>
     */
    public dev.vmalab.v1.ListWorkersResponse listWorkers(dev.vmalab.v1.ListWorkersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListWorkersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetSlabinfo is /proc/slabinfo.
     * </pre>
     */
    public dev.vmalab.v1.GetSlabinfoResponse getSlabinfo(dev.vmalab.v1.GetSlabinfoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetSlabinfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetVmstat is /proc/vmstat: counters, summed over all participants.
     * </pre>
     */
    public dev.vmalab.v1.GetVmstatResponse getVmstat(dev.vmalab.v1.GetVmstatRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetVmstatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetMaps is /proc/PID/maps of one address space.
     * </pre>
     */
    public dev.vmalab.v1.GetMapsResponse getMaps(dev.vmalab.v1.GetMapsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetMapsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * QueryVma is PROCMAP_QUERY: one mapping, found by an address in or before it.
     * </pre>
     */
    public dev.vmalab.v1.QueryVmaResponse queryVma(dev.vmalab.v1.QueryVmaRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getQueryVmaMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListAddressSpaces reports the size of every address space and how long it lives.
     * </pre>
     */
    public dev.vmalab.v1.ListAddressSpacesResponse listAddressSpaces(dev.vmalab.v1.ListAddressSpacesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListAddressSpacesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListLocks reports which thread holds, takes or waits for which lock.
     * </pre>
     */
    public dev.vmalab.v1.ListLocksResponse listLocks(dev.vmalab.v1.ListLocksRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListLocksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListParticipants reports which threads of which processes are in the segment.
     * </pre>
     */
    public dev.vmalab.v1.ListParticipantsResponse listParticipants(dev.vmalab.v1.ListParticipantsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListParticipantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetLayout reports where every field of the shared structs lies, in the server's lock model and layout, and who may
     * write it.
     * </pre>
     */
    public dev.vmalab.v1.GetLayoutResponse getLayout(dev.vmalab.v1.GetLayoutRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetLayoutMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Fsck walks the invariants, while the instance serves or, with `stop`, while it stands still.
     * </pre>
     */
    public dev.vmalab.v1.FsckResponse fsck(dev.vmalab.v1.FsckRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getFsckMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service InspectService.
   * <pre>
   * InspectService shows what the instance is made of and what it does.
   * </pre>
   */
  public static final class InspectServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<InspectServiceBlockingStub> {
    private InspectServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InspectServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InspectServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * GetServerInfo reports the version, the limits, the lock model with its layout and the RCU flavour.
     * </pre>
     */
    public dev.vmalab.v1.GetServerInfoResponse getServerInfo(dev.vmalab.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListWorkers reports the address of each worker. All of them also share one port; the kernel spreads connections
     * over it, not calls, so a client that wants both workers takes this list and round_robin.
     * </pre>
     */
    public dev.vmalab.v1.ListWorkersResponse listWorkers(dev.vmalab.v1.ListWorkersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListWorkersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetSlabinfo is /proc/slabinfo.
     * </pre>
     */
    public dev.vmalab.v1.GetSlabinfoResponse getSlabinfo(dev.vmalab.v1.GetSlabinfoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetSlabinfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetVmstat is /proc/vmstat: counters, summed over all participants.
     * </pre>
     */
    public dev.vmalab.v1.GetVmstatResponse getVmstat(dev.vmalab.v1.GetVmstatRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetVmstatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetMaps is /proc/PID/maps of one address space.
     * </pre>
     */
    public dev.vmalab.v1.GetMapsResponse getMaps(dev.vmalab.v1.GetMapsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetMapsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * QueryVma is PROCMAP_QUERY: one mapping, found by an address in or before it.
     * </pre>
     */
    public dev.vmalab.v1.QueryVmaResponse queryVma(dev.vmalab.v1.QueryVmaRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getQueryVmaMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListAddressSpaces reports the size of every address space and how long it lives.
     * </pre>
     */
    public dev.vmalab.v1.ListAddressSpacesResponse listAddressSpaces(dev.vmalab.v1.ListAddressSpacesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListAddressSpacesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListLocks reports which thread holds, takes or waits for which lock.
     * </pre>
     */
    public dev.vmalab.v1.ListLocksResponse listLocks(dev.vmalab.v1.ListLocksRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListLocksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListParticipants reports which threads of which processes are in the segment.
     * </pre>
     */
    public dev.vmalab.v1.ListParticipantsResponse listParticipants(dev.vmalab.v1.ListParticipantsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListParticipantsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetLayout reports where every field of the shared structs lies, in the server's lock model and layout, and who may
     * write it.
     * </pre>
     */
    public dev.vmalab.v1.GetLayoutResponse getLayout(dev.vmalab.v1.GetLayoutRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetLayoutMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Fsck walks the invariants, while the instance serves or, with `stop`, while it stands still.
     * </pre>
     */
    public dev.vmalab.v1.FsckResponse fsck(dev.vmalab.v1.FsckRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getFsckMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service InspectService.
   * <pre>
   * InspectService shows what the instance is made of and what it does.
   * </pre>
   */
  public static final class InspectServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<InspectServiceFutureStub> {
    private InspectServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InspectServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InspectServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * GetServerInfo reports the version, the limits, the lock model with its layout and the RCU flavour.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetServerInfoResponse> getServerInfo(
        dev.vmalab.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListWorkers reports the address of each worker. All of them also share one port; the kernel spreads connections
     * over it, not calls, so a client that wants both workers takes this list and round_robin.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListWorkersResponse> listWorkers(
        dev.vmalab.v1.ListWorkersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListWorkersMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetSlabinfo is /proc/slabinfo.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetSlabinfoResponse> getSlabinfo(
        dev.vmalab.v1.GetSlabinfoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetSlabinfoMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetVmstat is /proc/vmstat: counters, summed over all participants.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetVmstatResponse> getVmstat(
        dev.vmalab.v1.GetVmstatRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetVmstatMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetMaps is /proc/PID/maps of one address space.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetMapsResponse> getMaps(
        dev.vmalab.v1.GetMapsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetMapsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * QueryVma is PROCMAP_QUERY: one mapping, found by an address in or before it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.QueryVmaResponse> queryVma(
        dev.vmalab.v1.QueryVmaRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getQueryVmaMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListAddressSpaces reports the size of every address space and how long it lives.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListAddressSpacesResponse> listAddressSpaces(
        dev.vmalab.v1.ListAddressSpacesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListAddressSpacesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListLocks reports which thread holds, takes or waits for which lock.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListLocksResponse> listLocks(
        dev.vmalab.v1.ListLocksRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListLocksMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListParticipants reports which threads of which processes are in the segment.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ListParticipantsResponse> listParticipants(
        dev.vmalab.v1.ListParticipantsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListParticipantsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetLayout reports where every field of the shared structs lies, in the server's lock model and layout, and who may
     * write it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.GetLayoutResponse> getLayout(
        dev.vmalab.v1.GetLayoutRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetLayoutMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Fsck walks the invariants, while the instance serves or, with `stop`, while it stands still.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.FsckResponse> fsck(
        dev.vmalab.v1.FsckRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getFsckMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_SERVER_INFO = 0;
  private static final int METHODID_LIST_WORKERS = 1;
  private static final int METHODID_GET_SLABINFO = 2;
  private static final int METHODID_GET_VMSTAT = 3;
  private static final int METHODID_GET_MAPS = 4;
  private static final int METHODID_QUERY_VMA = 5;
  private static final int METHODID_LIST_ADDRESS_SPACES = 6;
  private static final int METHODID_LIST_LOCKS = 7;
  private static final int METHODID_LIST_PARTICIPANTS = 8;
  private static final int METHODID_GET_LAYOUT = 9;
  private static final int METHODID_FSCK = 10;

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
        case METHODID_GET_SERVER_INFO:
          serviceImpl.getServerInfo((dev.vmalab.v1.GetServerInfoRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetServerInfoResponse>) responseObserver);
          break;
        case METHODID_LIST_WORKERS:
          serviceImpl.listWorkers((dev.vmalab.v1.ListWorkersRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListWorkersResponse>) responseObserver);
          break;
        case METHODID_GET_SLABINFO:
          serviceImpl.getSlabinfo((dev.vmalab.v1.GetSlabinfoRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetSlabinfoResponse>) responseObserver);
          break;
        case METHODID_GET_VMSTAT:
          serviceImpl.getVmstat((dev.vmalab.v1.GetVmstatRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetVmstatResponse>) responseObserver);
          break;
        case METHODID_GET_MAPS:
          serviceImpl.getMaps((dev.vmalab.v1.GetMapsRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetMapsResponse>) responseObserver);
          break;
        case METHODID_QUERY_VMA:
          serviceImpl.queryVma((dev.vmalab.v1.QueryVmaRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.QueryVmaResponse>) responseObserver);
          break;
        case METHODID_LIST_ADDRESS_SPACES:
          serviceImpl.listAddressSpaces((dev.vmalab.v1.ListAddressSpacesRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListAddressSpacesResponse>) responseObserver);
          break;
        case METHODID_LIST_LOCKS:
          serviceImpl.listLocks((dev.vmalab.v1.ListLocksRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListLocksResponse>) responseObserver);
          break;
        case METHODID_LIST_PARTICIPANTS:
          serviceImpl.listParticipants((dev.vmalab.v1.ListParticipantsRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ListParticipantsResponse>) responseObserver);
          break;
        case METHODID_GET_LAYOUT:
          serviceImpl.getLayout((dev.vmalab.v1.GetLayoutRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.GetLayoutResponse>) responseObserver);
          break;
        case METHODID_FSCK:
          serviceImpl.fsck((dev.vmalab.v1.FsckRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.FsckResponse>) responseObserver);
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
          getGetServerInfoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetServerInfoRequest,
              dev.vmalab.v1.GetServerInfoResponse>(
                service, METHODID_GET_SERVER_INFO)))
        .addMethod(
          getListWorkersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListWorkersRequest,
              dev.vmalab.v1.ListWorkersResponse>(
                service, METHODID_LIST_WORKERS)))
        .addMethod(
          getGetSlabinfoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetSlabinfoRequest,
              dev.vmalab.v1.GetSlabinfoResponse>(
                service, METHODID_GET_SLABINFO)))
        .addMethod(
          getGetVmstatMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetVmstatRequest,
              dev.vmalab.v1.GetVmstatResponse>(
                service, METHODID_GET_VMSTAT)))
        .addMethod(
          getGetMapsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetMapsRequest,
              dev.vmalab.v1.GetMapsResponse>(
                service, METHODID_GET_MAPS)))
        .addMethod(
          getQueryVmaMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.QueryVmaRequest,
              dev.vmalab.v1.QueryVmaResponse>(
                service, METHODID_QUERY_VMA)))
        .addMethod(
          getListAddressSpacesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListAddressSpacesRequest,
              dev.vmalab.v1.ListAddressSpacesResponse>(
                service, METHODID_LIST_ADDRESS_SPACES)))
        .addMethod(
          getListLocksMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListLocksRequest,
              dev.vmalab.v1.ListLocksResponse>(
                service, METHODID_LIST_LOCKS)))
        .addMethod(
          getListParticipantsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ListParticipantsRequest,
              dev.vmalab.v1.ListParticipantsResponse>(
                service, METHODID_LIST_PARTICIPANTS)))
        .addMethod(
          getGetLayoutMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.GetLayoutRequest,
              dev.vmalab.v1.GetLayoutResponse>(
                service, METHODID_GET_LAYOUT)))
        .addMethod(
          getFsckMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.FsckRequest,
              dev.vmalab.v1.FsckResponse>(
                service, METHODID_FSCK)))
        .build();
  }

  private static abstract class InspectServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    InspectServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.vmalab.v1.Inspect.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("InspectService");
    }
  }

  private static final class InspectServiceFileDescriptorSupplier
      extends InspectServiceBaseDescriptorSupplier {
    InspectServiceFileDescriptorSupplier() {}
  }

  private static final class InspectServiceMethodDescriptorSupplier
      extends InspectServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    InspectServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (InspectServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new InspectServiceFileDescriptorSupplier())
              .addMethod(getGetServerInfoMethod())
              .addMethod(getListWorkersMethod())
              .addMethod(getGetSlabinfoMethod())
              .addMethod(getGetVmstatMethod())
              .addMethod(getGetMapsMethod())
              .addMethod(getQueryVmaMethod())
              .addMethod(getListAddressSpacesMethod())
              .addMethod(getListLocksMethod())
              .addMethod(getListParticipantsMethod())
              .addMethod(getGetLayoutMethod())
              .addMethod(getFsckMethod())
              .build();
        }
      }
    }
    return result;
  }
}
