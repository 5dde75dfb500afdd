// SPDX-License-Identifier: Apache-2.0

import { setTimeout as sleep } from "node:timers/promises";

import { type ClientDuplexStream, Metadata } from "@grpc/grpc-js";

import { cancelled, ClosedError, serviceError, UnavailableError } from "./errors.js";
import { InspectServiceDefinition } from "./pb/vmalab/v1/inspect.js";
import { LabServiceDefinition } from "./pb/vmalab/v1/lab.js";
import type { Pool } from "./pool.js";
import type { CallOptions, MessageType } from "./services.js";

const RETRIES = 3;
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 1000;
/** Ten years: more than that is the same as for ever, and gRPC cannot say it. */
const BOUND_MS_MAX = 10 * 365 * 24 * 3600 * 1000;
/** What a scenario may take beside its own time: its processes start and end. */
const SCENARIO_MS_MORE = 70_000;

const HARMLESS = `/${InspectServiceDefinition.fullName}/`;
const LAB = `/${LabServiceDefinition.fullName}/`;
const WAIT_POINT = LAB + LabServiceDefinition.methods.waitPoint.name;
const RUN_SCENARIO = LAB + LabServiceDefinition.methods.runScenario.name;

/** A message as bytes. A number that does not fit its field is a RangeError. */
export function encoded<T>(type: MessageType<T>, message: T): Buffer {
  let bytes: Uint8Array;
  try {
    bytes = type.encode(message).finish();
  } catch (error) {
    throw new RangeError(error instanceof Error ? error.message : String(error));
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/** How much longer than others a call may take by itself, in milliseconds. */
function moreTimeMs(path: string, message: object): number {
  if (path === WAIT_POINT) {
    return (message as { timeoutMs: number }).timeoutMs;
  }
  return path === RUN_SCENARIO ? (message as { timeMs: number }).timeMs + SCENARIO_MS_MORE : 0;
}

function checkedTime(timeoutMs: number): number {
  if (!(timeoutMs >= 0)) {
    throw new RangeError(`timeoutMs is ${timeoutMs}: milliseconds are wanted, 0 or more`);
  }
  return timeoutMs;
}

/** What each call goes through: channel, token, deadline, cancellation, errors, retries. */
export class Caller {
  #closed = false;
  readonly #streams = new Set<{ cancel(): void }>();
  readonly #metadata = new Metadata();
  readonly #timeoutMs: number;

  constructor(
    private readonly pool: Pool,
    token: string | undefined,
    timeoutMs: number,
  ) {
    if (token) {
      this.#metadata.set("authorization", `Bearer ${token}`);
    }
    this.#timeoutMs = checkedTime(timeoutMs);
  }

  /** Whether the client is closed: nothing is sent any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Nothing is sent from now on, and the streams that are open end. */
  close(): void {
    this.#closed = true;
    [...this.#streams].forEach((stream) => stream.cancel());
  }

  /** A unary call. Looking does no harm twice, so it is tried again; nothing else is. */
  async unary<Q extends object, A>(
    path: string,
    requests: MessageType<Q>,
    answers: MessageType<A>,
    request: object,
    options: CallOptions,
  ): Promise<A> {
    const message = requests.fromPartial(request);
    const bytes = encoded(requests, message);
    const boundMs = checkedTime(options.timeoutMs ?? this.#timeoutMs);
    const moreMs = options.timeoutMs === undefined ? moreTimeMs(path, message) : 0;
    const leftMs = boundMs > 0 ? boundMs + moreMs : Infinity;
    const deadline = leftMs < BOUND_MS_MAX ? Date.now() + leftMs : Infinity;
    const retries = path.startsWith(HARMLESS) ? RETRIES : 0;
    for (let tried = 0; ; tried++) {
      try {
        return await this.#once(path, answers, bytes, deadline, options.signal);
      } catch (error) {
        const pauseMs = Math.min(RETRY_MS_FIRST << tried, RETRY_MS_MAX);
        const late = Date.now() + pauseMs >= deadline;
        if (!(error instanceof UnavailableError) || tried === retries || late) {
          throw error;
        }
        await pause(pauseMs, options.signal);
      }
    }
  }

  #once<A>(
    path: string,
    answers: MessageType<A>,
    bytes: Buffer,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<A> {
    return new Promise((done, failed) => {
      if (this.closed) {
        throw new ClosedError();
      }
      if (signal?.aborted) {
        throw cancelled(signal);
      }
      const call = this.pool.take().makeUnaryRequest(
        path,
        asItIs,
        (raw) => answers.decode(raw),
        bytes,
        this.#metadata,
        { deadline },
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (error) {
            failed(serviceError(error, signal));
          } else {
            done(answer as A);
          }
        },
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Opens a stream both ways, whose requests are bytes already. It has no deadline. */
  duplex<A>(
    path: string,
    answers: MessageType<A>,
    signal: AbortSignal | undefined,
  ): ClientDuplexStream<Buffer, A> {
    if (this.closed) {
      throw new ClosedError();
    }
    if (signal?.aborted) {
      throw cancelled(signal);
    }
    const stream = this.pool
      .take()
      .makeBidiStreamRequest(path, asItIs, (raw) => answers.decode(raw), this.#metadata, {});
    const cancel = (): void => stream.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    this.#streams.add(stream);
    stream.on("status", () => {
      this.#streams.delete(stream);
      signal?.removeEventListener("abort", cancel);
    });
    return stream;
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    throw signal?.aborted ? cancelled(signal) : error;
  }
}
