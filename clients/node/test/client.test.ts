// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Metadata, type ServiceError as GrpcError, status } from "@grpc/grpc-js";
import {
  BadCertificateError,
  BadTargetError,
  BadTokenError,
  CallError,
  CancelledError,
  connect,
  constant,
  constants,
  DeadlineError,
  InvalidError,
  LimitError,
  MAP_FIXED_NOREPLACE,
  NoSuchAddressSpaceError,
  ServiceError,
  UnavailableError,
} from "@vmalab/client";

import { encoded } from "../src/caller.js";
import { blockError, serviceError } from "../src/errors.js";
import { complaint } from "../src/handshake.js";
import { HealthAnswer, HealthRequest } from "../src/health.js";
import { checkToken } from "../src/options.js";
import { ErrorInfo, ErrorStatus } from "../src/pb/vmalab/v1/errors.js";
import { MunmapRequest } from "../src/pb/vmalab/v1/memory.js";
import { succeeded } from "../src/space_base.js";
import { checkTarget } from "../src/target.js";
import { version } from "../src/version.js";

const NOBODY = "127.0.0.1:1";

function grpcError(
  code: status,
  reason?: string,
  metadata: Record<string, string> = {},
): GrpcError {
  const trailers = new Metadata();
  if (reason !== undefined) {
    const info = ErrorInfo.encode({ reason, domain: "vmalab", metadata }).finish();
    const detail = { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info };
    const raw = ErrorStatus.encode({ code, message: "no", details: [detail] }).finish();
    trailers.set("grpc-status-details-bin", Buffer.from(raw));
  }
  return Object.assign(new Error("no"), { code, details: "no", metadata: trailers });
}

