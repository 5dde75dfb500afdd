// SPDX-License-Identifier: Apache-2.0

import { Batch, type BatchOptions } from "./batch.js";
import type { BlockBuilder } from "./block_gen.js";
import { Caller } from "./caller.js";
import type { FallocFlags } from "./constants_gen.js";
import { BadTargetError, blockError } from "./errors.js";
import { complaint } from "./handshake.js";
import { type Health, HEALTH_PATH, HealthAnswer, HealthRequest } from "./health.js";
import { Leases } from "./leases.js";
import {
  channelCredentials,
  checkToken,
  type ConnectOptions,
  TIMEOUT_MS_DEFAULT,
} from "./options.js";
import { InspectServiceDefinition, ListWorkersResponse } from "./pb/vmalab/v1/inspect.js";
import { LabServiceDefinition } from "./pb/vmalab/v1/lab.js";
import { BatchResponse, MemoryServiceDefinition } from "./pb/vmalab/v1/memory.js";
import { UserfaultfdServiceDefinition } from "./pb/vmalab/v1/userfaultfd.js";
import { Pool } from "./pool.js";
import { Results } from "./results.js";
import { type CallOptions, served, type Service } from "./services.js";
import { AddressSpace, newSpace, type SpaceOptions } from "./space.js";
import { succeeded } from "./space_base.js";
import { checkTarget, isLocal, isUnix } from "./target.js";
import { version } from "./version.js";

const HANDSHAKE_MS = 10_000;
const BATCH = `/${MemoryServiceDefinition.fullName}/${MemoryServiceDefinition.methods.batch.name}`;

/** A file that can be mapped. */
export interface FileOptions {
  readonly devMajor?: number;
  readonly devMinor?: number;
  readonly ino?: bigint;
  readonly sizeBytes?: bigint;
  /** What maps shows. */
  readonly name?: string;
  /** How long it stays open without a lease, in milliseconds; 0: the server's default. */
  readonly ttlMs?: number;
  /** false: without the lease that keeps it open as long as the client lives. */
  readonly lease?: boolean;
}

/**
 * Connects to a server at "host:port" or "unix:PATH", or to several addresses of one server. A
 * single TCP address without TLS is asked for the workers, and calls go to all of them in turn.
 */
export async function connect(
  target: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  const targets = typeof target === "string" ? [target] : [...target];
  if (targets.length === 0) {
    throw new BadTargetError("there is no target: give host:port, or several");
  }
  targets.forEach(checkTarget);
  const secrets = channelCredentials(options);
  checkToken(options, targets);
  const pool = new Pool(targets, secrets);
  let client: Client | undefined;
  try {
    client = new Client(pool, options);
    if (options.discover ?? true) {
      await discover(client, pool, targets, options);
    }
  } catch (error) {
    await client?.close();
    pool.close();
    throw error;
  }
  return client;
}

/** Shakes hands, and learns the addresses of the workers if one address was given. */
async function discover(
  client: Client,
  pool: Pool,
  targets: readonly string[],
  options: ConnectOptions,
): Promise<void> {
  const [only] = targets;
  let listed = ListWorkersResponse.fromPartial({});
  if (targets.length === 1 && only !== undefined && !isUnix(only)) {
    listed = await client.inspect.listWorkers();
  }
  await shakeHands(client, options);
  const addresses = listed.workers.map((worker) => worker.address);
  const secured = options.rootCertificates !== undefined; // the certificate is for the given name
  if (secured || addresses.length === 0 || !addresses.every((one) => usable(one, options))) {
    return;
  }
  pool.replace(addresses);
}

function usable(address: string, options: ConnectOptions): boolean {
  try {
    checkTarget(address);
  } catch {
    return false;
  }
  return isLocal(address) || !options.token;
}

/** Asks who the server is, and warns if one of the two is too old. No answer is no warning. */
async function shakeHands(client: Client, options: ConnectOptions): Promise<void> {
  const info = await client.inspect
    .getServerInfo({}, { timeoutMs: HANDSHAKE_MS })
    .catch(() => undefined);
  const text = info === undefined ? "" : complaint(info, version.client);
  if (text !== "") {
    const warn = options.onWarning ?? ((said) => process.emitWarning(said, "VmalabWarning"));
    warn(text);
  }
}

/**
 * A connection to an instance: {@link connect} makes it. `await using` closes it at the end of its
 * scope; `close` does the same by hand.
 */
export class Client implements AsyncDisposable {
  /** MemoryService as the protos have it; {@link AddressSpace} has its calls as methods. */
  readonly memory: Service<typeof MemoryServiceDefinition>;
  /** UserfaultfdService as the protos have it. */
  readonly userfaultfd: Service<typeof UserfaultfdServiceDefinition>;
  /** InspectService: what the instance is made of and does. Its calls are tried again. */
  readonly inspect: Service<typeof InspectServiceDefinition>;
  /** LabService, on an instance that was started with --lab. */
  readonly lab: Service<typeof LabServiceDefinition>;
  /** @internal */
  readonly leases: Leases;
  readonly #pool: Pool;
  readonly #caller: Caller;

