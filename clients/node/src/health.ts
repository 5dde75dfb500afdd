// SPDX-License-Identifier: Apache-2.0
// The unary call of grpc.health.v1, which has a field on each side: no proto of it is at hand.

import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

import type { MessageType } from "./services.js";

/** The call that asks for the health of a service. */
export const HEALTH_PATH = "/grpc.health.v1.Health/Check";
const TAG_OF_SERVICE = (1 << 3) | 2;
const TAG_OF_STATUS = 1 << 3;
const NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

/** How a service is: "SERVING" is good. */
export type Health = (typeof NAMES)[number];

/** HealthCheckRequest: the service, field 1. */
export const HealthRequest: MessageType<{ service: string }> = {
  encode: ({ service }) => {
    const writer = new BinaryWriter();
    return service ? writer.uint32(TAG_OF_SERVICE).string(service) : writer;
  },
  decode: () => ({ service: "" }),
  fromPartial: (object) => object as { service: string },
};

/** HealthCheckResponse: the status, field 1. */
export const HealthAnswer: MessageType<{ health: Health }> = {
  encode: () => new BinaryWriter(),
  decode: (input) => {
    const reader = new BinaryReader(input);
    let health: Health = "UNKNOWN";
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === TAG_OF_STATUS) {
        health = NAMES[reader.int32()] ?? "UNKNOWN";
      } else {
        reader.skip(tag & 7);
      }
    }
    return { health };
  },
  fromPartial: (object) => object as { health: Health },
};
