// SPDX-License-Identifier: Apache-2.0

import type { Client } from "./client.js";
import { CallError } from "./errors.js";

export { bytesOf } from "./record.js";

/** A number of flags as the 64 bits of its field. */
export function big(value: number): bigint {
  return BigInt(value);
}

/** Throws {@link CallError} if an answer has an errno. */
export function succeeded(
  call: string,
  answer: { readonly errnoCode: number; readonly errnoName: string },
): void {
  if (answer.errnoCode !== 0) {
    throw new CallError(call, answer.errnoCode, answer.errnoName);
  }
}

/** What the calls on an address space are made of. */
export class SpaceBase {
  /**
   * What this thread has in its register PKRU: a handle is a thread. undefined: as the address
   * space has it. A new program begins with PKRU_START.
   */
  pkru: number | undefined = undefined;

  /**
   * @param client The client that it belongs to.
   * @param mm What other clients and blocks name it by.
   */
  constructor(
    readonly client: Client,
    readonly mm: bigint,
  ) {}

  /** Takes what a call has made of PKRU, if its request had it. */
  protected keepPkru(rights: number | undefined): void {
    this.pkru = rights ?? this.pkru;
  }
}
