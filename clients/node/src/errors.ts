// SPDX-License-Identifier: Apache-2.0

import { type ServiceError as GrpcError, status } from "@grpc/grpc-js";

import { REASON_BLOCK_TOO_BIG, REASON_NO_SUCH_MM, SIGBUS, SIGSEGV } from "./constants_gen.js";
import { ErrorInfo, ErrorStatus } from "./pb/vmalab/v1/errors.js";

/** What every error of this client is. */
export class VmalabError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** An emulated call that failed with an errno. */
export class CallError extends VmalabError {
  /**
   * @param call Its name, "mmap".
   * @param errno What the kernel would have answered, a positive number: the constant ENOMEM.
   * @param code The name of the errno, "ENOMEM", as errors of Node have it.
   */
  constructor(
    readonly call: string,
    readonly errno: number,
    readonly code: string,
  ) {
    super(`${call}: ${code || `errno ${errno}`}`);
  }
}

/** An access that would have raised a signal. */
export class FaultError extends VmalabError {
  /** Its name, "SIGSEGV". */
  readonly signalName: string;

  /**
   * @param signal SIGSEGV or SIGBUS, a number.
   * @param siCode SEGV_MAPERR, SEGV_ACCERR, SEGV_PKUERR, BUS_ADRERR or SI_KERNEL.
   * @param addr Where.
   * @param pkey The protection key that forbade it, with SEGV_PKUERR.
   */
  constructor(
    readonly signal: number,
    readonly siCode: number,
    readonly addr: bigint,
    readonly pkey?: number,
  ) {
    const name =
      signal === SIGSEGV ? "SIGSEGV" : signal === SIGBUS ? "SIGBUS" : `signal ${signal}`;
    const by = pkey === undefined ? "" : ` by protection key ${pkey}`;
    super(`${name} (si_code ${siCode}) at 0x${addr.toString(16)}${by}`);
    this.signalName = name;
  }
}

/**
 * An access that would sleep until a userfaultfd is served: fill the page, or take its protection
 * off, and touch it again.
 */
export class UserFaultError extends VmalabError {
  /**
   * @param addr Where.
   * @param flags Those of the message that the handler would read: UFFD_PAGEFAULT_FLAG_*.
   */
  constructor(
    readonly addr: bigint,
    readonly flags: number,
  ) {
    const at = `0x${addr.toString(16)}`;
    super(`the access at ${at} waits for its userfaultfd (flags ${flags})`);
  }
}

/** A request that the service could not serve. */
export class ServiceError extends VmalabError {
  /** The name of the gRPC status, "NOT_FOUND". */
  readonly codeName: string;

  /**
   * @param code The gRPC status: `status` of @grpc/grpc-js.
   * @param reason The stable symbol of google.rpc.ErrorInfo: REASON_NO_SUCH_MM; empty if no server
   *   answered.
   * @param metadata What belongs to the reason: the limit that was reached and so on.
   * @param details For people.
   * @param cause The error of gRPC, or the reason of the AbortSignal.
   */
  constructor(
    readonly code: status,
    readonly reason: string,
    readonly metadata: Readonly<Record<string, string>>,
    readonly details: string,
    cause?: unknown,
  ) {
    super(`${reason || status[code]}: ${details}`, { cause });
    this.codeName = status[code] ?? String(code);
  }
}

/** The address space has exited, or never was. */
export class NoSuchAddressSpaceError extends ServiceError {}

/** A named limit of the instance or of the service is reached. */
export class LimitError extends ServiceError {}

/** The request is not one that can be served. */
export class InvalidError extends ServiceError {}

/** The server wants a token and got none, or a wrong one. */
export class UnauthenticatedError extends ServiceError {}

/** The address space or the file is another client's, and not shared. */
export class NotOwnerError extends ServiceError {}

/** Nobody answers, or the worker died during the call, which may have been executed. */
export class UnavailableError extends ServiceError {}

/** The AbortSignal of the call was aborted. The call may have been executed. */
export class CancelledError extends ServiceError {}

