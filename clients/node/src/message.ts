// SPDX-License-Identifier: Apache-2.0

import { BatchRequest } from "./pb/vmalab/v1/memory.js";

const TAG_OF_BLOCK = (1 << 3) | 2;
const VARINT_BYTES_MAX = 10;
const NOTHING = new Uint8Array();

/** Writes a number of protobuf at a place; it gives the place behind it. */
function varint(into: Buffer, at: number, value: number): number {
  let [place, rest] = [at, value];
  for (; rest > 0x7f; rest >>>= 7) {
    into[place++] = (rest & 0x7f) | 0x80;
  }
  into[place++] = rest;
  return place;
}

/**
 * Makes the messages of a stream of blocks: each is a BatchRequest, with its block in front.
 *
 * A message goes into memory that an earlier one had. Hundreds of kilobytes that are new each time
 * cost more, in pages and in garbage, than the block itself. A message has been sent whole when its
 * answer is there, so its memory is free then, and not before.
 */
export class MessageMaker {
  readonly #sent: Buffer[] = [];
  readonly #free: Buffer[] = [];

  /** The next message, in memory that stays as it is until its answer comes. */
  made(block: Uint8Array, tag: bigint, failedOnly: boolean): Buffer {
    const rest = BatchRequest.encode({ block: NOTHING, tag, failedOnly, timed: false }).finish();
    const needed = 1 + VARINT_BYTES_MAX + block.length + rest.length;
    let into = this.#free.pop();
    if (into === undefined || into.length < needed) {
      into = Buffer.allocUnsafeSlow(needed);
    }
    this.#sent.push(into);
    let at = varint(into, 0, TAG_OF_BLOCK);
    at = varint(into, at, block.length);
    into.set(block, at);
    at += block.length;
    into.set(rest, at);
    return into.subarray(0, at + rest.length);
  }

  /** The oldest message has its answer. */
  answered(): void {
    const free = this.#sent.shift();
    if (free !== undefined) {
      this.#free.push(free);
    }
  }
}
