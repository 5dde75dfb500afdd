// SPDX-License-Identifier: Apache-2.0

// One half of a race between two processes: an object is freed and used again between the walk of a
// fault and its lock. main.go is the same in Go; any two of them go together.
//
// usage: node race.mjs read HOST:PORT [MUTANT]    pauses a fault behind its walk, and waits
//        node race.mjs reuse HOST:PORT A B        uses the object again, and releases the fault
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const POINT = "walked"; // the walk of the tree found the VMA; it is not locked yet
const ADDR = 0x1000_0000n;
const PAGE = 4096n;
const OVER = 1n; // a word in the second address space: the fault is answered
const RW = 3; // PROT_READ | PROT_WRITE
const FIXED = 0x32; // MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
const SIGSEGV = 11;

const [role, target, ...rest] = process.argv.slice(2);
const definition = loader.loadSync(
  ["memory", "lab", "inspect"].map((name) => `vmalab/v1/${name}.proto`),
  {
    includeDirs: [fileURLToPath(new URL("../../protos", import.meta.url))],
    keepCase: true,
    longs: BigInt,
    enums: String,
    defaults: true,
  },
);
const { MemoryService, LabService, InspectService } =
  grpc.loadPackageDefinition(definition).vmalab.v1;

/** The methods of a service as functions that return promises. */
function promising(client) {
  const call = (method, request) =>
    new Promise((resolve, reject) =>
      client[method](request, { deadline: Date.now() + 600_000 }, (error, answer) =>
        error ? reject(error) : resolve(answer),
      ),
    );
  return new Proxy({}, { get: (_, method) => (request = {}) => call(method, request) });
}

const plain = grpc.credentials.createInsecure();
const memory = promising(new MemoryService(target, plain));
const lab = promising(new LabService(target, plain));
const inspect = promising(new InspectService(target, plain));

const load = (mm) => memory.Fault({ mm, addr: ADDR, access: "ACCESS_READ" });
const store = (mm, word) => memory.Fault({ mm, addr: ADDR, access: "ACCESS_WRITE", word });

/** Walks every invariant of the instance. */
async function verdict() {
  const { problems } = await inspect.Fsck({ stop: true });
  const text = problems.length === 0 ? "sound" : `broken: ${problems.join("; ")}`;
  console.log(`verdict: ${text}`);
}

/** A record of a block: the operation, its address space, and words of 64 bits. */
function record(op, mm, ...words) {
  const bytes = Buffer.alloc(16 + 8 * words.length);
  bytes.writeUInt8(op, 0);
  bytes.writeUInt8(2 + words.length, 1);
  bytes.writeBigUInt64LE(mm, 8);
  words.forEach((word, i) => bytes.writeBigUInt64LE(word, 16 + 8 * i));
  return bytes;
}

async function read(mutants) {
  await lab.SetMutants({ names: mutants });
  const { mm: a } = await memory.CreateAddressSpace({ ttl_ms: 600_000 });
  const { mm: b } = await memory.CreateAddressSpace({ ttl_ms: 600_000 });
  await memory.Mmap({ mm: a, addr: ADDR, length: PAGE, prot: RW, flags: FIXED });
  await store(a, 7n);
  await lab.ArmPoint({ point: POINT, mm: a, count: 1, hold_ms: 60_000 });
  const loading = load(a);
  const { holders } = await lab.WaitPoint({ point: POINT, timeout_ms: 60_000 });
  if (holders.length !== 1) throw new Error(`nobody came to ${POINT}`);
  console.log(`paused at ${POINT}; now: reuse ${target} ${a} ${b}`);

  const loaded = await loading;
  if (loaded.signal !== 0 && loaded.signal !== SIGSEGV) throw new Error(`signal ${loaded.signal}`);
  console.log(`read: ${loaded.signal === SIGSEGV ? "SIGSEGV" : `word ${loaded.word}`}`);
  await store(b, OVER);
  await verdict();
  // The other process unmaps the page when it has seen the verdict too.
  while ((await load(b)).signal === 0) await sleep(20);
  await memory.Exit({ mm: a });
  await memory.Exit({ mm: b });
  await lab.SetMutants({ names: [] });
}

/**
 * Unmaps the page of the paused fault, and maps one in the other address space. Both are records of
 * one block, so one thread of the server does them, and takes the object that it freed.
 */
async function reuse(a, b) {
  const { holders } = await lab.WaitPoint({ point: POINT });
  if (holders.length !== 1 || holders[0].mm !== a)
    throw new Error(`no fault of address space ${a} is paused at ${POINT}`);
  const [munmap, mmap] = [3, 2];
  const protAndFlags = BigInt(RW) | (BigInt(FIXED) << 32n);
  const block = Buffer.concat([
    record(munmap, a, ADDR, PAGE),
    record(mmap, b, ADDR, PAGE, protAndFlags, 0n, 0n),
  ]);
  const { results } = await memory.Apply({ block });
  for (let at = 0; at < results.length; at += 16)
    if (results.readInt32LE(at) !== 0) throw new Error(`status ${results.readInt32LE(at)}`);
  await lab.ReleasePoint({ point: POINT, disarm: true });
  console.log("used again, and released");

  while ((await load(b)).word !== OVER) await sleep(20);
  await verdict();
  await memory.Munmap({ mm: b, addr: ADDR, length: PAGE });
}

if (role === "read" && target && rest.length <= 1) await read(rest);
else if (role === "reuse" && rest.length === 2) await reuse(BigInt(rest[0]), BigInt(rest[1]));
else {
  console.error("usage: race.mjs read HOST:PORT [MUTANT], race.mjs reuse HOST:PORT A B");
  process.exit(2);
}
process.exit(0);