test("targets", () => {
  for (const good of ["127.0.0.1:7420", "[::1]:7420", "example.org:1", "unix:/run/a.sock"]) {
    checkTarget(good);
  }
  const bad = ["", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", ":7420", "unix:", "a b:1"];
  const odd = ["[localhost]:1", "[127.0.0.1]:1", "[::1:1", "a,b:1", "a\n:1", "127.0.0.1:+1"];
  const more = ["http://a:1", "::1:7420", "[::1]", "a:1,b:2", "a:-1", "a:1e3"];
  for (const target of [...bad, ...odd, ...more]) {
    assert.throws(() => checkTarget(target), BadTargetError, target);
  }
});

test("a token stays on this machine, or goes over TLS", () => {
  const token = "secret";
  for (const target of ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/a"]) {
    checkToken({ token }, [target]);
  }
  for (const target of ["192.0.2.1:1", "[2001:db8::1]:1", "127.evil.org:1", "localhost.org:1"]) {
    assert.throws(() => checkToken({ token }, [NOBODY, target]), BadTokenError, target);
    checkToken({ token, rootCertificates: "" }, [target]);
    checkToken({}, [target]);
  }
  for (const odd of ["a\nb: c", "secr\u00e9t", "tab\t"]) {
    assert.throws(() => checkToken({ token: odd }, [NOBODY]), BadTokenError);
  }
});

test("certificates that are none", async () => {
  const cases = [
    { rootCertificates: "none" },
    { rootCertificates: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
    { clientCertificate: { certificate: "", key: "" } },
  ];
  for (const options of cases) {
    await assert.rejects(connect(NOBODY, options), BadCertificateError);
  }
});

test("ErrorInfo is decoded", () => {
  const gone = serviceError(grpcError(status.NOT_FOUND, "NO_SUCH_MM", { mm: "7" }));
  assert.ok(gone instanceof NoSuchAddressSpaceError);
  assert.deepEqual([gone.reason, gone.codeName], ["NO_SUCH_MM", "NOT_FOUND"]);
  assert.deepEqual(gone.metadata, { mm: "7" });
  assert.equal(serviceError(gone), gone);
  const other = serviceError(grpcError(status.NOT_FOUND));
  assert.ok(other instanceof ServiceError && !(other instanceof NoSuchAddressSpaceError));
  assert.equal(other.reason, "");
  assert.ok(serviceError(grpcError(status.RESOURCE_EXHAUSTED)) instanceof LimitError);
  assert.ok(serviceError(grpcError(status.DEADLINE_EXCEEDED)) instanceof DeadlineError);
  const garbled = grpcError(status.INTERNAL);
  garbled.metadata.set("grpc-status-details-bin", Buffer.from([0xff, 0xff, 0xff]));
  assert.equal((serviceError(garbled) as ServiceError).code, status.INTERNAL);
});

test("a block that no message holds has a reason", () => {
  const text = "SERVER: Received message larger than max (9600008 vs. 8388608)";
  const refused = { code: status.RESOURCE_EXHAUSTED, details: text };
  const found = blockError(serviceError(Object.assign(grpcError(0), refused)));
  assert.ok(found instanceof InvalidError);
  assert.equal(found.reason, "BLOCK_TOO_BIG");
  const other = serviceError(grpcError(status.RESOURCE_EXHAUSTED));
  assert.equal(blockError(other), other);
});

test("a word that is missing is not stored", async () => {
  await using client = await connect(NOBODY, { discover: false });
  const space = client.use(1n, { lease: false });
  await assert.rejects(space.store(0n, undefined as unknown as bigint), TypeError);
});

test("an errno is an error with its name", () => {
  succeeded("mmap", { errnoCode: 0, errnoName: "" });
  const wanted = { name: "CallError", call: "mmap", errno: 12, code: "ENOMEM" };
  assert.throws(() => succeeded("mmap", { errnoCode: 12, errnoName: "ENOMEM" }), wanted);
  assert.ok(new CallError("mmap", 12, "ENOMEM") instanceof Error);
});

test("a number that does not fit is not sent", () => {
  const request = { mm: 1n, addr: 0n, length: 4096n };
  assert.equal(encoded(MunmapRequest, { ...request, mm: 2n ** 64n - 1n }).length, 14);
  assert.throws(() => encoded(MunmapRequest, { ...request, addr: 2n ** 64n }), RangeError);
  assert.throws(() => encoded(MunmapRequest, { ...request, addr: -1n }), RangeError);
});

test("the handshake complains of what is too old", () => {
  const cases = [
    ["1.2.0", "0.9", "0.9.0", ""],
    ["1.2.0", "0.9", "0.10", ""],
    ["1.2.0", "0.9", "0.8.9", "this client is 0.8.9"],
    ["0.0.9", "", "1.0", "run a newer one"],
    ["0", "", "0.1.0", ""],
    ["", "", "0.1.0", ""],
  ] as const;
  for (const [server, oldestClient, mine, said] of cases) {
    const got = complaint({ version: server, oldestClient }, mine);
    assert.ok(said === "" ? got === "" : got.includes(said), `${server} ${oldestClient}: ${got}`);
  }
});

test("the version is that of the package", () => {
  const page = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  assert.equal((JSON.parse(page) as { version: string }).version, version.client);
});

test("health is decoded", () => {
  assert.equal(HealthAnswer.decode(Uint8Array.from([0x08, 1])).health, "SERVING");
  assert.equal(HealthAnswer.decode(Uint8Array.from([0x12, 1, 65, 0x08, 2])).health, "NOT_SERVING");
  assert.equal(HealthAnswer.decode(new Uint8Array()).health, "UNKNOWN");
  const raw = Buffer.from(HealthRequest.encode({ service: "a.B" }).finish());
  assert.equal(raw.toString("hex"), "0a03612e42");
});

test("constants have their names", () => {
  assert.equal(constants.MAP_FIXED_NOREPLACE, MAP_FIXED_NOREPLACE);
  assert.equal(constant("MAP_FIXED_NOREPLACE"), BigInt(MAP_FIXED_NOREPLACE));
  assert.equal(constant("STATUS_NO_SUCH_MM"), 2n ** 64n - 1001n);
  assert.equal(constant("RLIM_INFINITY"), 2n ** 64n - 1n);
  assert.equal(constant("NO_SUCH_CONSTANT"), undefined);
  assert.equal(constant("toString"), undefined);
});

test("nobody is there", async () => {
  await assert.rejects(connect(NOBODY), UnavailableError);
  await assert.rejects(connect([]), BadTargetError);
  await assert.rejects(connect(NOBODY, { timeoutMs: NaN }), RangeError);
  await assert.rejects(connect(NOBODY, { timeoutMs: -1 }), RangeError);
});

test("a signal that was aborted before is a cancelled call", async () => {
  await using client = await connect(NOBODY, { discover: false });
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const wanted = (error: unknown): boolean =>
    error instanceof CancelledError && error.cause === reason;
  await assert.rejects(client.memory.exit({ mm: 1n }, { signal }), wanted);
  assert.throws(() => client.batch({ signal }), wanted);
});
