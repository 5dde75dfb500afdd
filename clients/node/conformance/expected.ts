// SPDX-License-Identifier: Apache-2.0
// What a case expects, and how an answer is compared with it.

import {
  BadBlockError,
  BadCertificateError,
  BadTargetError,
  BadTokenError,
  CallError,
  ClosedError,
  constant,
  FaultError,
  type Result,
  ServiceError,
  UserFaultError,
} from "@vmalab/client";

/** A step of a case: what it does, its arguments and its expectations. */
export type Step = Readonly<Record<string, unknown>>;

/** Fields by name: numbers, texts, lists and tables. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a step gave: what a case may ask of it. */
export interface Answer {
  readonly value?: bigint;
  readonly text?: string;
  readonly names?: readonly string[];
  readonly count?: number;
  readonly values?: readonly bigint[];
  readonly fields?: Fields;
  readonly results?: readonly Result[];
  readonly executed?: bigint;
  readonly places?: readonly number[];
}

/** An answer that is not what the case expects. */
export class Mismatch extends Error {}

export type Variables = Map<string, bigint>;

/** Values as a case shows them. */
export function shown(value: unknown): string {
  const plain = (_: string, one: unknown): unknown =>
    typeof one === "bigint" ? String(one) : one;
  return JSON.stringify(value, plain) ?? "nothing";
}

/** What an expression is: terms with + or | between them. */
export function number(given: unknown, variables: Variables): bigint {
  if (typeof given === "bigint") {
    return BigInt.asUintN(64, given);
  }
  if (typeof given === "number" || typeof given === "boolean") {
    return BigInt.asUintN(64, BigInt(given));
  }
  if (typeof given !== "string") {
    throw new Mismatch(`${shown(given)} is no number`);
  }
  const [first = "", ...rest] = given.split(/\s+([+|])\s+/);
  let total = term(first, variables);
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const value = term(rest[i + 1] ?? "", variables);
    total = rest[i] === "|" ? total | value : total + value;
  }
  return BigInt.asUintN(64, total);
}

function term(text: string, variables: Variables): bigint {
  const found = text.startsWith("$")
    ? variables.get(text.slice(1))
    : /^-?\d/.test(text)
      ? BigInt.asUintN(64, text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text))
      : constant(text);
  if (found === undefined) {
    throw new Mismatch(`there is no constant or variable ${shown(text)}`);
  }
  return found;
}

const LOCALS = [
  [ClosedError, "closed"],
  [BadTargetError, "bad_target"],
  [BadCertificateError, "bad_certificate"],
  [BadTokenError, "bad_token"],
  [BadBlockError, "bad_record"],
] as const;

/** An error of the client in the words of the cases. */
function failure(error: unknown): Fields {
  if (error instanceof CallError) {
    return { errno: BigInt(error.errno) };
  }
  if (error instanceof FaultError) {
    const found = { signal: BigInt(error.signal), si_code: BigInt(error.siCode) };
    return error.pkey === undefined ? found : { ...found, pkey: BigInt(error.pkey) };
  }
  if (error instanceof UserFaultError) {
    return { userfault: BigInt(error.flags) };
  }
  if (error instanceof ServiceError) {
    return { code: error.codeName, reason: error.reason, metadata: error.metadata };
  }
  const local = LOCALS.find(([kind]) => error instanceof kind);
  return local === undefined ? {} : { local: local[1] };
}

const FAILURES = ["errno", "signal", "userfault", "code", "local"];
const PARTS = ["errno", "signal", "si_code", "pkey", "userfault", "code", "reason", "local"];

function wantedFailure(step: Step): string | undefined {
  return FAILURES.find((name) => name in step);
}

/** Compares texts as texts, all else as numbers. */
function same(what: string, wanted: unknown, got: unknown, variables: Variables): void {
  if (typeof got === "string") {
    if (got !== String(wanted)) {
      throw new Mismatch(`${what} is ${shown(got)}, not ${shown(wanted)}`);
    }
  } else if (number(got, variables) !== number(wanted, variables)) {
    throw new Mismatch(`${what} is ${shown(got)}, not ${shown(wanted)}`);
  }
}

