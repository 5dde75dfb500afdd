// SPDX-License-Identifier: Apache-2.0
// Runs the conformance cases with the Node client, and prints TAP.
//
// usage: main.js ORDERS
//
// clients/conformance/runner.py starts it. The names of steps and expectations are those of
// clients/conformance/README.md.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import type { Step } from "./expected.js";
import { type Profile, Running } from "./steps.js";

interface Orders {
  readonly profiles: Readonly<Record<string, Profile>>;
  readonly cases: readonly {
    readonly name: string;
    readonly profile: string;
    readonly steps: readonly Step[];
  }[];
}

async function main(path: string): Promise<number> {
  const orders = JSON.parse(readFileSync(path, "utf8")) as Orders;
  const input = createInterface({ input: process.stdin });
  const lines = input[Symbol.asyncIterator]();
  let failed = 0;
  console.log(`1..${orders.cases.length}`);
  for (const [place, one] of orders.cases.entries()) {
    const profile = orders.profiles[one.profile];
    if (profile === undefined) {
      throw new RangeError(`there is no profile ${one.profile}`);
    }
    const said = await new Running(profile, one.profile, lines).run(one.steps);
    console.log(`${said === "" ? "ok" : "not ok"} ${place + 1} - ${one.name}`);
    if (said !== "") {
      failed++;
      console.log(`# ${one.name}: ${said.split(/\s+/).join(" ")}`);
    }
  }
  input.close();
  process.stdin.destroy();
  return failed === 0 ? 0 : 1;
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: main.js ORDERS");
  process.exitCode = 2;
} else {
  process.exitCode = await main(path);
}
