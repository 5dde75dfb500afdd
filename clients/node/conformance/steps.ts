// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import {
  type AddressSpace,
  BlockBuilder,
  CallError,
  type CallOptions,
  type Client,
  ClosedError,
  connect,
  type ConnectOptions,
  EBADF,
  NoSuchAddressSpaceError,
  type SpaceOptions,
  UnavailableError,
} from "@vmalab/client";

import { version } from "../src/version.js";
import { argument, rangesOf } from "./arguments.js";
import { doBlock } from "./blocks.js";
import {
  type Answer,
  fieldsOf,
  judge,
  judgeBlock,
  judgeFailure,
  judgeFields,
  list,
  Mismatch,
  number,
  rows,
  type Step,
  table,
  text,
} from "./expected.js";
import { look, looks } from "./inspection.js";
import { CALLS, type Named } from "./names_gen.js";

/** A server, as the runner describes it. */
export interface Profile {
  readonly target: string;
  readonly workers: readonly string[];
  readonly unix: readonly string[];
  readonly tls: boolean;
  readonly token: string;
  readonly pair: string;
  readonly certificates: Readonly<Record<string, string>>;
  readonly pairs: Readonly<Record<string, readonly [string, string]>>;
  readonly tokens: Readonly<Record<string, string>>;
}

/** What does not come in so long never comes. */
const PATIENCE_MS = 600_000;
const TIMEOUT_MS = 300_000;
const NOBODY = "127.0.0.1:1";
const REFUSED_AFTER_MOST = 10_000n;

interface Space {
  readonly client: string;
  readonly space: AddressSpace;
}

interface Task {
  readonly abort: AbortController;
  readonly ended: Promise<{ got: Answer } | { error: unknown }>;
}

type Methods = Readonly<Record<string, (...values: unknown[]) => Promise<unknown>>>;

/** Asks again and again whether something is there. */
async function until(what: string, there: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await there())) {
    if (Date.now() > deadline) {
      throw new Mismatch(`${what} did not come`);
    }
    await sleep(20);
  }
}

/** A case under way. */
export class Running {
  readonly #clients = new Map<string, Client>();
  readonly #spaces = new Map<string, Space>();
  readonly #made: AddressSpace[] = [];
  readonly #variables = new Map<string, bigint>();
  readonly #tasks = new Map<string, Task>();

  constructor(
    private readonly profile: Profile,
    private readonly name: string,
    private readonly input: AsyncIterator<string>,
  ) {}

