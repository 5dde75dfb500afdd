// SPDX-License-Identifier: Apache-2.0

import { type ClientDuplexStream, status } from "@grpc/grpc-js";

import type { BlockBuilder } from "./block_gen.js";
import { MessageMaker } from "./message.js";
import { blockError, ClosedError, made, serviceError, WindowError } from "./errors.js";
import type { BatchResponse } from "./pb/vmalab/v1/memory.js";
import { Results } from "./results.js";

/** How many blocks a Batch has outstanding at most, unless it is told otherwise. */
export const WINDOW_DEFAULT = 8;

/** How a stream of blocks is opened. */
export interface BatchOptions {
  /** How many blocks are outstanding at most. */
  readonly window?: number;
  /** Ends the stream when it is aborted. It has no other deadline. */
  readonly signal?: AbortSignal;
}

/** What a block that was sent with failedOnly answers. */
export interface Failed {
  /** How many records were executed. */
  readonly executed: bigint;
  /** The records that failed, counted from 0. */
  readonly places: readonly number[];
  /** Their results, in the same order. */
  readonly results: Results;
}

/**
 * A stream of blocks. Keep several outstanding: that is what makes it fast.
 *
 * ```ts
 * using batch = client.batch();
 * for await (const results of batch.run(blocks)) {
 *   use(results);
 * }
 * ```
 */
export class Batch implements Disposable {
  /** How many blocks are outstanding at most. */
  readonly window: number;
  readonly #outstanding: bigint[] = [];
  readonly #answers: BatchResponse[] = [];
  readonly #messages = new MessageMaker();
  #tag = 0n;
  #failure: unknown;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly stream: ClientDuplexStream<Buffer, BatchResponse>,
    options: BatchOptions,
  ) {
    this.window = options.window ?? WINDOW_DEFAULT;
    if (!Number.isInteger(this.window) || this.window < 1) {
      stream.on("error", () => undefined); // or the end of the stream would end the process
      stream.cancel();
      throw new RangeError(`a window of ${this.window}: at least 1 is wanted`);
    }
    // Answers are taken also while nobody waits for one: the server may wait for that before it
    // takes another block. There are never more of them than the window.
    stream.on("data", (answer: BatchResponse) => {
      this.#answers.push(answer);
      this.#wake?.();
    });
    stream.on("error", (error) => this.#fail(blockError(serviceError(error, options.signal))));
    stream.on("end", () =>
      this.#fail(made(status.UNAVAILABLE, "", {}, "the server ended the stream")),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** How many blocks were sent and not received yet. */
  get outstanding(): number {
    return this.#outstanding.length;
  }

  /** Whether an answer must be received before the next block is sent. */
  get full(): boolean {
    return this.outstanding >= this.window;
  }

  /** Sends a block; the builder is free afterwards. Throws {@link WindowError} if it is full. */
  send(block: BlockBuilder): void {
    this.sendBytes(block.bytes);
  }

  /**
   * Sends a block that was built otherwise.
   *
   * @param failedOnly {@link receiveFailed} gives what failed of it, which makes a stream twice as
   *   fast; values do not come back.
   */
  sendBytes(block: Uint8Array, failedOnly = false): void {
    this.#checkOpen();
    if (this.full) {
      throw new WindowError(`${this.window} blocks are outstanding: receive an answer first`);
    }
    const tag = ++this.#tag;
    if (this.#failure === undefined) {
      this.stream.write(this.#messages.made(block, tag, failedOnly));
    }
    this.#outstanding.push(tag); // after a failure receive has the reason
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new ClosedError("this stream is closed: open another one");
    }
  }

  async #receive(): Promise<BatchResponse> {
    this.#checkOpen();
    const wanted = this.#outstanding.shift();
    if (wanted === undefined) {
      throw new WindowError("no block is outstanding: send one first");
    }
    while (this.#answers.length === 0) {
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      await new Promise<void>((done) => {
        this.#wake = done;
      });
      this.#wake = undefined;
    }
    const answer = this.#answers.shift();
    this.#messages.answered();
    if (answer === undefined || answer.tag !== wanted) {
      const text = `answer ${answer?.tag} instead of ${wanted}: one caller receives at a time`;
      throw made(status.UNAVAILABLE, "", {}, text);
    }
    return answer;
  }

  /** The results of the oldest block that is outstanding. */
  async receive(): Promise<Results> {
    return new Results((await this.#receive()).results);
  }

  /** What failed of the oldest block, which was sent with failedOnly. */
  async receiveFailed(): Promise<Failed> {
    const answer = await this.#receive();
    const { executed, failed } = answer;
    return { executed, places: failed, results: new Results(answer.results) };
  }

  /** Sends these blocks with the window kept full, and gives the results of each, in order. */
  async *run(
    blocks: Iterable<BlockBuilder> | AsyncIterable<BlockBuilder>,
  ): AsyncGenerator<Results, void, void> {
    for await (const block of blocks) {
      if (this.full) {
        yield await this.receive();
      }
      this.send(block);
    }
    while (this.outstanding > 0) {
      yield await this.receive();
    }
  }

  /** Ends the stream. Answers that were not received are given up. */
  close(): void {
    this.#closed = true;
    this.stream.cancel();
  }

  /** What `using` does: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
