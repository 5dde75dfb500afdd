// SPDX-License-Identifier: Apache-2.0

import { constants } from "./constants_gen.js";

/**
 * A constant by its name in C, "PROT_READ", as the 64 bits of a word; undefined: there is none.
 * `constants` has them with their types.
 */
export function constant(name: string): bigint | undefined {
  const found = Object.hasOwn(constants, name)
    ? constants[name as keyof typeof constants]
    : undefined;
  return found === undefined ? undefined : BigInt.asUintN(64, BigInt(found));
}
