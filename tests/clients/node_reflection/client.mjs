// SPDX-License-Identifier: Apache-2.0
//
// Maps memory, touches it and unmaps it, knowing the service from reflection alone.
//
// usage: node client.mjs HOST:PORT        prints one JSON object; exit code 0: all calls answered
import { call, connect, print, refusal } from "./vmalab.mjs";

async function main() {
  const { services, client } = await connect(process.argv[2], "MemoryService");

  const { mm } = await call(client, "CreateAddressSpace", {});
  const mapped = await call(client, "Mmap", { mm, length: 8192, prot: 3, flags: 0x22 });
  const written = await call(client, "Fault", {
    mm,
    addr: mapped.addr,
    access: "ACCESS_WRITE",
    word: 0xfedcba9876543210n,
  });
  const read = await call(client, "Fault", { mm, addr: mapped.addr, access: "ACCESS_READ" });
  const unmapped = await call(client, "Munmap", { mm, addr: mapped.addr, length: 8192 });
  const refused = await call(client, "Munmap", { mm, addr: 1, length: 1 });
  const lost = await call(client, "Fault", { mm, addr: mapped.addr, access: "ACCESS_READ" });
  await call(client, "Exit", { mm });
  const gone = await call(client, "Fault", { mm, addr: 0 }).catch(refusal);
  client.close();
  print({ services, mapped, written, read, unmapped, refused, lost, gone });
}

await main();
