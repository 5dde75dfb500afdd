// SPDX-License-Identifier: Apache-2.0

import { type Batch, BlockBuilder, type Client, type Results } from "@vmalab/client";

import { argument } from "./arguments.js";
import {
  type Answer,
  list,
  Mismatch,
  number,
  type Step,
  text,
  type Variables,
} from "./expected.js";
import { RECORDS } from "./names_gen.js";

type Methods = Readonly<Record<string, (...values: unknown[]) => unknown>>;

function built(step: Step, variables: Variables): BlockBuilder {
  const builder = new BlockBuilder();
  if ("pkru" in step) {
    builder.pkru = Number(number(step["pkru"], variables));
  }
  const stride = "stride" in step ? number(step["stride"], variables) : 0n;
  const repeat = "repeat" in step ? number(step["repeat"], variables) : 1n;
  for (let i = 0n; i < repeat; i++) {
    for (const record of list(step, "records") as readonly Step[]) {
      const stores = record["op"] === "FAULT" && "word" in record;
      const key = stores ? "FAULT_STORE" : text(record, "op");
      const named = RECORDS.get(key);
      if (named === undefined) {
        throw new Mismatch(`there is no record ${key}`);
      }
      const values = named.arguments.map(([name, kind]) => {
        const moved = name === "addr" && "repeat" in step;
        const given = record[name];
        return argument(moved ? number(given, variables) + i * stride : given, kind, variables);
      });
      (builder as unknown as Methods)[named.method]?.apply(builder, values);
    }
  }
  return builder;
}

/** Sends a block several times, with the window kept full. */
async function streamed(batch: Batch, raw: Uint8Array, times: number): Promise<Answer> {
  let results: Results | undefined;
  for (let sent = 0; sent < times || batch.outstanding > 0; ) {
    if (sent < times && !batch.full) {
      batch.sendBytes(raw);
      sent++;
    } else {
      results = await batch.receive();
    }
  }
  return { results: [...(results ?? [])] };
}

/** Does the steps `block` and `raw_block`. */
export async function doBlock(
  client: Client,
  step: Step,
  variables: Variables,
  signal: AbortSignal,
): Promise<Answer> {
  const raw =
    step["do"] === "block"
      ? built(step, variables).bytes
      : new Uint8Array(Buffer.from(text(step, "hex"), "hex"));
  const via = text(step, "via", "apply");
  if (via === "apply") {
    return { results: [...(await client.applyBytes(raw, { signal }))] };
  }
  using batch = client.batch({ signal });
  if (via === "failed") {
    batch.sendBytes(raw, true);
    const { results, executed, places } = await batch.receiveFailed();
    return { results: [...results], executed, places };
  }
  return await streamed(batch, raw, Number(text(step, "times", "1")));
}
