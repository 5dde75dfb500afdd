// SPDX-License-Identifier: Apache-2.0
// Measures what the client costs beside the bare echo of @grpc/grpc-js, and prints one JSON object:
// the time and the CPU of unary calls and of blocks of 10,000 faults, of each side in each round.
//
// usage: main.js HOST:PORT ROUNDS    against `vmalab serve --bench`
//
// In every second round the echo comes first. A block is built, sent, received and read whole; the
// echo sends and gets as many bytes.

import { readFileSync } from "node:fs";

import { Client as Channel, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import {
  type AddressSpace,
  type Batch,
  BlockBuilder,
  type Client,
  connect,
  FAULT_READ,
  PAGE_BYTES,
} from "@vmalab/client";

import {
  BenchServiceDefinition,
  EchoBlocksRequest,
  EchoBlocksResponse,
  EchoRequest,
  EchoResponse,
} from "../src/pb/vmalab/v1/bench.js";

const FAULTS = 10_000;
const PAGES = 512;
const CALLS = 200;
const BLOCKS = 20;
const RECORD_BYTES = 24;
const RESULT_BYTES = 16;
const FIRST_WORD = 100n;

interface Cost {
  readonly calls: number;
  readonly wall_ns: number;
  readonly cpu_ns: number;
}

interface Sides {
  readonly echo: () => Promise<void>;
  readonly call: () => Promise<void>;
}

function wrong(text: string): never {
  throw new Error(text);
}

/** What so many calls of one side cost. */
async function cost(calls: number, once: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const begin = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) {
    await once();
  }
  const wall = process.hrtime.bigint() - begin;
  const { user, system } = process.cpuUsage(cpu);
  return { calls, wall_ns: Number(wall), cpu_ns: (user + system) * 1000 };
}

async function both(calls: number, sides: Sides, echoFirst: boolean): Promise<object> {
  const before = echoFirst ? await cost(calls, sides.echo) : undefined;
  const call = await cost(calls, sides.call);
  return { echo: before ?? (await cost(calls, sides.echo)), call };
}

function path(method: { readonly name: string }): string {
  return `/${BenchServiceDefinition.fullName}/${method.name}`;
}

/** A unary echo of three words, and a load of a page that is present. */
function unary(channel: Channel, space: AddressSpace, addr: bigint): Sides {
  const name = path(BenchServiceDefinition.methods.echo);
  const words = { first: space.mm, second: addr, third: FIRST_WORD };
  let page = 0n;
  return {
    echo: () =>
      new Promise((done, failed) => {
        channel.makeUnaryRequest(
          name,
          (request: EchoRequest) => Buffer.from(EchoRequest.encode(request).finish()),
          (raw) => EchoResponse.decode(raw),
          words,
          (error, answer) => {
            const good = answer?.second === addr && answer.third === FIRST_WORD;
            return error === null && good ? done() : failed(error ?? new Error("a wrong echo"));
          },
        );
      }),
    call: async () => {
      page = (page + 1n) % BigInt(PAGES);
      if ((await space.load(addr + page * PAGE_BYTES)) !== FIRST_WORD + page) {
        wrong(`a wrong word in page ${page}`);
      }
    },
  };
}

/** A block of faults, built, executed and read; and as many bytes there and back. */
function blocks(
  stream: ClientDuplexStream<EchoBlocksRequest, EchoBlocksResponse>,
  batch: Batch,
  mm: bigint,
  addr: bigint,
): Sides {
  const block = new Uint8Array(FAULTS * RECORD_BYTES);
  const builder = new BlockBuilder();
  let sum = 0n;
  for (let i = 0; i < FAULTS; i++) {
    sum += FIRST_WORD + BigInt(i % PAGES);
  }
  let tag = 0n;
  return {
    echo: () =>
      new Promise((done, failed) => {
        stream.once("data", (answer: EchoBlocksResponse) => {
          const good = answer.tag === tag && answer.results.length === FAULTS * RESULT_BYTES;
          return good ? done() : failed(new Error("a wrong echo of a block"));
        });
        stream.write({ block, tag: ++tag });
      }),
    call: async () => {
      builder.reset();
      for (let i = 0; i < FAULTS; i++) {
        builder.fault(mm, addr + BigInt(i % PAGES) * PAGE_BYTES, FAULT_READ);
      }
      batch.send(builder);
      const results = await batch.receive();
      let [good, got] = [0, 0n];
      while (results.next()) {
        good += results.ok ? 1 : 0;
        got += results.value;
      }
      if (good !== FAULTS || got !== sum) {
        wrong(`${good} faults of ${FAULTS} are good, and their sum is ${got}, not ${sum}`);
      }
    },
  };
}

async function measured(client: Client, channel: Channel, rounds: number): Promise<object[]> {
  await using space = await client.createAddressSpace();
  const addr = await space.map(BigInt(PAGES) * PAGE_BYTES);
  for (let page = 0n; page < PAGES; page++) {
    await space.store(addr + page * PAGE_BYTES, FIRST_WORD + page);
  }
  const stream = channel.makeBidiStreamRequest(
    path(BenchServiceDefinition.methods.echoBlocks),
    (request: EchoBlocksRequest) => Buffer.from(EchoBlocksRequest.encode(request).finish()),
    (raw) => EchoBlocksResponse.decode(raw),
  );
  using batch = client.batch();
  const sides = [unary(channel, space, addr), blocks(stream, batch, space.mm, addr)] as const;
  const found: object[] = [];
  for (let round = 0; round <= rounds; round++) {
    const echoFirst = round % 2 === 0;
    const calls = await both(CALLS, sides[0], echoFirst);
    found.push({ unary: calls, block: await both(BLOCKS, sides[1], echoFirst) });
  }
  stream.end();
  return found.slice(1);
}

function versionOfGrpc(): string {
  const page = new URL("../../node_modules/@grpc/grpc-js/package.json", import.meta.url);
  return (JSON.parse(readFileSync(page, "utf8")) as { version: string }).version;
}

async function main(target: string, rounds: number): Promise<void> {
  await using client = await connect(target);
  const channel = new Channel(target, credentials.createInsecure());
  try {
    const runtime = `node ${process.versions.node}, grpc-js ${versionOfGrpc()}`;
    const found = await measured(client, channel, rounds);
    console.log(JSON.stringify({ runtime, faults: FAULTS, rounds: found }));
  } finally {
    channel.close();
  }
}

const [target, rounds] = process.argv.slice(2);
if (target === undefined || !(Number(rounds) >= 1)) {
  console.error("usage: main.js HOST:PORT ROUNDS");
  process.exitCode = 2;
} else {
  await main(target, Number(rounds));
}
