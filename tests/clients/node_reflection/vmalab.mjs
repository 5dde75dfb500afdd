// SPDX-License-Identifier: Apache-2.0
//
// A generic gRPC client: it has no proto of vmalab. It asks the server for its services and builds
// the calls from the descriptors that come back.
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const OPTIONS = { keepCase: true, longs: BigInt, enums: String, defaults: true, oneofs: true };
const DEADLINE_MS = 20_000;

const plain = grpc.credentials.createInsecure();

function deadline() {
  return new Date(Date.now() + DEADLINE_MS);
}

/** Asks the server for its services and for the files of the one named `wanted`. */
function reflect(target, wanted) {
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

/** The services that the server has, and a client of vmalab's `service`. */
export async function connect(target, service) {
  const { services, files } = await reflect(target, `vmalab.v1.${service}`);
  const definition = loader.loadFileDescriptorSetFromBuffer(fileDescriptorSet(files), OPTIONS);
  const { [service]: Client } = grpc.loadPackageDefinition(definition).vmalab.v1;
  return { services, client: new Client(target, plain) };
}

export function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, { deadline: deadline() }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

/** What a refusal says: its code, and its details with the google.rpc.ErrorInfo in them. */
export function refusal(error) {
  return {
    code: grpc.status[error.code],
    message: error.details,
    details: error.metadata.get("grpc-status-details-bin")[0]?.toString("latin1") ?? "",
  };
}

export function print(report) {
  const shown = (key, value) => (typeof value === "bigint" ? value.toString() : value);
  console.log(JSON.stringify(report, shown));
}