  /** Does all steps; it gives what went wrong. */
  async run(steps: readonly Step[]): Promise<string> {
    try {
      for (const [place, step] of steps.entries()) {
        try {
          await this.#step(step);
        } catch (error) {
          const said = error instanceof Mismatch ? error.message : (error as Error).stack;
          return `step ${place + 1} (${text(step, "do")}): ${said}`;
        }
      }
      return "";
    } finally {
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    const client = this.#clients.get("c");
    if (client !== undefined && this.name === "lab") {
      await client.lab.releasePoint({ disarm: true }).catch(() => undefined);
      await client.lab.setMutants({}).catch(() => undefined);
    }
    for (const space of this.#made) {
      await space.close().catch(() => undefined);
    }
    for (const one of this.#clients.values()) {
      await one.close();
    }
  }

  async #step(step: Step): Promise<void> {
    const what = text(step, "do");
    if ("task" in step && what !== "join" && what !== "cancel") {
      const abort = new AbortController();
      const ended = this.#do(step, abort.signal).then(
        (got) => ({ got }),
        (error: unknown) => ({ error }),
      );
      this.#tasks.set(text(step, "task"), { abort, ended });
      return;
    }
    let got: Answer;
    try {
      got = await this.#patiently(step);
    } catch (error) {
      if (error instanceof Mismatch) {
        throw error;
      }
      judgeFailure(step, error, this.#variables);
      return;
    }
    judge(step, got, this.#variables);
    if (what === "block" || what === "raw_block") {
      judgeBlock(step, got, this.#variables);
    }
    if ("as" in step) {
      const fields = got.fields ?? {};
      const value = "field" in step ? this.#number(fields[text(step, "field")]) : (got.value ?? 0n);
      this.#variables.set(text(step, "as"), value);
    }
  }

  /** Does a step; one that is patient again while no worker answers. */
  async #patiently(step: Step): Promise<Answer> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#do(step, new AbortController().signal);
      } catch (error) {
        const again = step["patient"] === true && error instanceof UnavailableError;
        if (!again || Date.now() > deadline) {
          throw error;
        }
        await sleep(50);
      }
    }
  }

  #number(given: unknown): bigint {
    return number(given ?? 0, this.#variables);
  }

  #clientName(step: Step): string {
    const space = step["do"] === "use" ? undefined : this.#spaces.get(text(step, "mm"));
    return space?.client ?? text(step, "client", "c");
  }

  async #client(step: Step): Promise<Client> {
    const name = this.#clientName(step);
    return this.#clients.get(name) ?? (await this.#connect({ as: name }));
  }

  #space(step: Step): AddressSpace {
    const found = this.#spaces.get(text(step, "mm", "a"));
    if (found === undefined) {
      throw new Mismatch(`there is no address space ${text(step, "mm", "a")}`);
    }
    return found.space;
  }

  #keep(step: Step, space: AddressSpace, made: boolean): Answer {
    this.#spaces.set(text(step, "as"), { client: this.#clientName(step), space });
    if (made) {
      this.#made.push(space);
    }
    return { value: space.mm };
  }

  async #connect(step: Step): Promise<Client> {
    const { profile } = this;
    const to = text(step, "to", "shared");
    const worker = to.startsWith("worker ") ? Number(to.slice("worker ".length)) : undefined;
    const targets: Readonly<Record<string, readonly string[]>> = {
      shared: [text(step, "target", profile.target)],
      workers: profile.workers,
      unix: profile.unix,
      nobody: [NOBODY],
    };
    const chosen = worker === undefined ? targets[to] : [profile.workers[worker] ?? ""];
    const client = await connect(chosen ?? [], {
      token: profile.tokens[text(step, "token", profile.token)],
      timeoutMs: "timeout_ms" in step ? Number(this.#number(step["timeout_ms"])) : TIMEOUT_MS,
      discover: worker === undefined && step["discover"] !== false,
      ...this.#secrets(step),
    });
    this.#clients.set(text(step, "as"), client);
    return client;
  }

  #secrets(step: Step): ConnectOptions {
    const { profile } = this;
    const wanted = text(step, "tls", profile.tls ? "root" : "none");
    const named = wanted in profile.pairs ? wanted : "none";
    const pair = profile.pairs["tls" in step ? named : profile.pair];
    const root = profile.certificates[named === "none" ? wanted : "root"];
    return {
      rootCertificates: root === undefined ? undefined : readFileSync(root),
      clientCertificate:
        pair === undefined
          ? undefined
          : { certificate: readFileSync(pair[0]), key: readFileSync(pair[1]) },
    };
  }

  /** Does a step: a call on an address space by the name of its method, all else by hand. */
  async #do(step: Step, signal: AbortSignal): Promise<Answer> {
    const what = text(step, "do");
    const named = CALLS.get(what);
    if (named !== undefined) {
      return this.#call(step, named, { signal });
    }
    if (looks(step)) {
      return look(await this.#client(step), step, this.#variables);
    }
    if (what === "block" || what === "raw_block") {
      return doBlock(await this.#client(step), step, this.#variables, signal);
    }
    for (const group of [
      this.#doConnection(step),
      this.#doSpace(step, { signal }),
      this.#doFile(step),
      this.#doWait(step),
    ]) {
      if (group !== undefined) {
        return group;
      }
    }
    throw new Mismatch(`this client does not know the step ${what}`);
  }

  async #call(step: Step, named: Named, options: CallOptions): Promise<Answer> {
    const space = this.#space(step) as unknown as Methods;
    const values = named.arguments.map(([name, kind]) =>
      argument(step[name], kind, this.#variables),
    );
    const got = await space[named.method]?.(...values, options);
    if (got instanceof Uint8Array) {
      return { text: [...got].map((page) => page & 1).join("") };
    }
    return got === undefined ? {} : { value: this.#number(got) };
  }

  #doConnection(step: Step): Promise<Answer> | undefined {
    switch (step["do"]) {
      case "connect":
        return this.#connect(step).then(() => ({}));
      case "close":
        return this.#client(step).then(async (client) => {
          await client.close();
          return {};
        });
      case "handshake":
        return this.#handshake(step);
      case "distinct_workers":
        return this.#distinctWorkers(step);
      case "kill_worker":
        return this.#killWorker(step);
      default:
        return undefined;
    }
  }

  async #handshake(step: Step): Promise<Answer> {
    const mine = version.client;
    let warnings = 0n;
    try {
      version.client = text(step, "version", mine);
      const onWarning = (): void => void warnings++;
      await using client = await connect(this.profile.target, { onWarning });
      await client.inspect.getVmstat();
      await client.inspect.getVmstat();
    } finally {
      version.client = mine;
    }
    return { value: warnings };
  }

  async #distinctWorkers(step: Step): Promise<Answer> {
    const client = await this.#client(step);
    const seen = new Set<number>();
    await until("an answer of each worker", async () => {
      seen.add((await client.inspect.getServerInfo()).workerIndex);
      return BigInt(seen.size) >= this.#number(step["value"]);
    });
    return { value: BigInt(seen.size) };
  }

  async #killWorker(step: Step): Promise<Answer> {
    console.log(`# runner: kill ${this.name} ${text(step, "worker")}`);
    const line = await this.input.next();
    if (line.done === true || line.value !== "done") {
      throw new Mismatch("the runner could not kill a worker");
    }
    return {};
  }

  #options(step: Step): SpaceOptions {
    const setup = Object.entries(table(step, "setup")).map(([name, given]) => {
      const field = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
      const wide = /bytes|pages/.test(name);
      const value = typeof given === "boolean" ? given : this.#number(given);
      return [field, typeof value === "bigint" && !wide ? Number(value) : value];
    });
    return {
      mmapBase: this.#number(step["mmap_base"]),
      startBrk: this.#number(step["start_brk"]),
      brk: this.#number(step["brk"]),
      maps: text(step, "maps"),
      ttlMs: Number(this.#number(step["ttl_ms"])),
      lease: step["hold"] !== false,
      setup: "setup" in step ? Object.fromEntries(setup) : undefined,
    };
  }

  #doSpace(step: Step, options: CallOptions): Promise<Answer> | undefined {
    switch (step["do"]) {
      case "create":
        return this.#client(step)
          .then((client) => client.createAddressSpace(this.#options(step), options))
          .then((made) => this.#keep(step, made, true));
      case "use":
        return this.#client(step).then((client) => {
          const lease = step["hold"] !== false;
          return this.#keep(step, client.use(this.#number(step["mm"]), { lease }), false);
        });
      case "address_space":
        return this.#addressSpace(step);
      case "fork":
      case "exec":
      case "exit":
      case "end":
      case "detach":
      case "share":
      case "fault":
      case "process_madvise":
      case "maps":
      case "query_vma":
        return this.#ofSpace(step, this.#space(step), options);
      default:
        return undefined;
    }
  }

  async #ofSpace(step: Step, space: AddressSpace, options: CallOptions): Promise<Answer> {
    const small = (name: string): number => Number(this.#number(step[name]));
    switch (step["do"]) {
      case "fork":
        return this.#keep(step, await space.fork(options), true);
      case "exec": {
        const shared = this.#number(step["shared"]) !== 0n;
        return this.#keep(step, await space.exec(this.#options(step), shared, options), true);
      }
      case "exit":
        await space.exit(options);
        return {};
      case "end":
        await space.close();
        return {};
      case "detach":
        return { value: space.detach() };
      case "share":
        await space.share(options);
        return {};
      case "fault": {
        const word = "word" in step ? this.#number(step["word"]) : undefined;
        const addr = this.#number(step["addr"]);
        const got = await space.fault(addr, small("access"), word, options);
        return { value: got.word, fields: { info: got.info } };
      }
      case "process_madvise": {
        const ranges = rangesOf(step["ranges"], this.#variables);
        const remote = this.#number(step["remote"]) !== 0n;
        return { value: await space.processMadvise(ranges, small("advice"), remote, options) };
      }
      case "maps":
        return { text: await space.maps(options) };
      default: {
        const vma = await space.queryVma(this.#number(step["addr"]), small("flags"), options);
        return { fields: fieldsOf(vma) };
      }
    }
  }

  async #addressSpace(step: Step): Promise<Answer> {
    const client = await this.#client(step);
    const { mm } = this.#space(step);
    const { addressSpaces } = await client.inspect.listAddressSpaces();
    const found = addressSpaces.find((one) => one.mm === mm);
    if (found === undefined) {
      throw new Mismatch(`address space ${mm} is not listed`);
    }
    return { fields: fieldsOf(found) };
  }

  #doFile(step: Step): Promise<Answer> | undefined {
    const value = (name: string): bigint => this.#number(step[name]);
    const doing: Readonly<Record<string, (client: Client) => Promise<Answer>>> = {
      open_file: async (client) => ({
        value: await client.openFile({
          devMajor: Number(value("dev_major")),
          devMinor: Number(value("dev_minor")),
          ino: value("ino"),
          sizeBytes: value("size_bytes"),
          name: text(step, "name"),
          ttlMs: Number(value("ttl_ms")),
          lease: step["hold"] !== false,
        }),
      }),
      wait_closed: async (client) => {
        await until("the end of the file", async () => {
          try {
            await client.truncateFile(value("file"), 0n);
            return false;
          } catch (error) {
            return error instanceof CallError && error.errno === EBADF;
          }
        });
        return {};
      },
      close_file: (client) => client.closeFile(value("file")).then(() => ({})),
      share_file: (client) => client.shareFile(value("file")).then(() => ({})),
      truncate_file: (client) =>
        client.truncateFile(value("file"), value("size_bytes")).then(() => ({})),
      allocate_file: (client) =>
        client
          .allocateFile(value("file"), Number(value("mode")), value("offset"), value("length"))
          .then(() => ({})),
      keep_alive: async (client) => {
        const mms = list(step, "mms").map((one) => this.#number(one));
        return { values: await client.keepAlive(Number(value("ttl_ms")), mms) };
      },
    };
    const chosen = doing[text(step, "do")];
    return chosen === undefined ? undefined : this.#client(step).then(chosen);
  }

  #doWait(step: Step): Promise<Answer> | undefined {
    switch (step["do"]) {
      case "wait_lease":
        return this.#waitLease(step);
      case "wait_lost":
        return this.#waitLost(step);
      case "wait_gone":
        return this.#waitGone(step);
      case "wait_field":
        return this.#waitFor("the fields", step, () => this.#addressSpace(step));
      case "wait_locks":
        return this.#waitFor("the locks", step, async () => {
          const client = await this.#client(step);
          return rows((await client.inspect.listLocks()).locks, "state");
        });
      case "join":
        return this.#join(step);
      case "cancel":
        this.#tasks.get(text(step, "task"))?.abort.abort();
        return Promise.resolve({});
      case "sleep":
        return sleep(Number(this.#number(step["ms"])), {});
      case "until_refused":
        return this.#untilRefused(step);
      default:
        return undefined;
    }
  }

  async #waitLease(step: Step): Promise<Answer> {
    const client = await this.#client(step);
    try {
      await client.waitLease(this.#space(step).mm, { timeoutMs: PATIENCE_MS });
    } catch (error) {
      if (error instanceof ClosedError) {
        throw error;
      }
      throw new Mismatch(`the lease was not confirmed: ${String(error)}`);
    }
    return {};
  }

  async #waitLost(step: Step): Promise<Answer> {
    const client = await this.#client(step);
    const { mm } = this.#space(step);
    await until("the loss of the lease", () => Promise.resolve(client.lost.includes(mm)));
    return {};
  }

  async #waitGone(step: Step): Promise<Answer> {
    await until("the end of the address space", async () => {
      try {
        await this.#space(step).maps();
        return false;
      } catch (error) {
        return error instanceof NoSuchAddressSpaceError;
      }
    });
    return {};
  }

  /** Asks until the answer is what the step expects. */
  async #waitFor(what: string, step: Step, ask: () => Promise<Answer>): Promise<Answer> {
    let got: Answer = {};
    await until(what, async () => {
      try {
        got = await ask();
        judge(step, got, this.#variables);
        judgeFields(step, got.fields ?? {}, this.#variables);
        return true;
      } catch {
        return false;
      }
    });
    return got;
  }

  async #join(step: Step): Promise<Answer> {
    const task = this.#tasks.get(text(step, "task"));
    if (task === undefined) {
      throw new Mismatch("there is no such task");
    }
    const stop = new AbortController();
    const late = sleep(PATIENCE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    const end = await Promise.race([task.ended, late]);
    stop.abort();
    if (end === undefined) {
      throw new Mismatch("the task does not end");
    }
    if ("error" in end) {
      throw end.error;
    }
    return end.got;
  }

  async #untilRefused(step: Step): Promise<Answer> {
    const client = await this.#client(step);
    const ends: (() => Promise<void> | void)[] = [];
    try {
      for (let count = 0n; count < REFUSED_AFTER_MOST; count++) {
        try {
          ends.push(await this.#another(step, client));
        } catch (error) {
          if (count < this.#number(step["at_least"])) {
            throw new Mismatch(`it was refused after ${count}: ${String(error)}`);
          }
          throw error;
        }
      }
    } finally {
      for (const end of ends) {
        await end();
      }
    }
    throw new Mismatch("it was never refused");
  }

  /** Makes one more; it gives what ends it. */
  async #another(step: Step, client: Client): Promise<() => Promise<void> | void> {
    if (step["what"] === "create") {
      const space = await client.createAddressSpace({ lease: false });
      return () => space.close();
    }
    const batch = client.batch();
    try {
      batch.send(new BlockBuilder().nop());
      await batch.receive();
    } catch (error) {
      batch.close();
      throw error;
    }
    return () => batch.close();
  }
}
