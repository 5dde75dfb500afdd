// SPDX-License-Identifier: Apache-2.0
package dev.vmalab.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * MemoryService runs the memory calls of the kernel on emulated address spaces.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class MemoryServiceGrpc {

  private MemoryServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "vmalab.v1.MemoryService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.CreateAddressSpaceRequest,
      dev.vmalab.v1.CreateAddressSpaceResponse> getCreateAddressSpaceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateAddressSpace",
      requestType = dev.vmalab.v1.CreateAddressSpaceRequest.class,
      responseType = dev.vmalab.v1.CreateAddressSpaceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.CreateAddressSpaceRequest,
      dev.vmalab.v1.CreateAddressSpaceResponse> getCreateAddressSpaceMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.CreateAddressSpaceRequest, dev.vmalab.v1.CreateAddressSpaceResponse> getCreateAddressSpaceMethod;
    if ((getCreateAddressSpaceMethod = MemoryServiceGrpc.getCreateAddressSpaceMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getCreateAddressSpaceMethod = MemoryServiceGrpc.getCreateAddressSpaceMethod) == null) {
          MemoryServiceGrpc.getCreateAddressSpaceMethod = getCreateAddressSpaceMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.CreateAddressSpaceRequest, dev.vmalab.v1.CreateAddressSpaceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateAddressSpace"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.CreateAddressSpaceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.CreateAddressSpaceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("CreateAddressSpace"))
              .build();
        }
      }
    }
    return getCreateAddressSpaceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.HoldRequest,
      dev.vmalab.v1.HoldResponse> getHoldMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Hold",
      requestType = dev.vmalab.v1.HoldRequest.class,
      responseType = dev.vmalab.v1.HoldResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.HoldRequest,
      dev.vmalab.v1.HoldResponse> getHoldMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.HoldRequest, dev.vmalab.v1.HoldResponse> getHoldMethod;
    if ((getHoldMethod = MemoryServiceGrpc.getHoldMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getHoldMethod = MemoryServiceGrpc.getHoldMethod) == null) {
          MemoryServiceGrpc.getHoldMethod = getHoldMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.HoldRequest, dev.vmalab.v1.HoldResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Hold"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.HoldRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.HoldResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Hold"))
              .build();
        }
      }
    }
    return getHoldMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.KeepAliveRequest,
      dev.vmalab.v1.KeepAliveResponse> getKeepAliveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "KeepAlive",
      requestType = dev.vmalab.v1.KeepAliveRequest.class,
      responseType = dev.vmalab.v1.KeepAliveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.KeepAliveRequest,
      dev.vmalab.v1.KeepAliveResponse> getKeepAliveMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.KeepAliveRequest, dev.vmalab.v1.KeepAliveResponse> getKeepAliveMethod;
    if ((getKeepAliveMethod = MemoryServiceGrpc.getKeepAliveMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getKeepAliveMethod = MemoryServiceGrpc.getKeepAliveMethod) == null) {
          MemoryServiceGrpc.getKeepAliveMethod = getKeepAliveMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.KeepAliveRequest, dev.vmalab.v1.KeepAliveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "KeepAlive"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.KeepAliveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.KeepAliveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("KeepAlive"))
              .build();
        }
      }
    }
    return getKeepAliveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ForkAddressSpaceRequest,
      dev.vmalab.v1.ForkAddressSpaceResponse> getForkAddressSpaceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ForkAddressSpace",
      requestType = dev.vmalab.v1.ForkAddressSpaceRequest.class,
      responseType = dev.vmalab.v1.ForkAddressSpaceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ForkAddressSpaceRequest,
      dev.vmalab.v1.ForkAddressSpaceResponse> getForkAddressSpaceMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ForkAddressSpaceRequest, dev.vmalab.v1.ForkAddressSpaceResponse> getForkAddressSpaceMethod;
    if ((getForkAddressSpaceMethod = MemoryServiceGrpc.getForkAddressSpaceMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getForkAddressSpaceMethod = MemoryServiceGrpc.getForkAddressSpaceMethod) == null) {
          MemoryServiceGrpc.getForkAddressSpaceMethod = getForkAddressSpaceMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ForkAddressSpaceRequest, dev.vmalab.v1.ForkAddressSpaceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ForkAddressSpace"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ForkAddressSpaceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ForkAddressSpaceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("ForkAddressSpace"))
              .build();
        }
      }
    }
    return getForkAddressSpaceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ExecRequest,
      dev.vmalab.v1.ExecResponse> getExecMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Exec",
      requestType = dev.vmalab.v1.ExecRequest.class,
      responseType = dev.vmalab.v1.ExecResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ExecRequest,
      dev.vmalab.v1.ExecResponse> getExecMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ExecRequest, dev.vmalab.v1.ExecResponse> getExecMethod;
    if ((getExecMethod = MemoryServiceGrpc.getExecMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getExecMethod = MemoryServiceGrpc.getExecMethod) == null) {
          MemoryServiceGrpc.getExecMethod = getExecMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ExecRequest, dev.vmalab.v1.ExecResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Exec"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ExecRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ExecResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Exec"))
              .build();
        }
      }
    }
    return getExecMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ExitRequest,
      dev.vmalab.v1.ExitResponse> getExitMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Exit",
      requestType = dev.vmalab.v1.ExitRequest.class,
      responseType = dev.vmalab.v1.ExitResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ExitRequest,
      dev.vmalab.v1.ExitResponse> getExitMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ExitRequest, dev.vmalab.v1.ExitResponse> getExitMethod;
    if ((getExitMethod = MemoryServiceGrpc.getExitMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getExitMethod = MemoryServiceGrpc.getExitMethod) == null) {
          MemoryServiceGrpc.getExitMethod = getExitMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ExitRequest, dev.vmalab.v1.ExitResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Exit"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ExitRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ExitResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Exit"))
              .build();
        }
      }
    }
    return getExitMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MmapRequest,
      dev.vmalab.v1.MmapResponse> getMmapMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mmap",
      requestType = dev.vmalab.v1.MmapRequest.class,
      responseType = dev.vmalab.v1.MmapResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MmapRequest,
      dev.vmalab.v1.MmapResponse> getMmapMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MmapRequest, dev.vmalab.v1.MmapResponse> getMmapMethod;
    if ((getMmapMethod = MemoryServiceGrpc.getMmapMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMmapMethod = MemoryServiceGrpc.getMmapMethod) == null) {
          MemoryServiceGrpc.getMmapMethod = getMmapMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MmapRequest, dev.vmalab.v1.MmapResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mmap"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MmapRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MmapResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mmap"))
              .build();
        }
      }
    }
    return getMmapMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MunmapRequest,
      dev.vmalab.v1.MunmapResponse> getMunmapMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Munmap",
      requestType = dev.vmalab.v1.MunmapRequest.class,
      responseType = dev.vmalab.v1.MunmapResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MunmapRequest,
      dev.vmalab.v1.MunmapResponse> getMunmapMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MunmapRequest, dev.vmalab.v1.MunmapResponse> getMunmapMethod;
    if ((getMunmapMethod = MemoryServiceGrpc.getMunmapMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMunmapMethod = MemoryServiceGrpc.getMunmapMethod) == null) {
          MemoryServiceGrpc.getMunmapMethod = getMunmapMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MunmapRequest, dev.vmalab.v1.MunmapResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Munmap"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MunmapRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MunmapResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Munmap"))
              .build();
        }
      }
    }
    return getMunmapMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MprotectRequest,
      dev.vmalab.v1.MprotectResponse> getMprotectMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mprotect",
      requestType = dev.vmalab.v1.MprotectRequest.class,
      responseType = dev.vmalab.v1.MprotectResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MprotectRequest,
      dev.vmalab.v1.MprotectResponse> getMprotectMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MprotectRequest, dev.vmalab.v1.MprotectResponse> getMprotectMethod;
    if ((getMprotectMethod = MemoryServiceGrpc.getMprotectMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMprotectMethod = MemoryServiceGrpc.getMprotectMethod) == null) {
          MemoryServiceGrpc.getMprotectMethod = getMprotectMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MprotectRequest, dev.vmalab.v1.MprotectResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mprotect"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MprotectRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MprotectResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mprotect"))
              .build();
        }
      }
    }
    return getMprotectMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MremapRequest,
      dev.vmalab.v1.MremapResponse> getMremapMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mremap",
      requestType = dev.vmalab.v1.MremapRequest.class,
      responseType = dev.vmalab.v1.MremapResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MremapRequest,
      dev.vmalab.v1.MremapResponse> getMremapMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MremapRequest, dev.vmalab.v1.MremapResponse> getMremapMethod;
    if ((getMremapMethod = MemoryServiceGrpc.getMremapMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMremapMethod = MemoryServiceGrpc.getMremapMethod) == null) {
          MemoryServiceGrpc.getMremapMethod = getMremapMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MremapRequest, dev.vmalab.v1.MremapResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mremap"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MremapRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MremapResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mremap"))
              .build();
        }
      }
    }
    return getMremapMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MadviseRequest,
      dev.vmalab.v1.MadviseResponse> getMadviseMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Madvise",
      requestType = dev.vmalab.v1.MadviseRequest.class,
      responseType = dev.vmalab.v1.MadviseResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MadviseRequest,
      dev.vmalab.v1.MadviseResponse> getMadviseMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MadviseRequest, dev.vmalab.v1.MadviseResponse> getMadviseMethod;
    if ((getMadviseMethod = MemoryServiceGrpc.getMadviseMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMadviseMethod = MemoryServiceGrpc.getMadviseMethod) == null) {
          MemoryServiceGrpc.getMadviseMethod = getMadviseMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MadviseRequest, dev.vmalab.v1.MadviseResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Madvise"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MadviseRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MadviseResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Madvise"))
              .build();
        }
      }
    }
    return getMadviseMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MincoreRequest,
      dev.vmalab.v1.MincoreResponse> getMincoreMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mincore",
      requestType = dev.vmalab.v1.MincoreRequest.class,
      responseType = dev.vmalab.v1.MincoreResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MincoreRequest,
      dev.vmalab.v1.MincoreResponse> getMincoreMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MincoreRequest, dev.vmalab.v1.MincoreResponse> getMincoreMethod;
    if ((getMincoreMethod = MemoryServiceGrpc.getMincoreMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMincoreMethod = MemoryServiceGrpc.getMincoreMethod) == null) {
          MemoryServiceGrpc.getMincoreMethod = getMincoreMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MincoreRequest, dev.vmalab.v1.MincoreResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mincore"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MincoreRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MincoreResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mincore"))
              .build();
        }
      }
    }
    return getMincoreMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.BrkRequest,
      dev.vmalab.v1.BrkResponse> getBrkMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Brk",
      requestType = dev.vmalab.v1.BrkRequest.class,
      responseType = dev.vmalab.v1.BrkResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.BrkRequest,
      dev.vmalab.v1.BrkResponse> getBrkMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.BrkRequest, dev.vmalab.v1.BrkResponse> getBrkMethod;
    if ((getBrkMethod = MemoryServiceGrpc.getBrkMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getBrkMethod = MemoryServiceGrpc.getBrkMethod) == null) {
          MemoryServiceGrpc.getBrkMethod = getBrkMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.BrkRequest, dev.vmalab.v1.BrkResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Brk"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.BrkRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.BrkResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Brk"))
              .build();
        }
      }
    }
    return getBrkMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.FaultRequest,
      dev.vmalab.v1.FaultResponse> getFaultMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Fault",
      requestType = dev.vmalab.v1.FaultRequest.class,
      responseType = dev.vmalab.v1.FaultResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.FaultRequest,
      dev.vmalab.v1.FaultResponse> getFaultMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.FaultRequest, dev.vmalab.v1.FaultResponse> getFaultMethod;
    if ((getFaultMethod = MemoryServiceGrpc.getFaultMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getFaultMethod = MemoryServiceGrpc.getFaultMethod) == null) {
          MemoryServiceGrpc.getFaultMethod = getFaultMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.FaultRequest, dev.vmalab.v1.FaultResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Fault"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.FaultRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.FaultResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Fault"))
              .build();
        }
      }
    }
    return getFaultMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.UffdMoveRequest,
      dev.vmalab.v1.UffdMoveResponse> getUffdMoveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UffdMove",
      requestType = dev.vmalab.v1.UffdMoveRequest.class,
      responseType = dev.vmalab.v1.UffdMoveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.UffdMoveRequest,
      dev.vmalab.v1.UffdMoveResponse> getUffdMoveMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.UffdMoveRequest, dev.vmalab.v1.UffdMoveResponse> getUffdMoveMethod;
    if ((getUffdMoveMethod = MemoryServiceGrpc.getUffdMoveMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getUffdMoveMethod = MemoryServiceGrpc.getUffdMoveMethod) == null) {
          MemoryServiceGrpc.getUffdMoveMethod = getUffdMoveMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.UffdMoveRequest, dev.vmalab.v1.UffdMoveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UffdMove"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdMoveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.UffdMoveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("UffdMove"))
              .build();
        }
      }
    }
    return getUffdMoveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.SetVmaNameRequest,
      dev.vmalab.v1.SetVmaNameResponse> getSetVmaNameMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetVmaName",
      requestType = dev.vmalab.v1.SetVmaNameRequest.class,
      responseType = dev.vmalab.v1.SetVmaNameResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.SetVmaNameRequest,
      dev.vmalab.v1.SetVmaNameResponse> getSetVmaNameMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.SetVmaNameRequest, dev.vmalab.v1.SetVmaNameResponse> getSetVmaNameMethod;
    if ((getSetVmaNameMethod = MemoryServiceGrpc.getSetVmaNameMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getSetVmaNameMethod = MemoryServiceGrpc.getSetVmaNameMethod) == null) {
          MemoryServiceGrpc.getSetVmaNameMethod = getSetVmaNameMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.SetVmaNameRequest, dev.vmalab.v1.SetVmaNameResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetVmaName"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetVmaNameRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetVmaNameResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("SetVmaName"))
              .build();
        }
      }
    }
    return getSetVmaNameMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MlockRequest,
      dev.vmalab.v1.MlockResponse> getMlockMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mlock",
      requestType = dev.vmalab.v1.MlockRequest.class,
      responseType = dev.vmalab.v1.MlockResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MlockRequest,
      dev.vmalab.v1.MlockResponse> getMlockMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MlockRequest, dev.vmalab.v1.MlockResponse> getMlockMethod;
    if ((getMlockMethod = MemoryServiceGrpc.getMlockMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMlockMethod = MemoryServiceGrpc.getMlockMethod) == null) {
          MemoryServiceGrpc.getMlockMethod = getMlockMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MlockRequest, dev.vmalab.v1.MlockResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mlock"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MlockRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MlockResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mlock"))
              .build();
        }
      }
    }
    return getMlockMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MunlockRequest,
      dev.vmalab.v1.MunlockResponse> getMunlockMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Munlock",
      requestType = dev.vmalab.v1.MunlockRequest.class,
      responseType = dev.vmalab.v1.MunlockResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MunlockRequest,
      dev.vmalab.v1.MunlockResponse> getMunlockMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MunlockRequest, dev.vmalab.v1.MunlockResponse> getMunlockMethod;
    if ((getMunlockMethod = MemoryServiceGrpc.getMunlockMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMunlockMethod = MemoryServiceGrpc.getMunlockMethod) == null) {
          MemoryServiceGrpc.getMunlockMethod = getMunlockMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MunlockRequest, dev.vmalab.v1.MunlockResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Munlock"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MunlockRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MunlockResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Munlock"))
              .build();
        }
      }
    }
    return getMunlockMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MlockallRequest,
      dev.vmalab.v1.MlockallResponse> getMlockallMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mlockall",
      requestType = dev.vmalab.v1.MlockallRequest.class,
      responseType = dev.vmalab.v1.MlockallResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MlockallRequest,
      dev.vmalab.v1.MlockallResponse> getMlockallMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MlockallRequest, dev.vmalab.v1.MlockallResponse> getMlockallMethod;
    if ((getMlockallMethod = MemoryServiceGrpc.getMlockallMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMlockallMethod = MemoryServiceGrpc.getMlockallMethod) == null) {
          MemoryServiceGrpc.getMlockallMethod = getMlockallMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MlockallRequest, dev.vmalab.v1.MlockallResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mlockall"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MlockallRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MlockallResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mlockall"))
              .build();
        }
      }
    }
    return getMlockallMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MunlockallRequest,
      dev.vmalab.v1.MunlockallResponse> getMunlockallMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Munlockall",
      requestType = dev.vmalab.v1.MunlockallRequest.class,
      responseType = dev.vmalab.v1.MunlockallResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MunlockallRequest,
      dev.vmalab.v1.MunlockallResponse> getMunlockallMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MunlockallRequest, dev.vmalab.v1.MunlockallResponse> getMunlockallMethod;
    if ((getMunlockallMethod = MemoryServiceGrpc.getMunlockallMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMunlockallMethod = MemoryServiceGrpc.getMunlockallMethod) == null) {
          MemoryServiceGrpc.getMunlockallMethod = getMunlockallMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MunlockallRequest, dev.vmalab.v1.MunlockallResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Munlockall"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MunlockallRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MunlockallResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Munlockall"))
              .build();
        }
      }
    }
    return getMunlockallMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MsyncRequest,
      dev.vmalab.v1.MsyncResponse> getMsyncMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Msync",
      requestType = dev.vmalab.v1.MsyncRequest.class,
      responseType = dev.vmalab.v1.MsyncResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MsyncRequest,
      dev.vmalab.v1.MsyncResponse> getMsyncMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MsyncRequest, dev.vmalab.v1.MsyncResponse> getMsyncMethod;
    if ((getMsyncMethod = MemoryServiceGrpc.getMsyncMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMsyncMethod = MemoryServiceGrpc.getMsyncMethod) == null) {
          MemoryServiceGrpc.getMsyncMethod = getMsyncMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MsyncRequest, dev.vmalab.v1.MsyncResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Msync"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MsyncRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MsyncResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Msync"))
              .build();
        }
      }
    }
    return getMsyncMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.MsealRequest,
      dev.vmalab.v1.MsealResponse> getMsealMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Mseal",
      requestType = dev.vmalab.v1.MsealRequest.class,
      responseType = dev.vmalab.v1.MsealResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.MsealRequest,
      dev.vmalab.v1.MsealResponse> getMsealMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.MsealRequest, dev.vmalab.v1.MsealResponse> getMsealMethod;
    if ((getMsealMethod = MemoryServiceGrpc.getMsealMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getMsealMethod = MemoryServiceGrpc.getMsealMethod) == null) {
          MemoryServiceGrpc.getMsealMethod = getMsealMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.MsealRequest, dev.vmalab.v1.MsealResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Mseal"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MsealRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.MsealResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Mseal"))
              .build();
        }
      }
    }
    return getMsealMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.RemapFilePagesRequest,
      dev.vmalab.v1.RemapFilePagesResponse> getRemapFilePagesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RemapFilePages",
      requestType = dev.vmalab.v1.RemapFilePagesRequest.class,
      responseType = dev.vmalab.v1.RemapFilePagesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.RemapFilePagesRequest,
      dev.vmalab.v1.RemapFilePagesResponse> getRemapFilePagesMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.RemapFilePagesRequest, dev.vmalab.v1.RemapFilePagesResponse> getRemapFilePagesMethod;
    if ((getRemapFilePagesMethod = MemoryServiceGrpc.getRemapFilePagesMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getRemapFilePagesMethod = MemoryServiceGrpc.getRemapFilePagesMethod) == null) {
          MemoryServiceGrpc.getRemapFilePagesMethod = getRemapFilePagesMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.RemapFilePagesRequest, dev.vmalab.v1.RemapFilePagesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RemapFilePages"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.RemapFilePagesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.RemapFilePagesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("RemapFilePages"))
              .build();
        }
      }
    }
    return getRemapFilePagesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyMprotectRequest,
      dev.vmalab.v1.PkeyMprotectResponse> getPkeyMprotectMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PkeyMprotect",
      requestType = dev.vmalab.v1.PkeyMprotectRequest.class,
      responseType = dev.vmalab.v1.PkeyMprotectResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyMprotectRequest,
      dev.vmalab.v1.PkeyMprotectResponse> getPkeyMprotectMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyMprotectRequest, dev.vmalab.v1.PkeyMprotectResponse> getPkeyMprotectMethod;
    if ((getPkeyMprotectMethod = MemoryServiceGrpc.getPkeyMprotectMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getPkeyMprotectMethod = MemoryServiceGrpc.getPkeyMprotectMethod) == null) {
          MemoryServiceGrpc.getPkeyMprotectMethod = getPkeyMprotectMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.PkeyMprotectRequest, dev.vmalab.v1.PkeyMprotectResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PkeyMprotect"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.PkeyMprotectRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.PkeyMprotectResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("PkeyMprotect"))
              .build();
        }
      }
    }
    return getPkeyMprotectMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyAllocRequest,
      dev.vmalab.v1.PkeyAllocResponse> getPkeyAllocMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PkeyAlloc",
      requestType = dev.vmalab.v1.PkeyAllocRequest.class,
      responseType = dev.vmalab.v1.PkeyAllocResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyAllocRequest,
      dev.vmalab.v1.PkeyAllocResponse> getPkeyAllocMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyAllocRequest, dev.vmalab.v1.PkeyAllocResponse> getPkeyAllocMethod;
    if ((getPkeyAllocMethod = MemoryServiceGrpc.getPkeyAllocMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getPkeyAllocMethod = MemoryServiceGrpc.getPkeyAllocMethod) == null) {
          MemoryServiceGrpc.getPkeyAllocMethod = getPkeyAllocMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.PkeyAllocRequest, dev.vmalab.v1.PkeyAllocResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PkeyAlloc"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.PkeyAllocRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.PkeyAllocResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("PkeyAlloc"))
              .build();
        }
      }
    }
    return getPkeyAllocMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyFreeRequest,
      dev.vmalab.v1.PkeyFreeResponse> getPkeyFreeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PkeyFree",
      requestType = dev.vmalab.v1.PkeyFreeRequest.class,
      responseType = dev.vmalab.v1.PkeyFreeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyFreeRequest,
      dev.vmalab.v1.PkeyFreeResponse> getPkeyFreeMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.PkeyFreeRequest, dev.vmalab.v1.PkeyFreeResponse> getPkeyFreeMethod;
    if ((getPkeyFreeMethod = MemoryServiceGrpc.getPkeyFreeMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getPkeyFreeMethod = MemoryServiceGrpc.getPkeyFreeMethod) == null) {
          MemoryServiceGrpc.getPkeyFreeMethod = getPkeyFreeMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.PkeyFreeRequest, dev.vmalab.v1.PkeyFreeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PkeyFree"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.PkeyFreeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.PkeyFreeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("PkeyFree"))
              .build();
        }
      }
    }
    return getPkeyFreeMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.SetRlimitRequest,
      dev.vmalab.v1.SetRlimitResponse> getSetRlimitMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetRlimit",
      requestType = dev.vmalab.v1.SetRlimitRequest.class,
      responseType = dev.vmalab.v1.SetRlimitResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.SetRlimitRequest,
      dev.vmalab.v1.SetRlimitResponse> getSetRlimitMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.SetRlimitRequest, dev.vmalab.v1.SetRlimitResponse> getSetRlimitMethod;
    if ((getSetRlimitMethod = MemoryServiceGrpc.getSetRlimitMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getSetRlimitMethod = MemoryServiceGrpc.getSetRlimitMethod) == null) {
          MemoryServiceGrpc.getSetRlimitMethod = getSetRlimitMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.SetRlimitRequest, dev.vmalab.v1.SetRlimitResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetRlimit"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetRlimitRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetRlimitResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("SetRlimit"))
              .build();
        }
      }
    }
    return getSetRlimitMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.SetThpDisableRequest,
      dev.vmalab.v1.SetThpDisableResponse> getSetThpDisableMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetThpDisable",
      requestType = dev.vmalab.v1.SetThpDisableRequest.class,
      responseType = dev.vmalab.v1.SetThpDisableResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.SetThpDisableRequest,
      dev.vmalab.v1.SetThpDisableResponse> getSetThpDisableMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.SetThpDisableRequest, dev.vmalab.v1.SetThpDisableResponse> getSetThpDisableMethod;
    if ((getSetThpDisableMethod = MemoryServiceGrpc.getSetThpDisableMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getSetThpDisableMethod = MemoryServiceGrpc.getSetThpDisableMethod) == null) {
          MemoryServiceGrpc.getSetThpDisableMethod = getSetThpDisableMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.SetThpDisableRequest, dev.vmalab.v1.SetThpDisableResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetThpDisable"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetThpDisableRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.SetThpDisableResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("SetThpDisable"))
              .build();
        }
      }
    }
    return getSetThpDisableMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ProcessMadviseRequest,
      dev.vmalab.v1.ProcessMadviseResponse> getProcessMadviseMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ProcessMadvise",
      requestType = dev.vmalab.v1.ProcessMadviseRequest.class,
      responseType = dev.vmalab.v1.ProcessMadviseResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ProcessMadviseRequest,
      dev.vmalab.v1.ProcessMadviseResponse> getProcessMadviseMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ProcessMadviseRequest, dev.vmalab.v1.ProcessMadviseResponse> getProcessMadviseMethod;
    if ((getProcessMadviseMethod = MemoryServiceGrpc.getProcessMadviseMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getProcessMadviseMethod = MemoryServiceGrpc.getProcessMadviseMethod) == null) {
          MemoryServiceGrpc.getProcessMadviseMethod = getProcessMadviseMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ProcessMadviseRequest, dev.vmalab.v1.ProcessMadviseResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ProcessMadvise"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ProcessMadviseRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ProcessMadviseResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("ProcessMadvise"))
              .build();
        }
      }
    }
    return getProcessMadviseMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ShareAddressSpaceRequest,
      dev.vmalab.v1.ShareAddressSpaceResponse> getShareAddressSpaceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ShareAddressSpace",
      requestType = dev.vmalab.v1.ShareAddressSpaceRequest.class,
      responseType = dev.vmalab.v1.ShareAddressSpaceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ShareAddressSpaceRequest,
      dev.vmalab.v1.ShareAddressSpaceResponse> getShareAddressSpaceMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ShareAddressSpaceRequest, dev.vmalab.v1.ShareAddressSpaceResponse> getShareAddressSpaceMethod;
    if ((getShareAddressSpaceMethod = MemoryServiceGrpc.getShareAddressSpaceMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getShareAddressSpaceMethod = MemoryServiceGrpc.getShareAddressSpaceMethod) == null) {
          MemoryServiceGrpc.getShareAddressSpaceMethod = getShareAddressSpaceMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ShareAddressSpaceRequest, dev.vmalab.v1.ShareAddressSpaceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ShareAddressSpace"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ShareAddressSpaceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ShareAddressSpaceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("ShareAddressSpace"))
              .build();
        }
      }
    }
    return getShareAddressSpaceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ShareFileRequest,
      dev.vmalab.v1.ShareFileResponse> getShareFileMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ShareFile",
      requestType = dev.vmalab.v1.ShareFileRequest.class,
      responseType = dev.vmalab.v1.ShareFileResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ShareFileRequest,
      dev.vmalab.v1.ShareFileResponse> getShareFileMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ShareFileRequest, dev.vmalab.v1.ShareFileResponse> getShareFileMethod;
    if ((getShareFileMethod = MemoryServiceGrpc.getShareFileMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getShareFileMethod = MemoryServiceGrpc.getShareFileMethod) == null) {
          MemoryServiceGrpc.getShareFileMethod = getShareFileMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ShareFileRequest, dev.vmalab.v1.ShareFileResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ShareFile"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ShareFileRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ShareFileResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("ShareFile"))
              .build();
        }
      }
    }
    return getShareFileMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.OpenFileRequest,
      dev.vmalab.v1.OpenFileResponse> getOpenFileMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "OpenFile",
      requestType = dev.vmalab.v1.OpenFileRequest.class,
      responseType = dev.vmalab.v1.OpenFileResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.OpenFileRequest,
      dev.vmalab.v1.OpenFileResponse> getOpenFileMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.OpenFileRequest, dev.vmalab.v1.OpenFileResponse> getOpenFileMethod;
    if ((getOpenFileMethod = MemoryServiceGrpc.getOpenFileMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getOpenFileMethod = MemoryServiceGrpc.getOpenFileMethod) == null) {
          MemoryServiceGrpc.getOpenFileMethod = getOpenFileMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.OpenFileRequest, dev.vmalab.v1.OpenFileResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "OpenFile"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.OpenFileRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.OpenFileResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("OpenFile"))
              .build();
        }
      }
    }
    return getOpenFileMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.CloseFileRequest,
      dev.vmalab.v1.CloseFileResponse> getCloseFileMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CloseFile",
      requestType = dev.vmalab.v1.CloseFileRequest.class,
      responseType = dev.vmalab.v1.CloseFileResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.CloseFileRequest,
      dev.vmalab.v1.CloseFileResponse> getCloseFileMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.CloseFileRequest, dev.vmalab.v1.CloseFileResponse> getCloseFileMethod;
    if ((getCloseFileMethod = MemoryServiceGrpc.getCloseFileMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getCloseFileMethod = MemoryServiceGrpc.getCloseFileMethod) == null) {
          MemoryServiceGrpc.getCloseFileMethod = getCloseFileMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.CloseFileRequest, dev.vmalab.v1.CloseFileResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CloseFile"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.CloseFileRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.CloseFileResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("CloseFile"))
              .build();
        }
      }
    }
    return getCloseFileMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.TruncateFileRequest,
      dev.vmalab.v1.TruncateFileResponse> getTruncateFileMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "TruncateFile",
      requestType = dev.vmalab.v1.TruncateFileRequest.class,
      responseType = dev.vmalab.v1.TruncateFileResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.TruncateFileRequest,
      dev.vmalab.v1.TruncateFileResponse> getTruncateFileMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.TruncateFileRequest, dev.vmalab.v1.TruncateFileResponse> getTruncateFileMethod;
    if ((getTruncateFileMethod = MemoryServiceGrpc.getTruncateFileMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getTruncateFileMethod = MemoryServiceGrpc.getTruncateFileMethod) == null) {
          MemoryServiceGrpc.getTruncateFileMethod = getTruncateFileMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.TruncateFileRequest, dev.vmalab.v1.TruncateFileResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "TruncateFile"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.TruncateFileRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.TruncateFileResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("TruncateFile"))
              .build();
        }
      }
    }
    return getTruncateFileMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.AllocateFileRequest,
      dev.vmalab.v1.AllocateFileResponse> getAllocateFileMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "AllocateFile",
      requestType = dev.vmalab.v1.AllocateFileRequest.class,
      responseType = dev.vmalab.v1.AllocateFileResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.AllocateFileRequest,
      dev.vmalab.v1.AllocateFileResponse> getAllocateFileMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.AllocateFileRequest, dev.vmalab.v1.AllocateFileResponse> getAllocateFileMethod;
    if ((getAllocateFileMethod = MemoryServiceGrpc.getAllocateFileMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getAllocateFileMethod = MemoryServiceGrpc.getAllocateFileMethod) == null) {
          MemoryServiceGrpc.getAllocateFileMethod = getAllocateFileMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.AllocateFileRequest, dev.vmalab.v1.AllocateFileResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "AllocateFile"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.AllocateFileRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.AllocateFileResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("AllocateFile"))
              .build();
        }
      }
    }
    return getAllocateFileMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.ApplyRequest,
      dev.vmalab.v1.ApplyResponse> getApplyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Apply",
      requestType = dev.vmalab.v1.ApplyRequest.class,
      responseType = dev.vmalab.v1.ApplyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.ApplyRequest,
      dev.vmalab.v1.ApplyResponse> getApplyMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.ApplyRequest, dev.vmalab.v1.ApplyResponse> getApplyMethod;
    if ((getApplyMethod = MemoryServiceGrpc.getApplyMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getApplyMethod = MemoryServiceGrpc.getApplyMethod) == null) {
          MemoryServiceGrpc.getApplyMethod = getApplyMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.ApplyRequest, dev.vmalab.v1.ApplyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Apply"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ApplyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.ApplyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Apply"))
              .build();
        }
      }
    }
    return getApplyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.vmalab.v1.BatchRequest,
      dev.vmalab.v1.BatchResponse> getBatchMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Batch",
      requestType = dev.vmalab.v1.BatchRequest.class,
      responseType = dev.vmalab.v1.BatchResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.vmalab.v1.BatchRequest,
      dev.vmalab.v1.BatchResponse> getBatchMethod() {
    io.grpc.MethodDescriptor<dev.vmalab.v1.BatchRequest, dev.vmalab.v1.BatchResponse> getBatchMethod;
    if ((getBatchMethod = MemoryServiceGrpc.getBatchMethod) == null) {
      synchronized (MemoryServiceGrpc.class) {
        if ((getBatchMethod = MemoryServiceGrpc.getBatchMethod) == null) {
          MemoryServiceGrpc.getBatchMethod = getBatchMethod =
              io.grpc.MethodDescriptor.<dev.vmalab.v1.BatchRequest, dev.vmalab.v1.BatchResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Batch"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.BatchRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.vmalab.v1.BatchResponse.getDefaultInstance()))
              .setSchemaDescriptor(new MemoryServiceMethodDescriptorSupplier("Batch"))
              .build();
        }
      }
    }
    return getBatchMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static MemoryServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<MemoryServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<MemoryServiceStub>() {
        @java.lang.Override
        public MemoryServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new MemoryServiceStub(channel, callOptions);
        }
      };
    return MemoryServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static MemoryServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<MemoryServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<MemoryServiceBlockingV2Stub>() {
        @java.lang.Override
        public MemoryServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new MemoryServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return MemoryServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static MemoryServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<MemoryServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<MemoryServiceBlockingStub>() {
        @java.lang.Override
        public MemoryServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new MemoryServiceBlockingStub(channel, callOptions);
        }
      };
    return MemoryServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static MemoryServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<MemoryServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<MemoryServiceFutureStub>() {
        @java.lang.Override
        public MemoryServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new MemoryServiceFutureStub(channel, callOptions);
        }
      };
    return MemoryServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * MemoryService runs the memory calls of the kernel on emulated address spaces.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
     * </pre>
     */
    default void createAddressSpace(dev.vmalab.v1.CreateAddressSpaceRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.CreateAddressSpaceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateAddressSpaceMethod(), responseObserver);
    }

    /**
     * <pre>
     * Hold gives leases on address spaces: they live while the stream is open. Each request is answered with the leases.
     * When the stream ends for whatever reason, they live at least for the server's grace time (2 s by default) so that
     * the client can open another, at any worker. A longer time to live stays.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.vmalab.v1.HoldRequest> hold(
        io.grpc.stub.StreamObserver<dev.vmalab.v1.HoldResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getHoldMethod(), responseObserver);
    }

    /**
     * <pre>
     * KeepAlive lets address spaces live at least `ttl_ms` from now.
     * </pre>
     */
    default void keepAlive(dev.vmalab.v1.KeepAliveRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.KeepAliveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getKeepAliveMethod(), responseObserver);
    }

    /**
     * <pre>
     * ForkAddressSpace copies an address space as fork(2) does.
     * </pre>
     */
    default void forkAddressSpace(dev.vmalab.v1.ForkAddressSpaceRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ForkAddressSpaceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getForkAddressSpaceMethod(), responseObserver);
    }

    /**
     * <pre>
     * Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
     * one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
     * with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
     * worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
     * (ListAddressSpaces) is its number.
     * </pre>
     */
    default void exec(dev.vmalab.v1.ExecRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ExecResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExecMethod(), responseObserver);
    }

    /**
     * <pre>
     * Exit ends an address space now, also if others have a lease on it.
     * </pre>
     */
    default void exit(dev.vmalab.v1.ExitRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ExitResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExitMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mmap is mmap(2).
     * </pre>
     */
    default void mmap(dev.vmalab.v1.MmapRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MmapResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMmapMethod(), responseObserver);
    }

    /**
     * <pre>
     * Munmap is munmap(2).
     * </pre>
     */
    default void munmap(dev.vmalab.v1.MunmapRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MunmapResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMunmapMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mprotect is mprotect(2).
     * </pre>
     */
    default void mprotect(dev.vmalab.v1.MprotectRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MprotectResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMprotectMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mremap is mremap(2).
     * </pre>
     */
    default void mremap(dev.vmalab.v1.MremapRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MremapResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMremapMethod(), responseObserver);
    }

    /**
     * <pre>
     * Madvise is madvise(2).
     * </pre>
     */
    default void madvise(dev.vmalab.v1.MadviseRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MadviseResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMadviseMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mincore is mincore(2).
     * </pre>
     */
    default void mincore(dev.vmalab.v1.MincoreRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MincoreResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMincoreMethod(), responseObserver);
    }

    /**
     * <pre>
     * Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
     * </pre>
     */
    default void brk(dev.vmalab.v1.BrkRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.BrkResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getBrkMethod(), responseObserver);
    }

    /**
     * <pre>
     * Fault touches a page as a load, store or instruction fetch would.
     * </pre>
     */
    default void fault(dev.vmalab.v1.FaultRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.FaultResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getFaultMethod(), responseObserver);
    }

    /**
     * <pre>
     * UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
     * </pre>
     */
    default void uffdMove(dev.vmalab.v1.UffdMoveRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdMoveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUffdMoveMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
     * </pre>
     */
    default void setVmaName(dev.vmalab.v1.SetVmaNameRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetVmaNameResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetVmaNameMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mlock is mlock2(2); without flags mlock(2).
     * </pre>
     */
    default void mlock(dev.vmalab.v1.MlockRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MlockResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMlockMethod(), responseObserver);
    }

    /**
     * <pre>
     * Munlock is munlock(2).
     * </pre>
     */
    default void munlock(dev.vmalab.v1.MunlockRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MunlockResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMunlockMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mlockall is mlockall(2).
     * </pre>
     */
    default void mlockall(dev.vmalab.v1.MlockallRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MlockallResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMlockallMethod(), responseObserver);
    }

    /**
     * <pre>
     * Munlockall is munlockall(2).
     * </pre>
     */
    default void munlockall(dev.vmalab.v1.MunlockallRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MunlockallResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMunlockallMethod(), responseObserver);
    }

    /**
     * <pre>
     * Msync is msync(2).
     * </pre>
     */
    default void msync(dev.vmalab.v1.MsyncRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MsyncResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMsyncMethod(), responseObserver);
    }

    /**
     * <pre>
     * Mseal is mseal(2).
     * </pre>
     */
    default void mseal(dev.vmalab.v1.MsealRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MsealResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMsealMethod(), responseObserver);
    }

    /**
     * <pre>
     * RemapFilePages is remap_file_pages(2).
     * </pre>
     */
    default void remapFilePages(dev.vmalab.v1.RemapFilePagesRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.RemapFilePagesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRemapFilePagesMethod(), responseObserver);
    }

    /**
     * <pre>
     * PkeyMprotect is pkey_mprotect(2).
     * </pre>
     */
    default void pkeyMprotect(dev.vmalab.v1.PkeyMprotectRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyMprotectResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPkeyMprotectMethod(), responseObserver);
    }

    /**
     * <pre>
     * PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
     * then stand in the answer, else into that of the address space.
     * </pre>
     */
    default void pkeyAlloc(dev.vmalab.v1.PkeyAllocRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyAllocResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPkeyAllocMethod(), responseObserver);
    }

    /**
     * <pre>
     * PkeyFree is pkey_free(2).
     * </pre>
     */
    default void pkeyFree(dev.vmalab.v1.PkeyFreeRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyFreeResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPkeyFreeMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetRlimit is setrlimit(2) of the process that the address space belongs to.
     * </pre>
     */
    default void setRlimit(dev.vmalab.v1.SetRlimitRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetRlimitResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetRlimitMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetThpDisable is prctl(PR_SET_THP_DISABLE).
     * </pre>
     */
    default void setThpDisable(dev.vmalab.v1.SetThpDisableRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetThpDisableResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetThpDisableMethod(), responseObserver);
    }

    /**
     * <pre>
     * ProcessMadvise is process_madvise(2), of one's own memory or another process's.
     * </pre>
     */
    default void processMadvise(dev.vmalab.v1.ProcessMadviseRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ProcessMadviseResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getProcessMadviseMethod(), responseObserver);
    }

    /**
     * <pre>
     * ShareAddressSpace lets all clients use an address space of the caller's, for good.
     * </pre>
     */
    default void shareAddressSpace(dev.vmalab.v1.ShareAddressSpaceRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ShareAddressSpaceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getShareAddressSpaceMethod(), responseObserver);
    }

    /**
     * <pre>
     * ShareFile lets all clients use a file of the caller's, for good.
     * </pre>
     */
    default void shareFile(dev.vmalab.v1.ShareFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ShareFileResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getShareFileMethod(), responseObserver);
    }

    /**
     * <pre>
     * OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
     * that is another client's and not shared is another file.
     * </pre>
     */
    default void openFile(dev.vmalab.v1.OpenFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.OpenFileResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getOpenFileMethod(), responseObserver);
    }

    /**
     * <pre>
     * CloseFile gives a file back. What is mapped stays mapped.
     * </pre>
     */
    default void closeFile(dev.vmalab.v1.CloseFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.CloseFileResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCloseFileMethod(), responseObserver);
    }

    /**
     * <pre>
     * TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
     * </pre>
     */
    default void truncateFile(dev.vmalab.v1.TruncateFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.TruncateFileResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getTruncateFileMethod(), responseObserver);
    }

    /**
     * <pre>
     * AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
     * </pre>
     */
    default void allocateFile(dev.vmalab.v1.AllocateFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.AllocateFileResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAllocateFileMethod(), responseObserver);
    }

    /**
     * <pre>
     * Apply executes one block.
     * </pre>
     */
    default void apply(dev.vmalab.v1.ApplyRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ApplyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getApplyMethod(), responseObserver);
    }

    /**
     * <pre>
     * Batch executes a stream of blocks in order and answers each. Keep several outstanding.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.vmalab.v1.BatchRequest> batch(
        io.grpc.stub.StreamObserver<dev.vmalab.v1.BatchResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getBatchMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service MemoryService.
   * <pre>
   * MemoryService runs the memory calls of the kernel on emulated address spaces.
   * </pre>
   */
  public static abstract class MemoryServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return MemoryServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service MemoryService.
   * <pre>
   * MemoryService runs the memory calls of the kernel on emulated address spaces.
   * </pre>
   */
  public static final class MemoryServiceStub
      extends io.grpc.stub.AbstractAsyncStub<MemoryServiceStub> {
    private MemoryServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected MemoryServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new MemoryServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
     * </pre>
     */
    public void createAddressSpace(dev.vmalab.v1.CreateAddressSpaceRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.CreateAddressSpaceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateAddressSpaceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Hold gives leases on address spaces: they live while the stream is open. Each request is answered with the leases.
     * When the stream ends for whatever reason, they live at least for the server's grace time (2 s by default) so that
     * the client can open another, at any worker. A longer time to live stays.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.vmalab.v1.HoldRequest> hold(
        io.grpc.stub.StreamObserver<dev.vmalab.v1.HoldResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getHoldMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * KeepAlive lets address spaces live at least `ttl_ms` from now.
     * </pre>
     */
    public void keepAlive(dev.vmalab.v1.KeepAliveRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.KeepAliveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getKeepAliveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ForkAddressSpace copies an address space as fork(2) does.
     * </pre>
     */
    public void forkAddressSpace(dev.vmalab.v1.ForkAddressSpaceRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ForkAddressSpaceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getForkAddressSpaceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
     * one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
     * with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
     * worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
     * (ListAddressSpaces) is its number.
     * </pre>
     */
    public void exec(dev.vmalab.v1.ExecRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ExecResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExecMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Exit ends an address space now, also if others have a lease on it.
     * </pre>
     */
    public void exit(dev.vmalab.v1.ExitRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ExitResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExitMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mmap is mmap(2).
     * </pre>
     */
    public void mmap(dev.vmalab.v1.MmapRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MmapResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMmapMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Munmap is munmap(2).
     * </pre>
     */
    public void munmap(dev.vmalab.v1.MunmapRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MunmapResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMunmapMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mprotect is mprotect(2).
     * </pre>
     */
    public void mprotect(dev.vmalab.v1.MprotectRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MprotectResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMprotectMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mremap is mremap(2).
     * </pre>
     */
    public void mremap(dev.vmalab.v1.MremapRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MremapResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMremapMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Madvise is madvise(2).
     * </pre>
     */
    public void madvise(dev.vmalab.v1.MadviseRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MadviseResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMadviseMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mincore is mincore(2).
     * </pre>
     */
    public void mincore(dev.vmalab.v1.MincoreRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MincoreResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMincoreMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
     * </pre>
     */
    public void brk(dev.vmalab.v1.BrkRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.BrkResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getBrkMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Fault touches a page as a load, store or instruction fetch would.
     * </pre>
     */
    public void fault(dev.vmalab.v1.FaultRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.FaultResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getFaultMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
     * </pre>
     */
    public void uffdMove(dev.vmalab.v1.UffdMoveRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdMoveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUffdMoveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
     * </pre>
     */
    public void setVmaName(dev.vmalab.v1.SetVmaNameRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetVmaNameResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetVmaNameMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mlock is mlock2(2); without flags mlock(2).
     * </pre>
     */
    public void mlock(dev.vmalab.v1.MlockRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MlockResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMlockMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Munlock is munlock(2).
     * </pre>
     */
    public void munlock(dev.vmalab.v1.MunlockRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MunlockResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMunlockMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mlockall is mlockall(2).
     * </pre>
     */
    public void mlockall(dev.vmalab.v1.MlockallRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MlockallResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMlockallMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Munlockall is munlockall(2).
     * </pre>
     */
    public void munlockall(dev.vmalab.v1.MunlockallRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MunlockallResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMunlockallMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Msync is msync(2).
     * </pre>
     */
    public void msync(dev.vmalab.v1.MsyncRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MsyncResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMsyncMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Mseal is mseal(2).
     * </pre>
     */
    public void mseal(dev.vmalab.v1.MsealRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.MsealResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMsealMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RemapFilePages is remap_file_pages(2).
     * </pre>
     */
    public void remapFilePages(dev.vmalab.v1.RemapFilePagesRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.RemapFilePagesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRemapFilePagesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * PkeyMprotect is pkey_mprotect(2).
     * </pre>
     */
    public void pkeyMprotect(dev.vmalab.v1.PkeyMprotectRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyMprotectResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPkeyMprotectMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
     * then stand in the answer, else into that of the address space.
     * </pre>
     */
    public void pkeyAlloc(dev.vmalab.v1.PkeyAllocRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyAllocResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPkeyAllocMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * PkeyFree is pkey_free(2).
     * </pre>
     */
    public void pkeyFree(dev.vmalab.v1.PkeyFreeRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyFreeResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPkeyFreeMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetRlimit is setrlimit(2) of the process that the address space belongs to.
     * </pre>
     */
    public void setRlimit(dev.vmalab.v1.SetRlimitRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetRlimitResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetRlimitMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetThpDisable is prctl(PR_SET_THP_DISABLE).
     * </pre>
     */
    public void setThpDisable(dev.vmalab.v1.SetThpDisableRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.SetThpDisableResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetThpDisableMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ProcessMadvise is process_madvise(2), of one's own memory or another process's.
     * </pre>
     */
    public void processMadvise(dev.vmalab.v1.ProcessMadviseRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ProcessMadviseResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getProcessMadviseMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ShareAddressSpace lets all clients use an address space of the caller's, for good.
     * </pre>
     */
    public void shareAddressSpace(dev.vmalab.v1.ShareAddressSpaceRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ShareAddressSpaceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getShareAddressSpaceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ShareFile lets all clients use a file of the caller's, for good.
     * </pre>
     */
    public void shareFile(dev.vmalab.v1.ShareFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ShareFileResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getShareFileMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
     * that is another client's and not shared is another file.
     * </pre>
     */
    public void openFile(dev.vmalab.v1.OpenFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.OpenFileResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getOpenFileMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * CloseFile gives a file back. What is mapped stays mapped.
     * </pre>
     */
    public void closeFile(dev.vmalab.v1.CloseFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.CloseFileResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCloseFileMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
     * </pre>
     */
    public void truncateFile(dev.vmalab.v1.TruncateFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.TruncateFileResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getTruncateFileMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
     * </pre>
     */
    public void allocateFile(dev.vmalab.v1.AllocateFileRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.AllocateFileResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getAllocateFileMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Apply executes one block.
     * </pre>
     */
    public void apply(dev.vmalab.v1.ApplyRequest request,
        io.grpc.stub.StreamObserver<dev.vmalab.v1.ApplyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getApplyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Batch executes a stream of blocks in order and answers each. Keep several outstanding.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.vmalab.v1.BatchRequest> batch(
        io.grpc.stub.StreamObserver<dev.vmalab.v1.BatchResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getBatchMethod(), getCallOptions()), responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service MemoryService.
   * <pre>
   * MemoryService runs the memory calls of the kernel on emulated address spaces.
   * </pre>
   */
  public static final class MemoryServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<MemoryServiceBlockingV2Stub> {
    private MemoryServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected MemoryServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new MemoryServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
     * </pre>
     */
    public dev.vmalab.v1.CreateAddressSpaceResponse createAddressSpace(dev.vmalab.v1.CreateAddressSpaceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateAddressSpaceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Hold gives leases on address spaces: they live while the stream is open. Each request is answered with the leases.
     * When the stream ends for whatever reason, they live at least for the server's grace time (2 s by default) so that
     * the client can open another, at any worker. A longer time to live stays.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.vmalab.v1.HoldRequest, dev.vmalab.v1.HoldResponse>
        hold() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getHoldMethod(), getCallOptions());
    }

    /**
     * <pre>
     * KeepAlive lets address spaces live at least `ttl_ms` from now.
     * </pre>
     */
    public dev.vmalab.v1.KeepAliveResponse keepAlive(dev.vmalab.v1.KeepAliveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getKeepAliveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ForkAddressSpace copies an address space as fork(2) does.
     * </pre>
     */
    public dev.vmalab.v1.ForkAddressSpaceResponse forkAddressSpace(dev.vmalab.v1.ForkAddressSpaceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getForkAddressSpaceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
     * one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
     * with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
     * worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
     * (ListAddressSpaces) is its number.
     * </pre>
     */
    public dev.vmalab.v1.ExecResponse exec(dev.vmalab.v1.ExecRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExecMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Exit ends an address space now, also if others have a lease on it.
     * </pre>
     */
    public dev.vmalab.v1.ExitResponse exit(dev.vmalab.v1.ExitRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mmap is mmap(2).
     * </pre>
     */
    public dev.vmalab.v1.MmapResponse mmap(dev.vmalab.v1.MmapRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMmapMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Munmap is munmap(2).
     * </pre>
     */
    public dev.vmalab.v1.MunmapResponse munmap(dev.vmalab.v1.MunmapRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMunmapMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mprotect is mprotect(2).
     * </pre>
     */
    public dev.vmalab.v1.MprotectResponse mprotect(dev.vmalab.v1.MprotectRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMprotectMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mremap is mremap(2).
     * </pre>
     */
    public dev.vmalab.v1.MremapResponse mremap(dev.vmalab.v1.MremapRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMremapMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Madvise is madvise(2).
     * </pre>
     */
    public dev.vmalab.v1.MadviseResponse madvise(dev.vmalab.v1.MadviseRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMadviseMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mincore is mincore(2).
     * </pre>
     */
    public dev.vmalab.v1.MincoreResponse mincore(dev.vmalab.v1.MincoreRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMincoreMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
     * </pre>
     */
    public dev.vmalab.v1.BrkResponse brk(dev.vmalab.v1.BrkRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getBrkMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Fault touches a page as a load, store or instruction fetch would.
     * </pre>
     */
    public dev.vmalab.v1.FaultResponse fault(dev.vmalab.v1.FaultRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getFaultMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
     * </pre>
     */
    public dev.vmalab.v1.UffdMoveResponse uffdMove(dev.vmalab.v1.UffdMoveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUffdMoveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
     * </pre>
     */
    public dev.vmalab.v1.SetVmaNameResponse setVmaName(dev.vmalab.v1.SetVmaNameRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetVmaNameMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mlock is mlock2(2); without flags mlock(2).
     * </pre>
     */
    public dev.vmalab.v1.MlockResponse mlock(dev.vmalab.v1.MlockRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMlockMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Munlock is munlock(2).
     * </pre>
     */
    public dev.vmalab.v1.MunlockResponse munlock(dev.vmalab.v1.MunlockRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMunlockMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mlockall is mlockall(2).
     * </pre>
     */
    public dev.vmalab.v1.MlockallResponse mlockall(dev.vmalab.v1.MlockallRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMlockallMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Munlockall is munlockall(2).
     * </pre>
     */
    public dev.vmalab.v1.MunlockallResponse munlockall(dev.vmalab.v1.MunlockallRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMunlockallMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Msync is msync(2).
     * </pre>
     */
    public dev.vmalab.v1.MsyncResponse msync(dev.vmalab.v1.MsyncRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMsyncMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mseal is mseal(2).
     * </pre>
     */
    public dev.vmalab.v1.MsealResponse mseal(dev.vmalab.v1.MsealRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMsealMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RemapFilePages is remap_file_pages(2).
     * </pre>
     */
    public dev.vmalab.v1.RemapFilePagesResponse remapFilePages(dev.vmalab.v1.RemapFilePagesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRemapFilePagesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PkeyMprotect is pkey_mprotect(2).
     * </pre>
     */
    public dev.vmalab.v1.PkeyMprotectResponse pkeyMprotect(dev.vmalab.v1.PkeyMprotectRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPkeyMprotectMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
     * then stand in the answer, else into that of the address space.
     * </pre>
     */
    public dev.vmalab.v1.PkeyAllocResponse pkeyAlloc(dev.vmalab.v1.PkeyAllocRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPkeyAllocMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PkeyFree is pkey_free(2).
     * </pre>
     */
    public dev.vmalab.v1.PkeyFreeResponse pkeyFree(dev.vmalab.v1.PkeyFreeRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPkeyFreeMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetRlimit is setrlimit(2) of the process that the address space belongs to.
     * </pre>
     */
    public dev.vmalab.v1.SetRlimitResponse setRlimit(dev.vmalab.v1.SetRlimitRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetRlimitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetThpDisable is prctl(PR_SET_THP_DISABLE).
     * </pre>
     */
    public dev.vmalab.v1.SetThpDisableResponse setThpDisable(dev.vmalab.v1.SetThpDisableRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetThpDisableMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ProcessMadvise is process_madvise(2), of one's own memory or another process's.
     * </pre>
     */
    public dev.vmalab.v1.ProcessMadviseResponse processMadvise(dev.vmalab.v1.ProcessMadviseRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getProcessMadviseMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ShareAddressSpace lets all clients use an address space of the caller's, for good.
     * </pre>
     */
    public dev.vmalab.v1.ShareAddressSpaceResponse shareAddressSpace(dev.vmalab.v1.ShareAddressSpaceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getShareAddressSpaceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ShareFile lets all clients use a file of the caller's, for good.
     * </pre>
     */
    public dev.vmalab.v1.ShareFileResponse shareFile(dev.vmalab.v1.ShareFileRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getShareFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
     * that is another client's and not shared is another file.
     * </pre>
     */
    public dev.vmalab.v1.OpenFileResponse openFile(dev.vmalab.v1.OpenFileRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getOpenFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CloseFile gives a file back. What is mapped stays mapped.
     * </pre>
     */
    public dev.vmalab.v1.CloseFileResponse closeFile(dev.vmalab.v1.CloseFileRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCloseFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
     * </pre>
     */
    public dev.vmalab.v1.TruncateFileResponse truncateFile(dev.vmalab.v1.TruncateFileRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getTruncateFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
     * </pre>
     */
    public dev.vmalab.v1.AllocateFileResponse allocateFile(dev.vmalab.v1.AllocateFileRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getAllocateFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Apply executes one block.
     * </pre>
     */
    public dev.vmalab.v1.ApplyResponse apply(dev.vmalab.v1.ApplyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getApplyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Batch executes a stream of blocks in order and answers each. Keep several outstanding.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.vmalab.v1.BatchRequest, dev.vmalab.v1.BatchResponse>
        batch() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getBatchMethod(), getCallOptions());
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service MemoryService.
   * <pre>
   * MemoryService runs the memory calls of the kernel on emulated address spaces.
   * </pre>
   */
  public static final class MemoryServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<MemoryServiceBlockingStub> {
    private MemoryServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected MemoryServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new MemoryServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
     * </pre>
     */
    public dev.vmalab.v1.CreateAddressSpaceResponse createAddressSpace(dev.vmalab.v1.CreateAddressSpaceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateAddressSpaceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * KeepAlive lets address spaces live at least `ttl_ms` from now.
     * </pre>
     */
    public dev.vmalab.v1.KeepAliveResponse keepAlive(dev.vmalab.v1.KeepAliveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getKeepAliveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ForkAddressSpace copies an address space as fork(2) does.
     * </pre>
     */
    public dev.vmalab.v1.ForkAddressSpaceResponse forkAddressSpace(dev.vmalab.v1.ForkAddressSpaceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getForkAddressSpaceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
     * one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
     * with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
     * worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
     * (ListAddressSpaces) is its number.
     * </pre>
     */
    public dev.vmalab.v1.ExecResponse exec(dev.vmalab.v1.ExecRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExecMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Exit ends an address space now, also if others have a lease on it.
     * </pre>
     */
    public dev.vmalab.v1.ExitResponse exit(dev.vmalab.v1.ExitRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mmap is mmap(2).
     * </pre>
     */
    public dev.vmalab.v1.MmapResponse mmap(dev.vmalab.v1.MmapRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMmapMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Munmap is munmap(2).
     * </pre>
     */
    public dev.vmalab.v1.MunmapResponse munmap(dev.vmalab.v1.MunmapRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMunmapMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mprotect is mprotect(2).
     * </pre>
     */
    public dev.vmalab.v1.MprotectResponse mprotect(dev.vmalab.v1.MprotectRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMprotectMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mremap is mremap(2).
     * </pre>
     */
    public dev.vmalab.v1.MremapResponse mremap(dev.vmalab.v1.MremapRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMremapMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Madvise is madvise(2).
     * </pre>
     */
    public dev.vmalab.v1.MadviseResponse madvise(dev.vmalab.v1.MadviseRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMadviseMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mincore is mincore(2).
     * </pre>
     */
    public dev.vmalab.v1.MincoreResponse mincore(dev.vmalab.v1.MincoreRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMincoreMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
     * </pre>
     */
    public dev.vmalab.v1.BrkResponse brk(dev.vmalab.v1.BrkRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getBrkMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Fault touches a page as a load, store or instruction fetch would.
     * </pre>
     */
    public dev.vmalab.v1.FaultResponse fault(dev.vmalab.v1.FaultRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getFaultMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
     * </pre>
     */
    public dev.vmalab.v1.UffdMoveResponse uffdMove(dev.vmalab.v1.UffdMoveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUffdMoveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
     * </pre>
     */
    public dev.vmalab.v1.SetVmaNameResponse setVmaName(dev.vmalab.v1.SetVmaNameRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetVmaNameMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mlock is mlock2(2); without flags mlock(2).
     * </pre>
     */
    public dev.vmalab.v1.MlockResponse mlock(dev.vmalab.v1.MlockRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMlockMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Munlock is munlock(2).
     * </pre>
     */
    public dev.vmalab.v1.MunlockResponse munlock(dev.vmalab.v1.MunlockRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMunlockMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mlockall is mlockall(2).
     * </pre>
     */
    public dev.vmalab.v1.MlockallResponse mlockall(dev.vmalab.v1.MlockallRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMlockallMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Munlockall is munlockall(2).
     * </pre>
     */
    public dev.vmalab.v1.MunlockallResponse munlockall(dev.vmalab.v1.MunlockallRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMunlockallMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Msync is msync(2).
     * </pre>
     */
    public dev.vmalab.v1.MsyncResponse msync(dev.vmalab.v1.MsyncRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMsyncMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Mseal is mseal(2).
     * </pre>
     */
    public dev.vmalab.v1.MsealResponse mseal(dev.vmalab.v1.MsealRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMsealMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RemapFilePages is remap_file_pages(2).
     * </pre>
     */
    public dev.vmalab.v1.RemapFilePagesResponse remapFilePages(dev.vmalab.v1.RemapFilePagesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRemapFilePagesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PkeyMprotect is pkey_mprotect(2).
     * </pre>
     */
    public dev.vmalab.v1.PkeyMprotectResponse pkeyMprotect(dev.vmalab.v1.PkeyMprotectRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPkeyMprotectMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
     * then stand in the answer, else into that of the address space.
     * </pre>
     */
    public dev.vmalab.v1.PkeyAllocResponse pkeyAlloc(dev.vmalab.v1.PkeyAllocRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPkeyAllocMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PkeyFree is pkey_free(2).
     * </pre>
     */
    public dev.vmalab.v1.PkeyFreeResponse pkeyFree(dev.vmalab.v1.PkeyFreeRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPkeyFreeMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetRlimit is setrlimit(2) of the process that the address space belongs to.
     * </pre>
     */
    public dev.vmalab.v1.SetRlimitResponse setRlimit(dev.vmalab.v1.SetRlimitRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetRlimitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetThpDisable is prctl(PR_SET_THP_DISABLE).
     * </pre>
     */
    public dev.vmalab.v1.SetThpDisableResponse setThpDisable(dev.vmalab.v1.SetThpDisableRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetThpDisableMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ProcessMadvise is process_madvise(2), of one's own memory or another process's.
     * </pre>
     */
    public dev.vmalab.v1.ProcessMadviseResponse processMadvise(dev.vmalab.v1.ProcessMadviseRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getProcessMadviseMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ShareAddressSpace lets all clients use an address space of the caller's, for good.
     * </pre>
     */
    public dev.vmalab.v1.ShareAddressSpaceResponse shareAddressSpace(dev.vmalab.v1.ShareAddressSpaceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getShareAddressSpaceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ShareFile lets all clients use a file of the caller's, for good.
     * </pre>
     */
    public dev.vmalab.v1.ShareFileResponse shareFile(dev.vmalab.v1.ShareFileRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getShareFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
     * that is another client's and not shared is another file.
     * </pre>
     */
    public dev.vmalab.v1.OpenFileResponse openFile(dev.vmalab.v1.OpenFileRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getOpenFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CloseFile gives a file back. What is mapped stays mapped.
     * </pre>
     */
    public dev.vmalab.v1.CloseFileResponse closeFile(dev.vmalab.v1.CloseFileRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCloseFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
     * </pre>
     */
    public dev.vmalab.v1.TruncateFileResponse truncateFile(dev.vmalab.v1.TruncateFileRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getTruncateFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
     * </pre>
     */
    public dev.vmalab.v1.AllocateFileResponse allocateFile(dev.vmalab.v1.AllocateFileRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getAllocateFileMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Apply executes one block.
     * </pre>
     */
    public dev.vmalab.v1.ApplyResponse apply(dev.vmalab.v1.ApplyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getApplyMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service MemoryService.
   * <pre>
   * MemoryService runs the memory calls of the kernel on emulated address spaces.
   * </pre>
   */
  public static final class MemoryServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<MemoryServiceFutureStub> {
    private MemoryServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected MemoryServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new MemoryServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * CreateAddressSpace makes an address space, empty or as a /proc/PID/maps text says.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.CreateAddressSpaceResponse> createAddressSpace(
        dev.vmalab.v1.CreateAddressSpaceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateAddressSpaceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * KeepAlive lets address spaces live at least `ttl_ms` from now.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.KeepAliveResponse> keepAlive(
        dev.vmalab.v1.KeepAliveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getKeepAliveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ForkAddressSpace copies an address space as fork(2) does.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ForkAddressSpaceResponse> forkAddressSpace(
        dev.vmalab.v1.ForkAddressSpaceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getForkAddressSpaceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Exec is what execve(2) does to an address space: its process goes on in a new one, with a map of its own. The new
     * one has another number, a fresh heap and nothing locked; it keeps limits and capabilities. The old one ends, as
     * with Exit; what runs in it meanwhile sees the old map or NO_SUCH_MM. A call that fails has changed nothing. If the
     * worker dies and there is no answer, either the old one is still there, or one whose `exec_from`
     * (ListAddressSpaces) is its number.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ExecResponse> exec(
        dev.vmalab.v1.ExecRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExecMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Exit ends an address space now, also if others have a lease on it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ExitResponse> exit(
        dev.vmalab.v1.ExitRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExitMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mmap is mmap(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MmapResponse> mmap(
        dev.vmalab.v1.MmapRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMmapMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Munmap is munmap(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MunmapResponse> munmap(
        dev.vmalab.v1.MunmapRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMunmapMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mprotect is mprotect(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MprotectResponse> mprotect(
        dev.vmalab.v1.MprotectRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMprotectMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mremap is mremap(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MremapResponse> mremap(
        dev.vmalab.v1.MremapRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMremapMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Madvise is madvise(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MadviseResponse> madvise(
        dev.vmalab.v1.MadviseRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMadviseMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mincore is mincore(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MincoreResponse> mincore(
        dev.vmalab.v1.MincoreRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMincoreMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Brk is the brk system call: it answers the new program break, or the old one if it could not be moved.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.BrkResponse> brk(
        dev.vmalab.v1.BrkRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getBrkMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Fault touches a page as a load, store or instruction fetch would.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.FaultResponse> fault(
        dev.vmalab.v1.FaultRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getFaultMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * UffdMove is the UFFDIO_MOVE ioctl of userfaultfd: it moves pages between two mappings.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.UffdMoveResponse> uffdMove(
        dev.vmalab.v1.UffdMoveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUffdMoveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetVmaName is prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.SetVmaNameResponse> setVmaName(
        dev.vmalab.v1.SetVmaNameRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetVmaNameMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mlock is mlock2(2); without flags mlock(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MlockResponse> mlock(
        dev.vmalab.v1.MlockRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMlockMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Munlock is munlock(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MunlockResponse> munlock(
        dev.vmalab.v1.MunlockRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMunlockMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mlockall is mlockall(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MlockallResponse> mlockall(
        dev.vmalab.v1.MlockallRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMlockallMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Munlockall is munlockall(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MunlockallResponse> munlockall(
        dev.vmalab.v1.MunlockallRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMunlockallMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Msync is msync(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MsyncResponse> msync(
        dev.vmalab.v1.MsyncRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMsyncMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Mseal is mseal(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.MsealResponse> mseal(
        dev.vmalab.v1.MsealRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMsealMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RemapFilePages is remap_file_pages(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.RemapFilePagesResponse> remapFilePages(
        dev.vmalab.v1.RemapFilePagesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRemapFilePagesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * PkeyMprotect is pkey_mprotect(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.PkeyMprotectResponse> pkeyMprotect(
        dev.vmalab.v1.PkeyMprotectRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPkeyMprotectMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * PkeyAlloc is pkey_alloc(2). Its rights are the caller's: they go into the PKRU of the request, if it has one, and
     * then stand in the answer, else into that of the address space.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.PkeyAllocResponse> pkeyAlloc(
        dev.vmalab.v1.PkeyAllocRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPkeyAllocMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * PkeyFree is pkey_free(2).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.PkeyFreeResponse> pkeyFree(
        dev.vmalab.v1.PkeyFreeRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPkeyFreeMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetRlimit is setrlimit(2) of the process that the address space belongs to.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.SetRlimitResponse> setRlimit(
        dev.vmalab.v1.SetRlimitRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetRlimitMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetThpDisable is prctl(PR_SET_THP_DISABLE).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.SetThpDisableResponse> setThpDisable(
        dev.vmalab.v1.SetThpDisableRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetThpDisableMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ProcessMadvise is process_madvise(2), of one's own memory or another process's.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ProcessMadviseResponse> processMadvise(
        dev.vmalab.v1.ProcessMadviseRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getProcessMadviseMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ShareAddressSpace lets all clients use an address space of the caller's, for good.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ShareAddressSpaceResponse> shareAddressSpace(
        dev.vmalab.v1.ShareAddressSpaceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getShareAddressSpaceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ShareFile lets all clients use a file of the caller's, for good.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ShareFileResponse> shareFile(
        dev.vmalab.v1.ShareFileRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getShareFileMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * OpenFile gives a file that Mmap can map. The same device and inode give the same file; its size is updated. A file
     * that is another client's and not shared is another file.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.OpenFileResponse> openFile(
        dev.vmalab.v1.OpenFileRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getOpenFileMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * CloseFile gives a file back. What is mapped stays mapped.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.CloseFileResponse> closeFile(
        dev.vmalab.v1.CloseFileRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCloseFileMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * TruncateFile is ftruncate(2). Pages beyond the new end leave every mapping of the file, private copies included.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.TruncateFileResponse> truncateFile(
        dev.vmalab.v1.TruncateFileRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getTruncateFileMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * AllocateFile is fallocate(2): it makes room, or a hole, whose pages leave every mapping but for private copies.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.AllocateFileResponse> allocateFile(
        dev.vmalab.v1.AllocateFileRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getAllocateFileMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Apply executes one block.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.vmalab.v1.ApplyResponse> apply(
        dev.vmalab.v1.ApplyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getApplyMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE_ADDRESS_SPACE = 0;
  private static final int METHODID_KEEP_ALIVE = 1;
  private static final int METHODID_FORK_ADDRESS_SPACE = 2;
  private static final int METHODID_EXEC = 3;
  private static final int METHODID_EXIT = 4;
  private static final int METHODID_MMAP = 5;
  private static final int METHODID_MUNMAP = 6;
  private static final int METHODID_MPROTECT = 7;
  private static final int METHODID_MREMAP = 8;
  private static final int METHODID_MADVISE = 9;
  private static final int METHODID_MINCORE = 10;
  private static final int METHODID_BRK = 11;
  private static final int METHODID_FAULT = 12;
  private static final int METHODID_UFFD_MOVE = 13;
  private static final int METHODID_SET_VMA_NAME = 14;
  private static final int METHODID_MLOCK = 15;
  private static final int METHODID_MUNLOCK = 16;
  private static final int METHODID_MLOCKALL = 17;
  private static final int METHODID_MUNLOCKALL = 18;
  private static final int METHODID_MSYNC = 19;
  private static final int METHODID_MSEAL = 20;
  private static final int METHODID_REMAP_FILE_PAGES = 21;
  private static final int METHODID_PKEY_MPROTECT = 22;
  private static final int METHODID_PKEY_ALLOC = 23;
  private static final int METHODID_PKEY_FREE = 24;
  private static final int METHODID_SET_RLIMIT = 25;
  private static final int METHODID_SET_THP_DISABLE = 26;
  private static final int METHODID_PROCESS_MADVISE = 27;
  private static final int METHODID_SHARE_ADDRESS_SPACE = 28;
  private static final int METHODID_SHARE_FILE = 29;
  private static final int METHODID_OPEN_FILE = 30;
  private static final int METHODID_CLOSE_FILE = 31;
  private static final int METHODID_TRUNCATE_FILE = 32;
  private static final int METHODID_ALLOCATE_FILE = 33;
  private static final int METHODID_APPLY = 34;
  private static final int METHODID_HOLD = 35;
  private static final int METHODID_BATCH = 36;

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
        case METHODID_CREATE_ADDRESS_SPACE:
          serviceImpl.createAddressSpace((dev.vmalab.v1.CreateAddressSpaceRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.CreateAddressSpaceResponse>) responseObserver);
          break;
        case METHODID_KEEP_ALIVE:
          serviceImpl.keepAlive((dev.vmalab.v1.KeepAliveRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.KeepAliveResponse>) responseObserver);
          break;
        case METHODID_FORK_ADDRESS_SPACE:
          serviceImpl.forkAddressSpace((dev.vmalab.v1.ForkAddressSpaceRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ForkAddressSpaceResponse>) responseObserver);
          break;
        case METHODID_EXEC:
          serviceImpl.exec((dev.vmalab.v1.ExecRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ExecResponse>) responseObserver);
          break;
        case METHODID_EXIT:
          serviceImpl.exit((dev.vmalab.v1.ExitRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ExitResponse>) responseObserver);
          break;
        case METHODID_MMAP:
          serviceImpl.mmap((dev.vmalab.v1.MmapRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MmapResponse>) responseObserver);
          break;
        case METHODID_MUNMAP:
          serviceImpl.munmap((dev.vmalab.v1.MunmapRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MunmapResponse>) responseObserver);
          break;
        case METHODID_MPROTECT:
          serviceImpl.mprotect((dev.vmalab.v1.MprotectRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MprotectResponse>) responseObserver);
          break;
        case METHODID_MREMAP:
          serviceImpl.mremap((dev.vmalab.v1.MremapRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MremapResponse>) responseObserver);
          break;
        case METHODID_MADVISE:
          serviceImpl.madvise((dev.vmalab.v1.MadviseRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MadviseResponse>) responseObserver);
          break;
        case METHODID_MINCORE:
          serviceImpl.mincore((dev.vmalab.v1.MincoreRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MincoreResponse>) responseObserver);
          break;
        case METHODID_BRK:
          serviceImpl.brk((dev.vmalab.v1.BrkRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.BrkResponse>) responseObserver);
          break;
        case METHODID_FAULT:
          serviceImpl.fault((dev.vmalab.v1.FaultRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.FaultResponse>) responseObserver);
          break;
        case METHODID_UFFD_MOVE:
          serviceImpl.uffdMove((dev.vmalab.v1.UffdMoveRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.UffdMoveResponse>) responseObserver);
          break;
        case METHODID_SET_VMA_NAME:
          serviceImpl.setVmaName((dev.vmalab.v1.SetVmaNameRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.SetVmaNameResponse>) responseObserver);
          break;
        case METHODID_MLOCK:
          serviceImpl.mlock((dev.vmalab.v1.MlockRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MlockResponse>) responseObserver);
          break;
        case METHODID_MUNLOCK:
          serviceImpl.munlock((dev.vmalab.v1.MunlockRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MunlockResponse>) responseObserver);
          break;
        case METHODID_MLOCKALL:
          serviceImpl.mlockall((dev.vmalab.v1.MlockallRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MlockallResponse>) responseObserver);
          break;
        case METHODID_MUNLOCKALL:
          serviceImpl.munlockall((dev.vmalab.v1.MunlockallRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MunlockallResponse>) responseObserver);
          break;
        case METHODID_MSYNC:
          serviceImpl.msync((dev.vmalab.v1.MsyncRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MsyncResponse>) responseObserver);
          break;
        case METHODID_MSEAL:
          serviceImpl.mseal((dev.vmalab.v1.MsealRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.MsealResponse>) responseObserver);
          break;
        case METHODID_REMAP_FILE_PAGES:
          serviceImpl.remapFilePages((dev.vmalab.v1.RemapFilePagesRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.RemapFilePagesResponse>) responseObserver);
          break;
        case METHODID_PKEY_MPROTECT:
          serviceImpl.pkeyMprotect((dev.vmalab.v1.PkeyMprotectRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyMprotectResponse>) responseObserver);
          break;
        case METHODID_PKEY_ALLOC:
          serviceImpl.pkeyAlloc((dev.vmalab.v1.PkeyAllocRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyAllocResponse>) responseObserver);
          break;
        case METHODID_PKEY_FREE:
          serviceImpl.pkeyFree((dev.vmalab.v1.PkeyFreeRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.PkeyFreeResponse>) responseObserver);
          break;
        case METHODID_SET_RLIMIT:
          serviceImpl.setRlimit((dev.vmalab.v1.SetRlimitRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.SetRlimitResponse>) responseObserver);
          break;
        case METHODID_SET_THP_DISABLE:
          serviceImpl.setThpDisable((dev.vmalab.v1.SetThpDisableRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.SetThpDisableResponse>) responseObserver);
          break;
        case METHODID_PROCESS_MADVISE:
          serviceImpl.processMadvise((dev.vmalab.v1.ProcessMadviseRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ProcessMadviseResponse>) responseObserver);
          break;
        case METHODID_SHARE_ADDRESS_SPACE:
          serviceImpl.shareAddressSpace((dev.vmalab.v1.ShareAddressSpaceRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ShareAddressSpaceResponse>) responseObserver);
          break;
        case METHODID_SHARE_FILE:
          serviceImpl.shareFile((dev.vmalab.v1.ShareFileRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ShareFileResponse>) responseObserver);
          break;
        case METHODID_OPEN_FILE:
          serviceImpl.openFile((dev.vmalab.v1.OpenFileRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.OpenFileResponse>) responseObserver);
          break;
        case METHODID_CLOSE_FILE:
          serviceImpl.closeFile((dev.vmalab.v1.CloseFileRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.CloseFileResponse>) responseObserver);
          break;
        case METHODID_TRUNCATE_FILE:
          serviceImpl.truncateFile((dev.vmalab.v1.TruncateFileRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.TruncateFileResponse>) responseObserver);
          break;
        case METHODID_ALLOCATE_FILE:
          serviceImpl.allocateFile((dev.vmalab.v1.AllocateFileRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.AllocateFileResponse>) responseObserver);
          break;
        case METHODID_APPLY:
          serviceImpl.apply((dev.vmalab.v1.ApplyRequest) request,
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.ApplyResponse>) responseObserver);
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
        case METHODID_HOLD:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.hold(
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.HoldResponse>) responseObserver);
        case METHODID_BATCH:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.batch(
              (io.grpc.stub.StreamObserver<dev.vmalab.v1.BatchResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getCreateAddressSpaceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.CreateAddressSpaceRequest,
              dev.vmalab.v1.CreateAddressSpaceResponse>(
                service, METHODID_CREATE_ADDRESS_SPACE)))
        .addMethod(
          getHoldMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.vmalab.v1.HoldRequest,
              dev.vmalab.v1.HoldResponse>(
                service, METHODID_HOLD)))
        .addMethod(
          getKeepAliveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.KeepAliveRequest,
              dev.vmalab.v1.KeepAliveResponse>(
                service, METHODID_KEEP_ALIVE)))
        .addMethod(
          getForkAddressSpaceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ForkAddressSpaceRequest,
              dev.vmalab.v1.ForkAddressSpaceResponse>(
                service, METHODID_FORK_ADDRESS_SPACE)))
        .addMethod(
          getExecMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ExecRequest,
              dev.vmalab.v1.ExecResponse>(
                service, METHODID_EXEC)))
        .addMethod(
          getExitMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ExitRequest,
              dev.vmalab.v1.ExitResponse>(
                service, METHODID_EXIT)))
        .addMethod(
          getMmapMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MmapRequest,
              dev.vmalab.v1.MmapResponse>(
                service, METHODID_MMAP)))
        .addMethod(
          getMunmapMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MunmapRequest,
              dev.vmalab.v1.MunmapResponse>(
                service, METHODID_MUNMAP)))
        .addMethod(
          getMprotectMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MprotectRequest,
              dev.vmalab.v1.MprotectResponse>(
                service, METHODID_MPROTECT)))
        .addMethod(
          getMremapMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MremapRequest,
              dev.vmalab.v1.MremapResponse>(
                service, METHODID_MREMAP)))
        .addMethod(
          getMadviseMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MadviseRequest,
              dev.vmalab.v1.MadviseResponse>(
                service, METHODID_MADVISE)))
        .addMethod(
          getMincoreMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MincoreRequest,
              dev.vmalab.v1.MincoreResponse>(
                service, METHODID_MINCORE)))
        .addMethod(
          getBrkMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.BrkRequest,
              dev.vmalab.v1.BrkResponse>(
                service, METHODID_BRK)))
        .addMethod(
          getFaultMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.FaultRequest,
              dev.vmalab.v1.FaultResponse>(
                service, METHODID_FAULT)))
        .addMethod(
          getUffdMoveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.UffdMoveRequest,
              dev.vmalab.v1.UffdMoveResponse>(
                service, METHODID_UFFD_MOVE)))
        .addMethod(
          getSetVmaNameMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.SetVmaNameRequest,
              dev.vmalab.v1.SetVmaNameResponse>(
                service, METHODID_SET_VMA_NAME)))
        .addMethod(
          getMlockMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MlockRequest,
              dev.vmalab.v1.MlockResponse>(
                service, METHODID_MLOCK)))
        .addMethod(
          getMunlockMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MunlockRequest,
              dev.vmalab.v1.MunlockResponse>(
                service, METHODID_MUNLOCK)))
        .addMethod(
          getMlockallMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MlockallRequest,
              dev.vmalab.v1.MlockallResponse>(
                service, METHODID_MLOCKALL)))
        .addMethod(
          getMunlockallMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MunlockallRequest,
              dev.vmalab.v1.MunlockallResponse>(
                service, METHODID_MUNLOCKALL)))
        .addMethod(
          getMsyncMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MsyncRequest,
              dev.vmalab.v1.MsyncResponse>(
                service, METHODID_MSYNC)))
        .addMethod(
          getMsealMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.MsealRequest,
              dev.vmalab.v1.MsealResponse>(
                service, METHODID_MSEAL)))
        .addMethod(
          getRemapFilePagesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.RemapFilePagesRequest,
              dev.vmalab.v1.RemapFilePagesResponse>(
                service, METHODID_REMAP_FILE_PAGES)))
        .addMethod(
          getPkeyMprotectMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.PkeyMprotectRequest,
              dev.vmalab.v1.PkeyMprotectResponse>(
                service, METHODID_PKEY_MPROTECT)))
        .addMethod(
          getPkeyAllocMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.PkeyAllocRequest,
              dev.vmalab.v1.PkeyAllocResponse>(
                service, METHODID_PKEY_ALLOC)))
        .addMethod(
          getPkeyFreeMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.PkeyFreeRequest,
              dev.vmalab.v1.PkeyFreeResponse>(
                service, METHODID_PKEY_FREE)))
        .addMethod(
          getSetRlimitMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.SetRlimitRequest,
              dev.vmalab.v1.SetRlimitResponse>(
                service, METHODID_SET_RLIMIT)))
        .addMethod(
          getSetThpDisableMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.SetThpDisableRequest,
              dev.vmalab.v1.SetThpDisableResponse>(
                service, METHODID_SET_THP_DISABLE)))
        .addMethod(
          getProcessMadviseMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ProcessMadviseRequest,
              dev.vmalab.v1.ProcessMadviseResponse>(
                service, METHODID_PROCESS_MADVISE)))
        .addMethod(
          getShareAddressSpaceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ShareAddressSpaceRequest,
              dev.vmalab.v1.ShareAddressSpaceResponse>(
                service, METHODID_SHARE_ADDRESS_SPACE)))
        .addMethod(
          getShareFileMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ShareFileRequest,
              dev.vmalab.v1.ShareFileResponse>(
                service, METHODID_SHARE_FILE)))
        .addMethod(
          getOpenFileMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.OpenFileRequest,
              dev.vmalab.v1.OpenFileResponse>(
                service, METHODID_OPEN_FILE)))
        .addMethod(
          getCloseFileMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.CloseFileRequest,
              dev.vmalab.v1.CloseFileResponse>(
                service, METHODID_CLOSE_FILE)))
        .addMethod(
          getTruncateFileMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.TruncateFileRequest,
              dev.vmalab.v1.TruncateFileResponse>(
                service, METHODID_TRUNCATE_FILE)))
        .addMethod(
          getAllocateFileMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.AllocateFileRequest,
              dev.vmalab.v1.AllocateFileResponse>(
                service, METHODID_ALLOCATE_FILE)))
        .addMethod(
          getApplyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.vmalab.v1.ApplyRequest,
              dev.vmalab.v1.ApplyResponse>(
                service, METHODID_APPLY)))
        .addMethod(
          getBatchMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.vmalab.v1.BatchRequest,
              dev.vmalab.v1.BatchResponse>(
                service, METHODID_BATCH)))
        .build();
  }

  private static abstract class MemoryServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    MemoryServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.vmalab.v1.Memory.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("MemoryService");
    }
  }

  private static final class MemoryServiceFileDescriptorSupplier
      extends MemoryServiceBaseDescriptorSupplier {
    MemoryServiceFileDescriptorSupplier() {}
  }

  private static final class MemoryServiceMethodDescriptorSupplier
      extends MemoryServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    MemoryServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (MemoryServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new MemoryServiceFileDescriptorSupplier())
              .addMethod(getCreateAddressSpaceMethod())
              .addMethod(getHoldMethod())
              .addMethod(getKeepAliveMethod())
              .addMethod(getForkAddressSpaceMethod())
              .addMethod(getExecMethod())
              .addMethod(getExitMethod())
              .addMethod(getMmapMethod())
              .addMethod(getMunmapMethod())
              .addMethod(getMprotectMethod())
              .addMethod(getMremapMethod())
              .addMethod(getMadviseMethod())
              .addMethod(getMincoreMethod())
              .addMethod(getBrkMethod())
              .addMethod(getFaultMethod())
              .addMethod(getUffdMoveMethod())
              .addMethod(getSetVmaNameMethod())
              .addMethod(getMlockMethod())
              .addMethod(getMunlockMethod())
              .addMethod(getMlockallMethod())
              .addMethod(getMunlockallMethod())
              .addMethod(getMsyncMethod())
              .addMethod(getMsealMethod())
              .addMethod(getRemapFilePagesMethod())
              .addMethod(getPkeyMprotectMethod())
              .addMethod(getPkeyAllocMethod())
              .addMethod(getPkeyFreeMethod())
              .addMethod(getSetRlimitMethod())
              .addMethod(getSetThpDisableMethod())
              .addMethod(getProcessMadviseMethod())
              .addMethod(getShareAddressSpaceMethod())
              .addMethod(getShareFileMethod())
              .addMethod(getOpenFileMethod())
              .addMethod(getCloseFileMethod())
              .addMethod(getTruncateFileMethod())
              .addMethod(getAllocateFileMethod())
              .addMethod(getApplyMethod())
              .addMethod(getBatchMethod())
              .build();
        }
      }
    }
    return result;
  }
}
