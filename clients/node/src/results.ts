// SPDX-License-Identifier: Apache-2.0

import {
  FAULT_INFO_PKEY,
  FAULT_INFO_USER_WRITE,
  SEGV_PKUERR,
  STATUS_USERFAULT,
  UFFD_PAGEFAULT_FLAG_MINOR,
  UFFD_PAGEFAULT_FLAG_WP,
  UFFD_PAGEFAULT_FLAG_WRITE,
} from "./constants_gen.js";
import { BadBlockError } from "./errors.js";

const RESULT_BYTES = 16;
const INFO_AT = 4;
const VALUE_AT = 8;
const CODE_MASK = 0xff;
const ERRNO_MAX = 999;
const USERFAULT_FLAGS =
  UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_MINOR;
/** How far the bits of a mask are from the lowest one. */
const shiftOf = (mask: number): number => 31 - Math.clz32(mask & -mask);

/** What came of one record, or of one address of a FAULTS. */
export class Result {
  /**
   * @param status 0, an errno negated, a signal, or a STATUS_*.
   * @param info Of a fault how it was done (FAULT_INFO_*), of STATUS_LIMIT which LIMIT_* it is.
   * @param value What the operation answers.
   */
  constructor(
    readonly status: number,
    readonly info: number,
    readonly value: bigint,
  ) {}

  /** Whether it succeeded. */
  get ok(): boolean {
    return this.status === 0;
  }

  /** The errno of an emulated call that failed; else 0. */
  get errno(): number {
    return this.status < 0 && this.status >= -ERRNO_MAX ? -this.status : 0;
  }

  /** The signal of an access that failed; else 0. */
  get signal(): number {
    return Math.max(this.status, 0);
  }

  /** The si_code of the signal. */
  get siCode(): number {
    return this.info & CODE_MASK;
  }

  /** The protection key that forbade the access, with SEGV_PKUERR. */
  get pkey(): number | undefined {
    const forbade = this.status > 0 && this.siCode === SEGV_PKUERR;
    return forbade ? (this.info & FAULT_INFO_PKEY) >>> shiftOf(FAULT_INFO_PKEY) : undefined;
  }

  /** UFFD_PAGEFAULT_FLAG_* of the message of a userfaultfd, if the access waits for one. */
  get userFault(): number | undefined {
    const waits = this.status === STATUS_USERFAULT;
    return waits ? (this.info >>> shiftOf(FAULT_INFO_USER_WRITE)) & USERFAULT_FLAGS : undefined;
  }
}

/**
 * The results of a block: `next` moves a cursor over them, which makes no object for each.
 *
 * ```ts
 * while (results.next()) {
 *   use(results.status, results.value);
 * }
 * ```
 *
 * `for (const result of results)` gives each as a {@link Result}.
 */
export class Results implements Iterable<Result> {
  /** How many there are. */
  readonly length: number;
  readonly #view: DataView;
  readonly #end: number;
  #at = -RESULT_BYTES;

  /** Reads what a block has answered. Throws {@link BadBlockError}. */
  constructor(raw: Uint8Array) {
    if (raw.length % RESULT_BYTES !== 0) {
      const text = `${raw.length} bytes of results: no multiple of ${RESULT_BYTES}`;
      throw new BadBlockError(text);
    }
    this.#view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    this.#end = raw.length;
    this.length = raw.length / RESULT_BYTES;
  }

  /** Moves to the next one; false: there is none. */
  next(): boolean {
    const at = this.#at + RESULT_BYTES;
    const there = at < this.#end;
    this.#at = there ? at : this.#end;
    return there;
  }

  /** Moves the cursor before the first one. */
  rewind(): this {
    this.#at = -RESULT_BYTES;
    return this;
  }

  /** The status of the one that the cursor is at: {@link Result.status}. */
  get status(): number {
    return this.#view.getInt32(this.#at, true);
  }

  /** Its info: {@link Result.info}. */
  get info(): number {
    return this.#view.getUint32(this.#at + INFO_AT, true);
  }

  /** Its value: {@link Result.value}. */
  get value(): bigint {
    return this.#view.getBigUint64(this.#at + VALUE_AT, true);
  }

  /** Whether it succeeded. */
  get ok(): boolean {
    return this.status === 0;
  }

  /** All of the one that the cursor is at. */
  get result(): Result {
    return new Result(this.status, this.info, this.value);
  }

  /** One by its place; a place without one is a RangeError. */
  at(place: number): Result {
    const at = place * RESULT_BYTES;
    const view = this.#view;
    return new Result(
      view.getInt32(at, true),
      view.getUint32(at + INFO_AT, true),
      view.getBigUint64(at + VALUE_AT, true),
    );
  }

  /** Each in order; the cursor stays where it is. */
  *[Symbol.iterator](): Generator<Result, undefined> {
    for (let place = 0; place < this.length; place++) {
      yield this.at(place);
    }
    return undefined;
  }
}