  /** @internal */
  constructor(pool: Pool, options: ConnectOptions) {
    this.#pool = pool;
    this.#caller = new Caller(pool, options.token, options.timeoutMs ?? TIMEOUT_MS_DEFAULT);
    this.memory = served(MemoryServiceDefinition, this.#caller);
    this.userfaultfd = served(UserfaultfdServiceDefinition, this.#caller);
    this.inspect = served(InspectServiceDefinition, this.#caller);
    this.lab = served(LabServiceDefinition, this.#caller);
    this.leases = new Leases(this.#caller);
  }

  /** Makes an address space. End it with `close`, or with its scope by `await using`. */
  async createAddressSpace(
    space: SpaceOptions = {},
    options: CallOptions = {},
  ): Promise<AddressSpace> {
    const request = { ...newSpace(space), setup: space.setup };
    const answer = await this.memory.createAddressSpace(request, options);
    return new AddressSpace(this, answer.mm, true, space.lease ?? true);
  }

  /**
   * A handle on an address space that exists, with a lease on it. Several clients may use it. The
   * end of the handle ends its lease, and not the address space.
   */
  use(mm: bigint, { lease = true }: { readonly lease?: boolean } = {}): AddressSpace {
    return new AddressSpace(this, mm, false, lease);
  }

  /** Lets address spaces live at least so long from now; it gives those that do not exist. */
  async keepAlive(
    ttlMs: number,
    mms: readonly bigint[],
    options: CallOptions = {},
  ): Promise<bigint[]> {
    return (await this.memory.keepAlive({ ttlMs, mms }, options)).missing;
  }

  /**
   * Opens a file that mmap can map, and gives its number. The same device and inode give the same
   * file.
   */
  async openFile(file: FileOptions, options: CallOptions = {}): Promise<bigint> {
    const { lease = true, ...request } = file;
    const answer = await this.memory.openFile(request, options);
    if (lease) {
      this.leases.addFile(answer.file);
    }
    return answer.file;
  }

  /**
   * Closes a file; what is mapped of it stays mapped. The lease on it ends with the last open of
   * this client.
   */
  async closeFile(file: bigint, options: CallOptions = {}): Promise<void> {
    await this.memory.closeFile({ file }, options);
    this.leases.dropFile(file);
  }

  /** Lets all clients use a file, for good. */
  async shareFile(file: bigint, options: CallOptions = {}): Promise<void> {
    await this.memory.shareFile({ file }, options);
  }

  /** ftruncate(2): what lies beyond the new end is gone from every mapping. */
  async truncateFile(file: bigint, sizeBytes: bigint, options: CallOptions = {}): Promise<void> {
    succeeded("truncate_file", await this.memory.truncateFile({ file, sizeBytes }, options));
  }

  /**
   * fallocate(2), in bytes; with FALLOC_FL_PUNCH_HOLE and FALLOC_FL_KEEP_SIZE a hole.
   *
   * @param mode FALLOC_FL_*.
   */
  async allocateFile(
    file: bigint,
    mode: FallocFlags,
    offset: bigint,
    length: bigint,
    options: CallOptions = {},
  ): Promise<void> {
    const request = { file, mode, offset, length };
    succeeded("allocate_file", await this.memory.allocateFile(request, options));
  }

  /** Executes a block. A record that fails is a result, and no error. */
  async apply(block: BlockBuilder, options: CallOptions = {}): Promise<Results> {
    return this.applyBytes(block.bytes, options);
  }

  /** Executes a block that was built otherwise. */
  async applyBytes(block: Uint8Array, options: CallOptions = {}): Promise<Results> {
    try {
      return new Results((await this.memory.apply({ block }, options)).results);
    } catch (error) {
      throw blockError(error);
    }
  }

  /** Opens a stream of blocks. Close it, or let `using` do that. */
  batch(options: BatchOptions = {}): Batch {
    return new Batch(this.#caller.duplex(BATCH, BatchResponse, options.signal), options);
  }

  /** The health of the server, or of one of its services by its full name: "SERVING" is good. */
  async health(service = "", options: CallOptions = {}): Promise<Health> {
    const caller = this.#caller;
    const request = { service };
    return (await caller.unary(HEALTH_PATH, HealthRequest, HealthAnswer, request, options)).health;
  }

  /** The address spaces whose lease is lost: they ended, or are another client's. */
  get lost(): readonly bigint[] {
    return this.leases.lost;
  }

  /** Waits until the server has confirmed the lease of this client on an address space. */
  async waitLease(mm: bigint, options: CallOptions = {}): Promise<void> {
    await this.leases.wait(mm, options);
  }

  /** Ends all leases, the streams of blocks and the connections. */
  async close(): Promise<void> {
    if (!this.#caller.closed) {
      this.#caller.close();
      await this.leases.close();
      this.#pool.close();
    }
  }

  /** What `await using` does: {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