/** The deadline of the call has passed. The call may have been executed. */
export class DeadlineError extends ServiceError {}

/** What the client refuses by itself: nothing was sent. */
export class RefusedError extends VmalabError {}

/** The client, or the stream of blocks, is closed. */
export class ClosedError extends RefusedError {
  constructor(text = "this client is closed: connect again") {
    super(text);
  }
}

/** A target is no address. */
export class BadTargetError extends RefusedError {}

/** What was given as a certificate or a key is none. */
export class BadCertificateError extends RefusedError {}

/** A token would leave this machine without TLS, or cannot be sent. */
export class BadTokenError extends RefusedError {}

/** A record of a block cannot be, or bytes are no results. */
export class BadBlockError extends RefusedError {}

/** As many blocks are outstanding as a Batch may have, or none. */
export class WindowError extends RefusedError {}

const KINDS: ReadonlyMap<status, typeof ServiceError> = new Map([
  [status.RESOURCE_EXHAUSTED, LimitError],
  [status.INVALID_ARGUMENT, InvalidError],
  [status.FAILED_PRECONDITION, InvalidError],
  [status.OUT_OF_RANGE, InvalidError],
  [status.UNIMPLEMENTED, InvalidError],
  [status.UNAUTHENTICATED, UnauthenticatedError],
  [status.PERMISSION_DENIED, NotOwnerError],
  [status.UNAVAILABLE, UnavailableError],
  [status.CANCELLED, CancelledError],
  [status.DEADLINE_EXCEEDED, DeadlineError],
]);

/** The google.rpc.ErrorInfo of an error of gRPC, if it has one. */
function errorInfo(error: GrpcError): ErrorInfo | undefined {
  const raw = error.metadata?.get("grpc-status-details-bin")[0];
  if (!(raw instanceof Uint8Array)) {
    return undefined;
  }
  try {
    for (const detail of ErrorStatus.decode(raw).details) {
      if (detail.typeUrl.endsWith("/google.rpc.ErrorInfo")) {
        return ErrorInfo.decode(detail.value);
      }
    }
  } catch {
    // What a proxy has put there is no detail of this service.
  }
  return undefined;
}

/** The error of a code, with the class that belongs to it. */
export function made(
  code: status,
  reason: string,
  metadata: Readonly<Record<string, string>>,
  details: string,
  cause?: unknown,
): ServiceError {
  let kind = KINDS.get(code) ?? ServiceError;
  if (code === status.NOT_FOUND && reason === REASON_NO_SUCH_MM) {
    kind = NoSuchAddressSpaceError;
  }
  return new kind(code, reason, metadata, details, cause);
}

/** The error of this client for one of gRPC; errors of this client stay. */
export function serviceError(error: unknown, signal?: AbortSignal): unknown {
  if (error instanceof VmalabError || !(error instanceof Error) || !("code" in error)) {
    return error;
  }
  const given = error as GrpcError;
  const info = errorInfo(given);
  const aborted = given.code === status.CANCELLED && signal?.aborted === true;
  const cause: unknown = aborted ? signal.reason : given;
  return made(given.code, info?.reason ?? "", info?.metadata ?? {}, given.details, cause);
}

/**
 * The error of a block. gRPC itself refuses a message that is too large, before the service can give
 * a reason; it is the same as a block that the service refuses.
 */
export function blockError(error: unknown): unknown {
  const refused =
    error instanceof LimitError && error.reason === "" && /larger than/.test(error.details);
  if (!refused) {
    return error;
  }
  const text = `the block is larger than a message may be: send it in parts (${error.details})`;
  const metadata = { limit: "message_bytes_max" };
  return made(status.INVALID_ARGUMENT, REASON_BLOCK_TOO_BIG, metadata, text, error);
}

/** The error of a call whose signal was aborted before it was sent. */
export function cancelled(signal: AbortSignal): ServiceError {
  return made(status.CANCELLED, "", {}, "cancelled before it was sent", signal.reason);
}
