// SPDX-License-Identifier: Apache-2.0
// A whole small program: it maps memory, shares it with a child by fork, fills it with a block of a
// thousand stores, and reads the errors that an emulated program would get.
//
// usage: main.js HOST:PORT

import {
  type AddressSpace,
  BlockBuilder,
  CallError,
  type Client,
  connect,
  FaultError,
  NoSuchAddressSpaceError,
  PAGE_BYTES,
} from "@vmalab/client";

const PAGES = 1000n;

async function run(target: string): Promise<void> {
  await using client = await connect(target);
  await using space = await client.createAddressSpace();
  const addr = await space.map(PAGES * PAGE_BYTES);
  await fill(client, space, addr);

  await using child = await space.fork();
  await child.store(addr, 1n);
  console.log(`after fork: parent ${await space.load(addr)}, child ${await child.load(addr)}`);
  await refused(space, addr);
}

/** Stores a word in each page, with one block. */
async function fill(client: Client, space: AddressSpace, addr: bigint): Promise<void> {
  const block = new BlockBuilder();
  for (let page = 0n; page < PAGES; page++) {
    block.faultStore(space.mm, addr + page * PAGE_BYTES, 100n + page);
  }
  const results = await client.apply(block);
  let good = 0;
  while (results.next()) {
    good += results.ok ? 1 : 0;
  }
  console.log(`block: ${good} of ${results.length} stores`);
}

/** Shows the three kinds of errors. */
async function refused(space: AddressSpace, addr: bigint): Promise<void> {
  const odd = await caught(space.munmap(addr + 1n, PAGE_BYTES));
  const isEinval = odd instanceof CallError && odd.code === "EINVAL";
  console.log(`munmap at an odd address: EINVAL ${isEinval}`);
  await space.munmap(addr, PAGES * PAGE_BYTES);
  const fault = await caught(space.load(addr));
  const isSegv = fault instanceof FaultError && fault.signalName === "SIGSEGV";
  console.log(`load of what is gone: SIGSEGV ${isSegv}`);
  await space.exit();
  const gone = await caught(space.load(addr));
  console.log(`after exit: no such address space ${gone instanceof NoSuchAddressSpaceError}`);
}

async function caught(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const [target] = process.argv.slice(2);
if (target === undefined) {
  console.error("usage: main.js HOST:PORT");
  process.exitCode = 2;
} else {
  await run(target);
}
