// SPDX-License-Identifier: Apache-2.0
// Arguments of methods, made from what a step has.

import { PAGE_BYTES, type Range } from "@vmalab/client";

import { number, type Step, type Variables } from "./expected.js";

/** Ranges that are listed, or that follow each other at a distance. */
export function rangesOf(given: unknown, variables: Variables): Range[] {
  if (Array.isArray(given)) {
    return (given as unknown[][]).map(([addr, length]) => ({
      addr: number(addr, variables),
      length: number(length, variables),
    }));
  }
  const from = given as Step;
  const [first, stride] = [number(from["from"], variables), number(from["stride"], variables)];
  return Array.from({ length: Number(number(from["count"], variables)) }, (_, i) => ({
    addr: first + BigInt(i) * stride,
    length: PAGE_BYTES,
  }));
}

/** A value of a kind; nothing is 0. */
export function argument(given: unknown, kind: string, variables: Variables): unknown {
  switch (kind) {
    case "ranges":
      return rangesOf(given, variables);
    case "addrs":
      return rangesOf(given, variables).map((one) => one.addr);
    case "text":
    case "bytes":
      return String(given ?? "");
    case "bool":
      return number(given ?? 0, variables) !== 0n;
    case "u32":
      return Number(number(given ?? 0, variables));
    case "s32":
      return Number(BigInt.asIntN(64, number(given ?? 0, variables)));
    default:
      return number(given ?? 0, variables);
  }
}
