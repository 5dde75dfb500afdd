// SPDX-License-Identifier: Apache-2.0
// A first call: an address space, a mapping, a store and a load. usage: node first.mjs HOST:PORT
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const folder = dirname(fileURLToPath(import.meta.url));
const definition = loader.loadSync(
  ["vmalab/v1/memory.proto", "vmalab/v1/constants.proto"],
  { includeDirs: [folder], keepCase: true, longs: String, enums: String, defaults: true },
);
const { vmalab } = grpc.loadPackageDefinition(definition);
const number = (name, key) => vmalab.v1[name].type.value.find((one) => one.name === key).number;
const READ = number("ProtFlag", "PROT_FLAG_READ");
const WRITE = number("ProtFlag", "PROT_FLAG_WRITE");
const PRIVATE = number("MapFlag", "MAP_FLAG_PRIVATE");
const ANONYMOUS = number("MapFlag", "MAP_FLAG_ANONYMOUS");

const stub = new vmalab.v1.MemoryService(process.argv[2], grpc.credentials.createInsecure());
const call = (method, request) =>
  new Promise((done, failed) => {
    stub[method](request, (error, answer) => (error ? failed(error) : done(answer)));
  });

const { mm } = await call("CreateAddressSpace", {});
const flags = PRIVATE | ANONYMOUS;
const { addr } = await call("Mmap", { mm, length: 1 << 20, prot: READ | WRITE, flags });
await call("Fault", { mm, addr, access: "ACCESS_WRITE", word: "42" });
const { word } = await call("Fault", { mm, addr, access: "ACCESS_READ" });
console.log(`address space ${mm}: ${word} at 0x${BigInt(addr).toString(16)}`);
await call("Exit", { mm });
stub.close();
