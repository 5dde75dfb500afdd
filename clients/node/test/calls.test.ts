// SPDX-License-Identifier: Apache-2.0
// What a server sees of the client: how often a call comes, how many blocks at a time, what leases.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  BlockBuilder,
  CancelledError,
  ClosedError,
  connect,
  DeadlineError,
  InvalidError,
  UnavailableError,
  WindowError,
} from "@vmalab/client";

import { encoded } from "../src/caller.js";
import { ErrorInfo, ErrorStatus } from "../src/pb/vmalab/v1/errors.js";
import { GetServerInfoResponse, InspectServiceDefinition } from "../src/pb/vmalab/v1/inspect.js";
import {
  BatchRequest,
  BatchResponse,
  HoldRequest,
  HoldResponse,
  MemoryServiceDefinition,
} from "../src/pb/vmalab/v1/memory.js";
import type { MessageType, ServiceDefinition } from "../src/services.js";

const PATIENCE_MS = 120_000;

/** A server with these calls; all others are UNIMPLEMENTED. */
async function serving(
  ...services: [ServiceDefinition, UntypedServiceImplementation][]
): Promise<{ target: string } & Disposable> {
  const server = new Server();
  for (const [definition, calls] of services) {
    const methods = Object.entries(definition.methods).map(([name, method]) => {
      const requests = method.requestType as MessageType<object>;
      const answers = method.responseType as MessageType<object>;
      const made = {
        path: `/${definition.fullName}/${method.name}`,
        requestStream: method.requestStream,
        responseStream: method.responseStream,
        requestSerialize: (message: object) => encoded(requests, message),
        requestDeserialize: (raw: Buffer) => requests.decode(raw),
        responseSerialize: (message: object) => encoded(answers, message),
        responseDeserialize: (raw: Buffer) => answers.decode(raw),
      };
      return [name, made];
    });
    server.addService(Object.fromEntries(methods), calls);
  }
  const port = await new Promise<number>((done, failed) => {
    const secrets = ServerCredentials.createInsecure();
    const bound = (error: Error | null, at: number): void => (error ? failed(error) : done(at));
    server.bindAsync("127.0.0.1:0", secrets, bound);
  });
  return { target: `127.0.0.1:${port}`, [Symbol.dispose]: () => server.forceShutdown() };
}

type Answering = (call: unknown, answer: (error: object | null, message?: object) => void) => void;

test("looking is tried again while nobody answers; nothing else is", async () => {
  const came = { maps: 0, munmap: 0, info: 0 };
  const no = (name: keyof typeof came): Answering => (_, answer) => {
    came[name]++;
    answer({ code: status.UNAVAILABLE, details: "no" });
  };
  const third: Answering = (_, answer) => {
    came.info++;
    const error = came.info < 3 ? { code: status.UNAVAILABLE, details: "no" } : null;
    answer(error, GetServerInfoResponse.fromPartial({ instance: "third" }));
  };
  using server = await serving(
    [InspectServiceDefinition, { getMaps: no("maps"), getServerInfo: third }],
    [MemoryServiceDefinition, { munmap: no("munmap") }],
  );
  await using client = await connect(server.target, { discover: false });
  await assert.rejects(client.inspect.getMaps(), UnavailableError);
  await assert.rejects(client.memory.munmap(), UnavailableError);
  assert.equal((await client.inspect.getServerInfo()).instance, "third");
  assert.deepEqual(came, { maps: 4, munmap: 1, info: 3 });
});

test("a call ends with its time or its signal, and none is made after the client", async () => {
  let [came, ended] = [(): void => undefined, (): void => undefined];
  const cameThere = new Promise<void>((done) => (came = done));
  const endedThere = new Promise<void>((done) => (ended = done));
  interface Call {
    readonly request: { readonly mm: bigint };
    on(name: "cancelled", heard: () => void): void;
  }
  const never = (call: Call): void => {
    if (call.request.mm === 2n) {
      call.on("cancelled", ended);
      came();
    }
  };
  using server = await serving([MemoryServiceDefinition, { munmap: never }]);
  const client = await connect(server.target, { discover: false, timeoutMs: PATIENCE_MS });
  await assert.rejects(client.memory.munmap({ mm: 1n }, { timeoutMs: 50 }), DeadlineError);
  const abort = new AbortController();
  const call = client.memory.munmap({ mm: 2n }, { signal: abort.signal });
  const cancelled = assert.rejects(call, { name: "CancelledError", cause: "enough" });
  await cameThere;
  abort.abort("enough");
  await cancelled;
  await endedThere;
  await client.close();
  await assert.rejects(client.memory.munmap(), ClosedError);
});

