// SPDX-License-Identifier: Apache-2.0

/** The oldest server that does all that this client asks for. */
export const OLDEST_SERVER = "0.1.0";

function numbers(text: string): number[] {
  const parts = text.split(".");
  const end = parts.findIndex((part) => !/^\d+$/.test(part));
  return parts.slice(0, end < 0 ? undefined : end).map(Number);
}

/** Compares versions number by number; what has no number is not older. */
function older(one: string, other: string): boolean {
  const [first, second] = [numbers(one), numbers(other)];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    const difference = (first[i] ?? 0) - (second[i] ?? 0);
    if (difference !== 0) {
      return difference < 0;
    }
  }
  return false;
}

/** What is wrong between a client of a version and a server; empty: nothing. */
export function complaint(
  info: { readonly version: string; readonly oldestClient: string },
  mine: string,
): string {
  if (older(mine, info.oldestClient)) {
    const serves = `the server ${info.version} serves clients from ${info.oldestClient} on`;
    return `vmalab: this client is ${mine}, and ${serves}: get a newer one`;
  }
  // "0" is a server that runs from a tree.
  if (info.version !== "" && info.version !== "0" && older(info.version, OLDEST_SERVER)) {
    const asks = `this client asks for what servers do from ${OLDEST_SERVER} on`;
    return `vmalab: the server is ${info.version}, and ${asks}: run a newer one`;
  }
  return "";
}
