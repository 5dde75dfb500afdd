// SPDX-License-Identifier: Apache-2.0

import { setTimeout as sleep } from "node:timers/promises";

import { type ClientDuplexStream, status } from "@grpc/grpc-js";

import { type Caller, encoded } from "./caller.js";
import { cancelled, ClosedError, made, NotOwnerError, serviceError } from "./errors.js";
import { HoldRequest, HoldResponse, MemoryServiceDefinition } from "./pb/vmalab/v1/memory.js";
import type { CallOptions, Partly } from "./services.js";

const RETRY_MS_FIRST = 20;
const RETRY_MS_MAX = 500;
const PATH = `/${MemoryServiceDefinition.fullName}/${MemoryServiceDefinition.methods.hold.name}`;

type HoldStream = ClientDuplexStream<Buffer, HoldResponse>;

/** How many handles are on an address space, or how often this client has a file open. */
interface Lease {
  users: number;
  /** Which request of the stream names it. */
  request: number;
}

/** How a stream has ended; after "refused" the next one is without the lease that was refused. */
type End = "answered" | "unanswered" | "refused";

/**
 * The leases of a client: one Hold stream, opened with the first of them. When it ends (the worker
 * was killed, the server stopped) another is opened with all of them, at whatever worker answers;
 * the server keeps what they are on for its grace time meanwhile.
 *
 * Each request of a stream has one answer, in order. A lease is confirmed by the answer to the
 * request that names it, and no longer than that stream lasts.
 */
export class Leases {
  readonly #mms = new Map<bigint, Lease>();
  readonly #files = new Map<bigint, Lease>();
  /** Requests of this stream, and answers to them. */
  #said = 0;
  #heardCount = 0;
  readonly #lost: bigint[] = [];
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #stream: HoldStream | undefined;
  #running: Promise<void> | undefined;

  constructor(private readonly caller: Caller) {}

  /** One more handle has a lease on an address space from now on. */
  add(mm: bigint): void {
    const found = this.#mms.get(mm);
    if (found !== undefined) {
      found.users++;
    } else if (!this.#stop.signal.aborted) {
      this.#mms.set(mm, { users: 1, request: this.#said + 1 });
      this.#say({ add: [mm] });
    }
  }

  /** One handle less: the lease, if there is one, ends with the last of them. */
  drop(mm: bigint): void {
    const found = this.#mms.get(mm);
    if (found !== undefined && --found.users === 0) {
      this.forget(mm);
    }
  }

  /** The address space ends: no handle has a lease on it any more. */
  forget(mm: bigint): void {
    if (this.#mms.delete(mm)) {
      this.#say({ drop: [mm] });
      this.#wake();
    }
  }

  /** A file was opened once more: there is a lease on it from now on. */
  addFile(file: bigint): void {
    const found = this.#files.get(file);
    if (found !== undefined) {
      found.users++;
    } else if (!this.#stop.signal.aborted) {
      this.#files.set(file, { users: 1, request: this.#said + 1 });
      this.#say({ addFiles: [file] });
    }
  }

  /** A file was closed once: its lease, if there is one, ends with the last open. */
  dropFile(file: bigint): void {
    const found = this.#files.get(file);
    if (found !== undefined && --found.users === 0) {
      this.#files.delete(file);
      this.#say({ dropFiles: [file] });
    }
  }

  /** The address spaces whose lease is lost: they ended, or are another client's. */
  get lost(): readonly bigint[] {
    return [...this.#lost];
  }

  /** Comes back when the lease is confirmed. */
  async wait(mm: bigint, options: CallOptions = {}): Promise<void> {
    const { signal, timeoutMs } = options;
    const deadline = timeoutMs === undefined || timeoutMs === 0 ? Infinity : Date.now() + timeoutMs;
    for (;;) {
      if (this.#stop.signal.aborted) {
        throw new ClosedError();
      }
      if (this.#isConfirmed(this.#mms.get(mm))) {
        return;
      }
      if (signal?.aborted) {
        throw cancelled(signal);
      }
      if (!this.#mms.has(mm)) {
        throw made(status.NOT_FOUND, "NO_SUCH_MM", { mm: String(mm) }, "there is no lease on it");
      }
      if (Date.now() >= deadline) {
        throw made(status.DEADLINE_EXCEEDED, "", {}, "the lease is not confirmed yet");
      }
      await this.#heard(deadline, signal);
    }
  }

  /** Something has happened, or the time is over. */
  #heard(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((done) => {
      const leftMs = Math.min(deadline - Date.now(), 2 ** 31 - 1);
      const timer = deadline === Infinity ? undefined : setTimeout(() => wake(), leftMs);
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        done();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  #wake(): void {
    [...this.#waiting].forEach((wake) => wake());
  }

  /** Ends all leases. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#stream?.cancel();
    this.#wake();
    await this.#running;
  }

  #isConfirmed(lease: Lease | undefined): boolean {
    return lease !== undefined && lease.request <= this.#heardCount;
  }

  /** The stream has all leases when it is opened; what is said later goes into it. */
  #say(request: Partly<HoldRequest>): void {
    if (this.#stream !== undefined) {
      this.#said++;
      this.#stream.write(encoded(HoldRequest, HoldRequest.fromPartial(request as object)));
    } else {
      this.#running ??= this.#run();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let retryMs = RETRY_MS_FIRST;
    while (!signal.aborted) {
      const end = await this.#once();
      if (end === "refused") {
        continue;
      }
      if (end === "answered") {
        retryMs = RETRY_MS_FIRST;
      }
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
    }
  }

  /** Opens a stream with all leases, and serves it until it ends. */
  #once(): Promise<End> {
    return new Promise((ended) => {
      let end: End = "unanswered";
      const stream: HoldStream = this.caller.duplex(PATH, HoldResponse, undefined);
      stream.on("data", (answer: HoldResponse) => {
        if (this.#stream === stream) {
          end = "answered";
          this.#hear(answer);
        }
      });
      stream.on("error", (error) => {
        // status comes after it
        if (this.#isRefused(error)) {
          end = "refused";
        }
      });
      stream.on("status", () => {
        this.#stream = undefined;
        this.#confirmNone();
        ended(end);
      });
      this.#stream = stream;
      this.#confirmNone();
      this.#say({ add: [...this.#mms.keys()], addFiles: [...this.#files.keys()] });
    });
  }

  /** The first request of the next stream names all leases. */
  #confirmNone(): void {
    this.#said = 0;
    this.#heardCount = 0;
    for (const lease of [...this.#mms.values(), ...this.#files.values()]) {
      lease.request = 1;
    }
  }

  /** Whether the stream has ended with the refusal of a lease, which is lost then. */
  #isRefused(error: unknown): boolean {
    const own = serviceError(error);
    if (!(own instanceof NotOwnerError)) {
      return false;
    }
    const [mm, file] = ["mm", "file"].map((name) => BigInt(own.metadata[name] ?? 0));
    if (mm !== undefined && this.#mms.delete(mm)) {
      this.#lost.push(mm);
      this.#wake();
      return true;
    }
    return file !== undefined && this.#files.delete(file);
  }

  #hear(answer: HoldResponse): void {
    this.#heardCount++;
    for (const mm of answer.missing) {
      if (this.#isConfirmed(this.#mms.get(mm))) {
        this.#mms.delete(mm);
        this.#lost.push(mm);
      }
    }
    for (const file of answer.missingFiles) {
      // One that was opened again meanwhile is in a request that has no answer yet.
      if (this.#isConfirmed(this.#files.get(file))) {
        this.#files.delete(file);
      }
    }
    this.#wake();
  }
}
