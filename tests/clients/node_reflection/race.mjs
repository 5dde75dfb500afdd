// SPDX-License-Identifier: Apache-2.0
//
// Scripts the fork corruption of Linux 6.4.0 over gRPC: a fork is held when the low page is copied
// and the high one is not; a writer writes the low page, then the high one. On the intact core it
// waits for the fork. With mutant fork_parent_unlocked it goes on, and the child has its second word without its first.
//
// usage: node race.mjs HOST:PORT        prints one JSON object; exit code 0: all calls answered
import { setTimeout as sleep } from "node:timers/promises";

import { call, connect, print } from "./vmalab.mjs";

const PAGE = 4096n;
const POINT = "fork_copied";
const PATIENCE_MS = 10_000;

const target = process.argv[2];
const { services, client: memory } = await connect(target, "MemoryService");
const { client: lab } = await connect(target, "LabService");
const { client: inspect } = await connect(target, "InspectService");

async function write(mm, addr, word) {
  const { signal } = await call(memory, "Fault", { mm, addr, access: "ACCESS_WRITE", word });
  if (signal !== 0) throw new Error(`signal ${signal} at ${addr}`);
}

async function read(mm, addr) {
  return (await call(memory, "Fault", { mm, addr, access: "ACCESS_READ" })).word;
}

/** Whether somebody sleeps on the mmap_lock of the address space. */
async function waits(mm) {
  const { locks } = await call(inspect, "ListLocks", {});
  return locks.some((lock) => lock.mm === mm && lock.state === "waiting");
}

async function race(names) {
  await call(lab, "SetMutants", { names });
  const { mm } = await call(memory, "CreateAddressSpace", {});
  const { addr: low } = await call(memory, "Mmap", { mm, length: 3n * PAGE, prot: 3, flags: 0x22 });
  const high = low + 2n * PAGE;
  await call(memory, "Munmap", { mm, addr: low + PAGE, length: PAGE });
  await write(mm, low, 7n);
  await write(mm, high, 7n);

  await call(lab, "ArmPoint", { point: POINT, mm, count: 1 });
  const fork = call(memory, "ForkAddressSpace", { mm });
  const { holders } = await call(lab, "WaitPoint", { point: POINT, timeout_ms: PATIENCE_MS });

  let done = false;
  const writer = (async () => {
    await write(mm, low, 8n);
    await write(mm, high, 9n);
    done = true;
  })();
  const end = Date.now() + PATIENCE_MS;
  while (!done && !(await waits(mm))) {
    if (Date.now() > end) throw new Error("the writer neither writes nor waits");
    await sleep(5);
  }
  const went_on = done;
  const { released } = await call(lab, "ReleasePoint", { point: POINT });
  await writer;
  const { mm: child } = await fork;
  const words = [await read(child, low), await read(child, high)];
  await call(memory, "Exit", { mm: child });
  await call(memory, "Exit", { mm });
  await call(lab, "SetMutants", { names: [] });
  return { holders: holders.map(({ mm: of, op }) => [of === mm, op]), went_on, released, words };
}

async function main() {
  const { mutants } = await call(lab, "ListMutants", {});
  const intact = await race([]);
  const mutant = await race(["fork_parent_unlocked"]);
  const scenario = { name: "fork-under-faults", lock_model: "typesafe-rwsem" };
  const named = await call(lab, "RunScenario", { ...scenario, mutant: "fork_parent_unlocked" });
  const passed = await call(lab, "RunScenario", { ...scenario, schedules: 50 });
  const nobody = await call(lab, "WaitPoint", { point: POINT, timeout_ms: 20 });
  for (const client of [memory, lab, inspect]) client.close();
  print({ services, mutants, intact, mutant, named, passed, nobody });
}

await main();
