// SPDX-License-Identifier: Apache-2.0
//
// A generic gRPC client: it has no proto of vmalab. It asks the server for its services, builds the
// calls from the descriptors that come back, maps memory, touches it and unmaps it.
//
// usage: node client.mjs HOST:PORT        prints one JSON object; exit code 0: all calls answered
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const OPTIONS = { keepCase: true, longs: BigInt, enums: String, defaults: true, oneofs: true };
const DEADLINE_MS = 20_000;

const target = process.argv[2];
const plain = grpc.credentials.createInsecure();

function deadline() {
  return new Date(Date.now() + DEADLINE_MS);
}

/** Asks the server for its services and for the files of the one named `wanted`. */
function reflect(wanted) {
  const path = fileURLToPath(new URL("reflection.proto", import.meta.url));
  const { ServerReflection } = grpc.loadPackageDefinition(loader.loadSync(path, OPTIONS)).grpc
    .reflection.v1;
  const client = new ServerReflection(target, plain);
  return new Promise((resolve, reject) => {
    const stream = client.ServerReflectionInfo({ deadline: deadline() });
    const found = { services: [], files: [] };
    stream.on("error", reject);
    stream.on("data", (answer) => {
      if (answer.error_response) {
        reject(new Error(answer.error_response.error_message));
      } else if (answer.list_services_response) {
        found.services = answer.list_services_response.service.map((entry) => entry.name);
        stream.write({ file_containing_symbol: wanted });
      } else {
        found.files = answer.file_descriptor_response.file_descriptor_proto;
        stream.end();
      }
    });
    stream.on("end", () => {
      client.close();
      resolve(found);
    });
    stream.write({ list_services: "" });
  });
}

/** A FileDescriptorSet is a message whose field 1 holds the files, one after the other. */
function fileDescriptorSet(files) {
  const parts = [];
  for (const file of files) {
    const head = [0x0a];
    for (let length = file.length; ; length >>>= 7) {
      head.push(length > 0x7f ? (length & 0x7f) | 0x80 : length);
      if (length <= 0x7f) break;
    }
    parts.push(Buffer.from(head), file);
  }
  return Buffer.concat(parts);
}

function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, { deadline: deadline() }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function main() {
  const { services, files } = await reflect("vmalab.v1.MemoryService");
  const set = fileDescriptorSet(files);
  const definition = loader.loadFileDescriptorSetFromBuffer(set, OPTIONS);
  const { MemoryService } = grpc.loadPackageDefinition(definition).vmalab.v1;
  const client = new MemoryService(target, plain);

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
  const gone = await call(client, "Fault", { mm, addr: 0 }).catch((error) => ({
    code: grpc.status[error.code],
    details: error.metadata.get("grpc-status-details-bin")[0]?.toString("latin1") ?? "",
  }));
  client.close();
  const report = { services, mapped, written, read, unmapped, refused, lost, gone };
  const shown = (key, value) => (typeof value === "bigint" ? value.toString() : value);
  console.log(JSON.stringify(report, shown));
}

await main();
