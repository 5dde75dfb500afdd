// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import test from "node:test";

import {
  BadBlockError,
  BlockBuilder,
  FAULT_INFO_VMA_LOCK,
  FAULT_READ,
  FAULTS_MAX,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  NAME_BYTES_MAX,
  PKRU_START,
  PROT_READ,
  PROT_WRITE,
  Results,
  SEGV_PKUERR,
} from "@vmalab/client";

import { MessageMaker } from "../src/message.js";
import { BatchRequest } from "../src/pb/vmalab/v1/memory.js";

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("a block is the example of docs/block-format.md, byte by byte", () => {
  const block = new BlockBuilder();
  const prot = PROT_READ | PROT_WRITE;
  block.mmap(0x10001n, 0x20000000n, 4096n, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS);
  block.faultStore(0x10001n, 0x20000000n, 42n);
  const wanted = [
    "0207000000000000 0100010000000000 0000002000000000 0010000000000000",
    "0300000032000000 0000000000000000 0000000000000000",
    "0104050000000000 0100010000000000 0000002000000000 2a00000000000000",
  ];
  assert.equal(hex(block.bytes), wanted.join("").replaceAll(" ", ""));
  assert.equal(block.length, 2);
});

test("PKRU is the last word of records that take it", () => {
  const block = new BlockBuilder();
  block.pkru = PKRU_START;
  assert.equal(block.munmap(1n, 0n, 4096n).bytes.length, 32);
  const record = block.fault(1n, 0n, FAULT_READ).bytes.subarray(32);
  assert.deepEqual([record.length, record[1], record[3]], [32, 4, 0x80]);
  assert.equal(hex(record.subarray(24)), "5455555500000000");
});

test("faults are split into records, with 64 bits of each address", () => {
  const block = new BlockBuilder();
  const addrs = Array.from({ length: FAULTS_MAX + 1 }, () => U64_MAX);
  block.faults(1n, addrs);
  assert.equal(block.length, FAULTS_MAX + 1);
  assert.equal(block.bytes.length, 8 * (2 * 2 + FAULTS_MAX + 1));
  assert.equal(hex(block.bytes.subarray(-8)), "ffffffffffffffff");
});

test("what cannot be is not added", () => {
  const block = new BlockBuilder().nop();
  const bad: (() => unknown)[] = [
    () => block.setVmaName(1n, 0n, 4096n, "x".repeat(NAME_BYTES_MAX + 1)),
    () => block.setVmaName(1n, 0n, 4096n, "ü".repeat(40)),
    () => block.munmap(1n, U64_MAX + 1n, 4096n),
    () => block.munmap(-1n, 0n, 4096n),
    () => block.mprotect(1n, 0n, 4096n, 2 ** 32),
    () => block.mprotect(1n, 0n, 4096n, -1),
    () => block.mprotect(1n, 0n, 4096n, 0.5),
    () => block.mprotect(1n, 0n, 4096n, NaN),
    () => block.fault(1n, 0n, 2 ** 16),
    () => block.fault(1n, 0n, -1),
    () => block.pkeyFree(1n, 2 ** 31),
    () => block.faults(1n, [...Array.from({ length: FAULTS_MAX }, () => 0n), -1n]),
    () => block.processMadvise(1n, 0, false, [{ addr: 0n, length: -1n }]),
  ];
  for (const record of bad) {
    assert.throws(record, BadBlockError, String(record));
  }
  assert.deepEqual([block.length, block.bytes.length], [1, 16]);
  assert.equal(hex(block.setVmaName(1n, 0n, 4096n, "heap").bytes.subarray(48)), "6865617000000000");
  assert.equal(hex(block.reset().pkeyFree(1n, -1).bytes.subarray(16)), "ffffffffffffffff");
});

test("a message of a stream is a BatchRequest, in memory whose answer has come", () => {
  const maker = new MessageMaker();
  const blocks = [300, 5, 0, 70_000].map((length, i) => new Uint8Array(length).fill(i + 1));
  const made = blocks.map((block, i) => maker.made(block, BigInt(i) << 40n, i % 2 === 1));
  made.forEach((message, i) => {
    const { block, tag, failedOnly } = BatchRequest.decode(message);
    assert.equal(block.length, blocks[i]?.length);
    assert.deepEqual([tag, failedOnly], [BigInt(i) << 40n, i % 2 === 1]);
    assert.ok(block.every((byte) => byte === i + 1));
  });
  maker.answered();
  assert.equal(maker.made(new Uint8Array(290), 1n, false).buffer, made[0]?.buffer);
  assert.notEqual(maker.made(new Uint8Array(1), 1n, false).buffer, made[1]?.buffer);
});

test("a block grows", () => {
  const block = new BlockBuilder();
  for (let i = 0n; i < 10_000n; i++) {
    block.fault(1n, i, FAULT_READ);
  }
  const { bytes } = block;
  assert.equal(bytes.length, 240_000);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const place of [0, 169, 170, 5000, 9999]) {
    assert.equal(view.getBigUint64(24 * place + 16, true), BigInt(place));
  }
});

test("results are read with a cursor", () => {
  const raw = Buffer.from(
    "00000000000100002a00000000000000" + // a load under the VMA lock
      "eaffffff000000000000000000000000" + // EINVAL
      "0b0000000400100000000000000000ff", // SIGSEGV, SEGV_PKUERR, key 1
    "hex",
  );
  const results = new Results(raw);
  assert.equal(results.length, 3);
  assert.ok(results.next() && results.ok);
  assert.deepEqual([results.value, results.info], [42n, FAULT_INFO_VMA_LOCK]);
  assert.ok(results.next() && !results.ok);
  assert.deepEqual([results.result.errno, results.result.signal], [22, 0]);
  assert.ok(results.next());
  const { signal, siCode, pkey, value, errno } = results.result;
  assert.deepEqual([signal, siCode, pkey, errno], [11, SEGV_PKUERR, 1, 0]);
  assert.equal(value, 0xff00_0000_0000_0000n);
  assert.ok(!results.next() && !results.next());
  assert.deepEqual([...results].map((one) => one.status), [0, -22, 11]);
  assert.ok(results.rewind().next() && results.value === 42n);
  assert.throws(() => new Results(raw.subarray(1)), BadBlockError);
  assert.throws(() => results.at(3), RangeError);
});
