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

/**
 * The leases of a client: one Hold stream, opened with the first of them. When it ends (the worker
 * was killed, the server stopped) another is opened with all of them, at whatever worker answers;
 * the server keeps what they are on for its grace time meanwhile.
 */
export class Leases {
  /** Of each address space: whether the server has confirmed it. */
  readonly #mms = new Map<bigint, boolean>();
  readonly #files = new Set<bigint>();
  /** What the requests that have no answer yet have added: each gets one, in order. */
  #asked: (readonly bigint[])[] = [];
  readonly #lost: bigint[] = [];
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #stream: HoldStream | undefined;
  #running: Promise<void> | undefined;

  constructor(private readonly caller: Caller) {}

  /** Has a lease on an address space from now on. */
  add(mm: bigint): void {
    if (!this.#mms.has(mm) && !this.#stop.signal.aborted) {
      this.#mms.set(mm, false);
      this.#say({ add: [mm] });
    }
  }

  /** Ends the lease on an address space, if there is one. */
  drop(mm: bigint): void {
    if (this.#mms.delete(mm)) {
      this.#say({ drop: [mm] });
      this.#wake();
    }
  }

  /** Has a lease on a file from now on. */
  addFile(file: bigint): void {
    if (!this.#files.has(file) && !this.#stop.signal.aborted) {
      this.#files.add(file);
      this.#say({ addFiles: [file] });
    }
  }

  /** Ends the lease on a file, if there is one. */
  dropFile(file: bigint): void {
    if (this.#files.delete(file)) {
      this.#say({ dropFiles: [file] });
    }
  }

  /** The address spaces that ended although there was a lease on them. */
  get lost(): readonly bigint[] {
    return [...this.#lost];
  }

  /** Comes back when the lease is confirmed. */
  async wait(mm: bigint, options: CallOptions = {}): Promise<void> {
    const { signal, timeoutMs } = options;
    const deadline = timeoutMs === undefined || timeoutMs === 0 ? Infinity : Date.now() + timeoutMs;
    while (this.#mms.get(mm) !== true) {
      if (this.#stop.signal.aborted) {
        throw new ClosedError();
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

  /** The stream has all leases when it is opened; what is said later goes into it. */
  #say(request: Partly<HoldRequest>): void {
    if (this.#stream !== undefined) {
      this.#asked.push(request.add ?? []);
      this.#stream.write(encoded(HoldRequest, HoldRequest.fromPartial(request as object)));
    } else {
      this.#running ??= this.#run();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let retryMs = RETRY_MS_FIRST;
    while (!signal.aborted) {
      if (await this.#once()) {
        retryMs = RETRY_MS_FIRST;
      }
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
    }
  }

  /** Opens a stream with all leases, and serves it until it ends; whether there was an answer. */
  #once(): Promise<boolean> {
    return new Promise((ended) => {
      let answered = false;
      const stream: HoldStream = this.caller.duplex(PATH, HoldResponse, undefined);
      stream.on("data", (answer: HoldResponse) => {
        answered = true;
        this.#hear(answer);
      });
      stream.on("error", (error) => this.#refused(error)); // status comes after it
      stream.on("status", () => {
        this.#stream = undefined;
        ended(answered);
      });
      for (const mm of this.#mms.keys()) {
        this.#mms.set(mm, false);
      }
      this.#stream = stream;
      this.#asked = [];
      this.#say({ add: [...this.#mms.keys()], addFiles: [...this.#files] });
    });
  }

  /** A lease that this client may not have ends the stream: the next one is without it. */
  #refused(error: unknown): void {
    const own = serviceError(error);
    if (!(own instanceof NotOwnerError)) {
      return;
    }
    const [mm, file] = ["mm", "file"].map((name) => BigInt(own.metadata[name] ?? 0));
    if (mm !== undefined && this.#mms.delete(mm)) {
      this.#lost.push(mm);
      this.#wake();
    }
    if (file !== undefined) {
      this.#files.delete(file);
    }
  }

  #hear(answer: HoldResponse): void {
    for (const mm of answer.missing) {
      if (this.#mms.delete(mm)) {
        this.#lost.push(mm);
      }
    }
    answer.missingFiles.forEach((file) => this.#files.delete(file));
    for (const mm of this.#asked.shift() ?? []) {
      if (this.#mms.has(mm)) {
        this.#mms.set(mm, true);
      }
    }
    this.#wake();
  }
}
