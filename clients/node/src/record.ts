// SPDX-License-Identifier: Apache-2.0

import { RECORD_PKRU } from "./constants_gen.js";
import { BadBlockError } from "./errors.js";

/** A piece of an address space. */
export interface Range {
  readonly addr: bigint;
  readonly length: bigint;
}

const WORD_BYTES = 8;
const HEADER_WORDS = 2;
const WORDS_MAX = 255;
const BYTES_FIRST = 4096;
const U16_MAX = 0xffff;
const S32_MIN = -0x8000_0000;
const S32_MAX = 0x7fff_ffff;
const U64_MAX = 0xffff_ffff_ffff_ffffn;
const encoder = new TextEncoder();

/** A text as bytes; bytes stay. */
export function bytesOf(text: Uint8Array | string): Uint8Array {
  return typeof text === "string" ? encoder.encode(text) : text;
}

/**
 * Writes records into memory that grows. The methods of {@link BlockBuilder} are made of this.
 *
 * A record is begun, filled word by word, and ended. The length of the block moves at its end, so a
 * record that throws is not there.
 */
export class RecordWriter {
  /**
   * What the caller has in PKRU: the records that are added from then on go with it, as far as they
   * take one. undefined: as the address space has it.
   */
  pkru: number | undefined = undefined;

  #raw = new Uint8Array(BYTES_FIRST);
  #view = new DataView(this.#raw.buffer);
  #length = 0;
  #at = 0;
  #results = 0;

  /** The block as it is now. It is good until the next record. */
  get bytes(): Uint8Array {
    return this.#raw.subarray(0, this.#length);
  }

  /** How many results the block will have. */
  get length(): number {
    return this.#results;
  }

  /** Begins again, with the memory that is there. */
  reset(): this {
    this.#length = 0;
    this.#results = 0;
    return this;
  }

  #grow(): void {
    const grown = new Uint8Array(2 * this.#raw.length);
    grown.set(this.#raw);
    this.#raw = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** Begins a record of so many words behind its header. */
  protected begin(
    op: number,
    takesPkru: boolean,
    flags: number,
    how: number,
    mm: bigint,
    words: number,
  ): void {
    let total = HEADER_WORDS + words;
    let bits = flags;
    if (takesPkru && this.pkru !== undefined) {
      bits |= RECORD_PKRU;
      total++;
    }
    while (this.#length + WORDS_MAX * WORD_BYTES > this.#raw.length) {
      this.#grow();
    }
    this.#at = this.#length;
    this.#u16(bits);
    this.#view.setUint32(this.#at, op | (total << 8) | (bits << 16), true);
    this.#u32(this.#at + WORD_BYTES / 2, how);
    this.#at += WORD_BYTES;
    this.word(mm);
  }

  /** Ends a record, with the caller's PKRU as its last word if it takes it. */
  protected end(takesPkru: boolean, results: number): this {
    if (takesPkru && this.pkru !== undefined) {
      this.number(this.pkru);
    }
    this.#length = this.#at;
    this.#results += results;
    return this;
  }

  /** A word of 64 bits. */
  protected word(value: bigint): void {
    if (value < 0n || value > U64_MAX) {
      throw new BadBlockError(`${value} is no number of 64 bits without a sign`);
    }
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += WORD_BYTES;
  }

  /** A word that is a number of 32 bits. */
  protected number(value: number): void {
    this.halves(value, 0);
  }

  /** A word of two numbers of 32 bits. */
  protected halves(low: number, high: number): void {
    this.#u32(this.#at, low);
    this.#u32(this.#at + WORD_BYTES / 2, high);
    this.#at += WORD_BYTES;
  }

  #u16(value: number): void {
    if ((value & U16_MAX) !== value) {
      throw new BadBlockError(`${value} is no number of 16 bits without a sign`);
    }
  }

  #u32(at: number, value: number): void {
    if (value >>> 0 !== value) {
      throw new BadBlockError(`${value} is no number of 32 bits without a sign`);
    }
    this.#view.setUint32(at, value, true);
  }

  /** A word that is a number of 32 bits with a sign. */
  protected signed(value: number): void {
    if (!Number.isInteger(value) || value < S32_MIN || value > S32_MAX) {
      throw new BadBlockError(`${value} is no number of 32 bits with a sign`);
    }
    this.#view.setBigInt64(this.#at, BigInt(value), true);
    this.#at += WORD_BYTES;
  }

  /** Begins a record that ends in a text, and gives the text as bytes. */
  protected beginText(
    op: number,
    takesPkru: boolean,
    how: number,
    mm: bigint,
    words: number,
    text: Uint8Array | string,
    most: number,
  ): Uint8Array {
    const raw = bytesOf(text);
    if (raw.length > most) {
      throw new BadBlockError(`bytes of a text: ${raw.length}, at most ${most}`);
    }
    this.begin(op, takesPkru, raw.length, how, mm, words + Math.ceil(raw.length / WORD_BYTES));
    return raw;
  }

  /** The text of a record, filled up with zeros. */
  protected text(raw: Uint8Array): void {
    const end = this.#at + Math.ceil(raw.length / WORD_BYTES) * WORD_BYTES;
    this.#raw.fill(0, this.#at, end);
    this.#raw.set(raw, this.#at);
    this.#at = end;
  }

  /** Begins a record that ends in ranges. */
  protected beginRanges(
    op: number,
    takesPkru: boolean,
    how: number,
    mm: bigint,
    words: number,
    ranges: readonly Range[],
    most: number,
  ): void {
    if (ranges.length > most) {
      throw new BadBlockError(`ranges: ${ranges.length}, at most ${most}`);
    }
    this.begin(op, takesPkru, ranges.length, how, mm, words + 2 * ranges.length);
  }

  /** The ranges of a record. */
  protected ranges(ranges: readonly Range[]): void {
    for (const range of ranges) {
      this.word(range.addr);
      this.word(range.length);
    }
  }

  /** As many records as the addresses need, of at most so many each: all of them, or none. */
  protected each(
    op: number,
    takesPkru: boolean,
    flags: number,
    how: number,
    mm: bigint,
    addrs: readonly bigint[],
    most: number,
  ): this {
    const [length, results] = [this.#length, this.#results];
    const some = takesPkru && this.pkru !== undefined ? most - 1 : most;
    try {
      for (let first = 0; first < addrs.length; first += some) {
        const last = Math.min(first + some, addrs.length);
        this.begin(op, takesPkru, flags, how, mm, last - first);
        for (let i = first; i < last; i++) {
          this.word(addrs[i] ?? 0n);
        }
        this.end(takesPkru, last - first);
      }
    } catch (error) {
      [this.#length, this.#results] = [length, results];
      throw error;
    }
    return this;
  }
}