test("a stream keeps its window, and its order", async () => {
  const waiting: BatchRequest[] = [];
  let [most, came] = [0, 0];
  const batch = (stream: ServerDuplexStream<BatchRequest, BatchResponse>): void => {
    stream.on("data", (request: BatchRequest) => {
      most = Math.max(most, waiting.push(request));
      came++;
      while (waiting.length === 3 || (came >= 20 && waiting.length > 0)) {
        const { tag = 0n, block = new Uint8Array() } = waiting.shift() ?? {};
        const results = new Uint8Array(16);
        new DataView(results.buffer).setBigUint64(8, BigInt(block.length), true);
        stream.write({ results, tag, executed: 0n, failed: [], times: undefined });
      }
    });
    stream.on("end", () => stream.end());
  };
  using server = await serving([MemoryServiceDefinition, { batch }]);
  await using client = await connect(server.target, { discover: false });
  using stream = client.batch({ window: 3 });
  const builder = new BlockBuilder();
  const blocks = function* (): Generator<BlockBuilder> {
    for (let i = 0; i < 20; i++) {
      yield builder.nop(); // one builder for all: each block is longer by a record
    }
  };
  const lengths: bigint[] = [];
  for await (const results of stream.run(blocks())) {
    lengths.push(results.at(0).value);
  }
  assert.deepEqual(lengths, Array.from({ length: 20 }, (_, i) => 16n * BigInt(i + 1)));
  assert.ok(most === 3 && stream.outstanding === 0, `${most} at a time`);
  await assert.rejects(stream.receive(), WindowError);
  [1, 2, 3].forEach(() => stream.send(builder));
  assert.throws(() => stream.send(builder), WindowError);
  stream.close();
  assert.throws(() => stream.send(builder), ClosedError);
  await assert.rejects(stream.receive(), ClosedError);
});

test("a lease ends with the last handle that has it", async () => {
  const asked: HoldRequest[] = [];
  const hold = (stream: ServerDuplexStream<HoldRequest, HoldResponse>): void => {
    stream.on("data", (request: HoldRequest) => {
      asked.push(request);
      stream.write({ heldCount: 1, missing: [], heldFilesCount: 0, missingFiles: [] });
    });
    stream.on("end", () => stream.end());
    stream.on("error", () => undefined);
  };
  // This server has no Exit: a handle that calls it fails.
  using server = await serving([MemoryServiceDefinition, { hold }]);
  await using client = await connect(server.target, { discover: false });
  const [first, second] = [client.use(1n), client.use(1n)];
  await client.waitLease(1n, { timeoutMs: PATIENCE_MS });
  first.detach();
  first.detach(); // it has none any more
  await client.waitLease(1n, { timeoutMs: PATIENCE_MS });
  await second.close();
  client.use(2n);
  await client.waitLease(2n, { timeoutMs: PATIENCE_MS });
  const said = asked.map(({ add, drop }) => [...add, ...drop.map((mm) => -mm)]);
  assert.deepEqual(said, [[1n], [-1n], [2n]]);
  await client.use(3n, { lease: false }).close();
  await client.close();
  await assert.rejects(client.waitLease(2n), ClosedError);
});