export function judgeFailure(step: Step, error: unknown, variables: Variables): void {
  const found = failure(error);
  const wanted = wantedFailure(step);
  if (wanted === undefined || !(wanted in found)) {
    throw new Mismatch(`it failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
  for (const name of PARTS) {
    if (!(name in step) || (name === "pkey" && !("signal" in step))) {
      continue;
    }
    if (!(name in found)) {
      throw new Mismatch(`there is no ${name} in ${shown(found)}`);
    }
    same(name, step[name], found[name], variables);
  }
  const metadata = (found["metadata"] ?? {}) as Fields;
  for (const [name, expected] of Object.entries(table(step, "metadata"))) {
    if (metadata[name] !== expected) {
      throw new Mismatch(`metadata ${name} is ${shown(metadata[name])}, not ${shown(expected)}`);
    }
  }
}

export function table(step: Step, name: string): Fields {
  return (step[name] ?? {}) as Fields;
}

export function list(step: Step, name: string): readonly unknown[] {
  return (step[name] ?? []) as readonly unknown[];
}

export function text(step: Step, name: string, otherwise = ""): string {
  return name in step ? String(step[name]) : otherwise;
}

export function judge(step: Step, got: Answer, variables: Variables): void {
  const wanted = wantedFailure(step);
  if (wanted !== undefined) {
    throw new Mismatch(`it did not fail with ${wanted} ${shown(step[wanted])}`);
  }
  if ("value" in step) {
    same("value", step["value"], got.value ?? 0n, variables);
  }
  if ("value_not" in step && (got.value ?? 0n) === number(step["value_not"], variables)) {
    throw new Mismatch(`value is ${got.value}`);
  }
  if ("text" in step && (got.text ?? "") !== step["text"]) {
    throw new Mismatch(`text is ${shown(got.text)}, not ${shown(step["text"])}`);
  }
  const has = (part: string): boolean =>
    (got.text ?? "").includes(part) || (got.names ?? []).includes(part);
  for (const [key, is] of [["contains", true], ["lacks", false]] as const) {
    for (const part of list(step, key).map(String)) {
      if (has(part) !== is) {
        throw new Mismatch(`${key} ${shown(part)}: ${shown(got.text)} ${shown(got.names)}`);
      }
    }
  }
  const count = BigInt(got.count ?? 0);
  if ("count" in step && count !== number(step["count"], variables)) {
    throw new Mismatch(`count is ${count}, not ${shown(step["count"])}`);
  }
  if ("count_at_least" in step && count < number(step["count_at_least"], variables)) {
    throw new Mismatch(`count is ${count}, not ${shown(step["count_at_least"])} or more`);
  }
  if ("values" in step) {
    const numbers = list(step, "values").map((one) => number(one, variables));
    if (shown(numbers) !== shown(got.values ?? [])) {
      throw new Mismatch(`values are ${shown(got.values)}, not ${shown(numbers)}`);
    }
  }
  judgeFields(step, got.fields ?? {}, variables);
}

/** A field, or one of a table in it: "limits.mms_max". */
function field(fields: Fields, name: string): unknown {
  let found: unknown = fields;
  for (const part of name.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) {
      throw new Mismatch(`there is no field ${name}`);
    }
    found = (found as Fields)[part];
  }
  return found;
}

export function judgeFields(step: Step, fields: Fields, variables: Variables): void {
  for (const kind of ["fields", "fields_not", "fields_at_least", "bits", "lists"]) {
    for (const [name, wanted] of Object.entries(table(step, kind))) {
      judgeField(kind, name, wanted, field(fields, name), variables);
    }
  }
}

function judgeField(
  kind: string,
  name: string,
  wanted: unknown,
  got: unknown,
  variables: Variables,
): void {
  if (kind === "fields") {
    same(name, wanted, got, variables);
    return;
  }
  if (kind === "lists") {
    const missing = (wanted as unknown[]).filter((one) => !(got as unknown[]).includes(one));
    if (missing.length > 0) {
      throw new Mismatch(`${name} has not ${shown(missing)}`);
    }
    return;
  }
  const [found, wants] = [number(got, variables), number(wanted, variables)];
  const good = {
    fields_not: found !== wants,
    fields_at_least: found >= wants,
    bits: (found & wants) === wants,
  };
  if (!good[kind as keyof typeof good]) {
    throw new Mismatch(`${kind}: ${name} is ${shown(got)}, and the case has ${shown(wanted)}`);
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (one) => `_${one.toLowerCase()}`);

/** The fields of a message by their names in the protos; what is not set is left out. */
export function fieldsOf(message: object): Fields {
  const found = Object.entries(message).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found.map(([name, value]) => [snake(name), value]));
}

/** The answer of a list: the first one's fields, and one field of each as its name. */
export function rows(all: readonly object[], name: string): Answer {
  const fields = all.map(fieldsOf);
  return {
    count: all.length,
    fields: fields[0] ?? {},
    names: fields.map((one) => String(one[name])),
  };
}

function judgeResult(wanted: Step, got: Result, variables: Variables): void {
  const check = (values: Readonly<Record<string, bigint>>): void => {
    for (const [name, value] of Object.entries(values)) {
      if (name in wanted) {
        same(name, wanted[name], value, variables);
      }
    }
  };
  if ("errno" in wanted) {
    check({ errno: BigInt(got.errno) });
  } else if ("signal" in wanted) {
    const pkey = BigInt(got.pkey ?? 0);
    check({ signal: BigInt(got.signal), si_code: BigInt(got.siCode), pkey });
  } else if ("userfault" in wanted) {
    if (got.userFault === undefined) {
      throw new Mismatch(`the result ${shown(got)} waits for no userfaultfd`);
    }
    check({ userfault: BigInt(got.userFault) });
  } else if ("status" in wanted) {
    same("status", `STATUS_${String(wanted["status"])}`, BigInt(got.status), variables);
    if ("limit" in wanted) {
      same("limit", `LIMIT_${String(wanted["limit"])}`, BigInt(got.info), variables);
    }
  } else if (!got.ok) {
    throw new Mismatch(`the result is ${shown(got)}`);
  }
  check({ value: got.value });
}

export function judgeBlock(step: Step, got: Answer, variables: Variables): void {
  const results = got.results ?? [];
  if ("executed" in step && got.executed !== number(step["executed"], variables)) {
    throw new Mismatch(`${got.executed} records were executed, not ${shown(step["executed"])}`);
  }
  if ("failed" in step && shown(got.places) !== shown(step["failed"])) {
    throw new Mismatch(`records ${shown(got.places)} failed, not ${shown(step["failed"])}`);
  }
  if ("good" in step) {
    const good = results.filter((one) => one.ok).length;
    if (BigInt(good) !== number(step["good"], variables)) {
      const wanted = shown(step["good"]);
      throw new Mismatch(`${good} of ${results.length} results are good, not ${wanted}`);
    }
  }
  if ("last" in step) {
    const last = results.at(-1);
    if (last === undefined) {
      throw new Mismatch("there is no result");
    }
    judgeResult(table(step, "last"), last, variables);
  }
  if (!("results" in step)) {
    return;
  }
  const wanted = list(step, "results") as readonly Step[];
  if (wanted.length !== results.length) {
    throw new Mismatch(`there are ${results.length} results, not ${wanted.length}`);
  }
  results.forEach((result, place) => {
    const expected = wanted[place] ?? {};
    try {
      judgeResult(expected, result, variables);
    } catch (error) {
      throw new Mismatch(`record ${place}: ${(error as Error).message}`);
    }
    if ("save" in expected) {
      variables.set(String(expected["save"]), result.value);
    }
  });
}
