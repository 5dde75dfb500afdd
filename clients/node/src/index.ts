// SPDX-License-Identifier: Apache-2.0

/**
 * The Node client of vmalab: emulated address spaces over gRPC.
 *
 * ```ts
 * import { connect } from "@vmalab/client";
 *
 * await using client = await connect("127.0.0.1:7420");
 * await using space = await client.createAddressSpace();
 * const addr = await space.map(1n << 20n);
 * await space.store(addr, 42n);
 * ```
 *
 * Addresses, lengths and words have 64 bits and are bigints; flags are numbers.
 *
 * What the emulated kernel refuses is a {@link CallError}. An access that would raise a signal is a
 * {@link FaultError}, one that would wait for a userfaultfd a {@link UserFaultError}. What the
 * service itself cannot serve is a {@link ServiceError}, of the class that belongs to its code.
 * What the client refuses by itself is a {@link RefusedError}.
 *
 * @packageDocumentation
 */

export { Batch, type BatchOptions, type Failed, WINDOW_DEFAULT } from "./batch.js";
export { BlockBuilder } from "./block_gen.js";
export { type Client, connect, type FileOptions } from "./client.js";
export { constant } from "./constant.js";
export * from "./constants_gen.js";
export {
  BadBlockError,
  BadCertificateError,
  BadTargetError,
  BadTokenError,
  CallError,
  CancelledError,
  ClosedError,
  DeadlineError,
  FaultError,
  InvalidError,
  LimitError,
  NoSuchAddressSpaceError,
  NotOwnerError,
  RefusedError,
  ServiceError,
  UnauthenticatedError,
  UnavailableError,
  UserFaultError,
  VmalabError,
  WindowError,
} from "./errors.js";
export { OLDEST_SERVER } from "./handshake.js";
export type { Health } from "./health.js";
export { type ConnectOptions, TIMEOUT_MS_DEFAULT } from "./options.js";
export { MESSAGE_BYTES_MAX } from "./pool.js";
export type { Range } from "./record.js";
export { Result, Results } from "./results.js";
export type { CallOptions, Partly, Service } from "./services.js";
export { type AddressSpace, type Fault, type SpaceOptions } from "./space.js";
export * as errors from "./pb/vmalab/v1/errors.js";
export * as inspect from "./pb/vmalab/v1/inspect.js";
export * as lab from "./pb/vmalab/v1/lab.js";
export * as memory from "./pb/vmalab/v1/memory.js";
export * as userfaultfd from "./pb/vmalab/v1/userfaultfd.js";