test("leases are asked for again, but for one that this client may not have", async () => {
  const asked: HoldRequest[] = [];
  const hold = (stream: ServerDuplexStream<HoldRequest, HoldResponse>): void => {
    stream.on("data", (request: HoldRequest) => {
      asked.push(request);
      if (request.add.includes(7n)) {
        const metadata = new Metadata();
        const info = { reason: "NOT_OWNER", domain: "vmalab", metadata: { mm: "7" } };
        const value = ErrorInfo.encode(info).finish();
        const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value }];
        const raw = encoded(ErrorStatus, { code: 7, message: "", details });
        metadata.set("grpc-status-details-bin", raw);
        const refused = { code: status.PERMISSION_DENIED, details: "no", metadata };
        stream.emit("error", refused);
        return;
      }
      const missing = request.add.filter((mm) => mm === 8n);
      stream.write({ heldCount: 0, missing, heldFilesCount: 0, missingFiles: [] });
    });
    stream.on("end", () => stream.end());
  };
  using server = await serving([MemoryServiceDefinition, { hold }]);
  await using client = await connect(server.target, { discover: false });
  client.use(6n);
  client.use(7n);
  client.use(8n);
  await client.waitLease(6n, { timeoutMs: PATIENCE_MS });
  await assert.rejects(client.waitLease(8n, { timeoutMs: PATIENCE_MS }));
  assert.deepEqual(client.lost, [7n, 8n]);
  assert.deepEqual(asked.at(-1)?.add, [6n, 8n]);
});

test("the end of a client ends the streams that are open", async () => {
  const batch = (stream: ServerDuplexStream<BatchRequest, BatchResponse>): void => {
    stream.on("data", () => undefined); // it never answers
  };
  using server = await serving([MemoryServiceDefinition, { batch }]);
  const client = await connect(server.target, { discover: false });
  const stream = client.batch();
  stream.send(new BlockBuilder().nop());
  const answer = stream.receive();
  await client.close();
  await assert.rejects(answer, CancelledError);
});

test("a window that cannot be is refused, and harms nobody", async () => {
  using server = await serving([MemoryServiceDefinition, {}]);
  await using client = await connect(server.target, { discover: false });
  assert.throws(() => client.batch({ window: 0 }), RangeError);
  await assert.rejects(client.memory.munmap(), InvalidError); // what nobody takes fails the test
});

test("a call may have more time than a clock can count", async () => {
  const info: Answering = (_, answer) => answer(null, GetServerInfoResponse.fromPartial({}));
  using server = await serving([InspectServiceDefinition, { getServerInfo: info }]);
  await using client = await connect(server.target, { discover: false });
  for (const timeoutMs of [2 ** 31, 1e15, Number.MAX_VALUE, Infinity]) {
    await client.inspect.getServerInfo({}, { timeoutMs });
  }
});

test("the answer to its request confirms a lease", async () => {
  const asked: HoldRequest[] = [];
  const answers: (() => void)[] = [];
  const hold = (stream: ServerDuplexStream<HoldRequest, HoldResponse>): void => {
    stream.on("data", (request: HoldRequest) => {
      asked.push(request);
      const missingFiles = request.addFiles.length > 0 && asked.length === 1 ? [5n] : [];
      const answer = { heldCount: 2, missing: [], heldFilesCount: 0, missingFiles };
      answers.push(() => stream.write(answer));
    });
    stream.on("end", () => stream.end());
    stream.on("error", () => undefined);
  };
  const came = async (count: number): Promise<void> => {
    while (asked.length < count) {
      await sleep(5);
    }
  };
  const openFile: Answering = (_, answer) => answer(null, { file: 5n });
  const closeFile: Answering = (_, answer) => answer(null, {});
  using server = await serving([MemoryServiceDefinition, { hold, openFile, closeFile }]);
  await using client = await connect(server.target, { discover: false });
  await client.openFile({ ino: 5n });
  await client.openFile({ ino: 5n });
  await client.closeFile(5n);
  await came(1);
  await client.closeFile(5n);
  await client.openFile({ ino: 5n });
  client.use(1n).detach();
  client.use(2n);
  await came(6);
  answers.slice(0, 5).forEach((answer) => answer());
  await assert.rejects(client.waitLease(2n, { timeoutMs: 300 }), DeadlineError);
  answers[5]?.();
  await client.waitLease(2n, { timeoutMs: PATIENCE_MS });
  await client.closeFile(5n);
  await came(7);
  const files = asked.map(({ addFiles, dropFiles }) => [...addFiles, ...dropFiles.map((f) => -f)]);
  assert.deepEqual(files, [[5n], [-5n], [5n], [], [], [], [-5n]]);
  server[Symbol.dispose]();
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    try {
      await client.waitLease(2n, { timeoutMs: 20 });
    } catch (error) {
      assert.ok(error instanceof DeadlineError);
      return;
    }
    await sleep(20); // a wait that has its answer leaves no time to hear of the end
  }
  assert.fail("the stream is over, and the lease is confirmed");
});
