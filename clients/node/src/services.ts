// SPDX-License-Identifier: Apache-2.0

import type { Caller } from "./caller.js";

/** What may be said of a single call. */
export interface CallOptions {
  /** Cancels the call when it is aborted. */
  readonly signal?: AbortSignal;
  /** Bounds the call, in milliseconds; 0: nothing does. By default that of the client. */
  readonly timeoutMs?: number;
}

/** A kind of messages, as the generated code has it. */
export interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
  fromPartial(object: object): T;
}

/** A service, as the generated code has it. */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly requestType: unknown;
        readonly requestStream: boolean;
        readonly responseType: unknown;
        readonly responseStream: boolean;
      }
    >
  >;
}

type Builtin = bigint | boolean | number | string | Uint8Array | undefined;

/** A message of which each field may be left out. */
export type Partly<T> = T extends Builtin
  ? T
  : T extends readonly (infer U)[]
    ? readonly Partly<U>[]
    : { readonly [K in keyof T]?: Partly<T[K]> };

type Decoded<M> = M extends { decode(input: Uint8Array): infer T } ? T : never;
type Methods<D extends ServiceDefinition> = D["methods"];
type Unary<D extends ServiceDefinition> = {
  [K in keyof Methods<D>]: Methods<D>[K] extends { requestStream: false; responseStream: false }
    ? K
    : never;
}[keyof Methods<D>];

/** The unary calls of a service, each a function; a field that the request leaves out is 0. */
export type Service<D extends ServiceDefinition> = {
  readonly [K in Unary<D>]: (
    request?: Partly<Decoded<Methods<D>[K]["requestType"]>>,
    options?: CallOptions,
  ) => Promise<Decoded<Methods<D>[K]["responseType"]>>;
};

/** Makes the functions of a service, which call through a caller. */
export function served<D extends ServiceDefinition>(definition: D, caller: Caller): Service<D> {
  const functions: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(definition.methods)) {
    if (method.requestStream || method.responseStream) {
      continue;
    }
    const path = `/${definition.fullName}/${method.name}`;
    const requests = method.requestType as MessageType<object>;
    const answers = method.responseType as MessageType<object>;
    functions[name] = (request: object = {}, options: CallOptions = {}) =>
      caller.unary(path, requests, answers, request, options);
  }
  return functions as Service<D>;
}
