// SPDX-License-Identifier: Apache-2.0

import { SpaceCalls } from "./calls_gen.js";
import type { Client } from "./client.js";
import {
  type AccessNumber,
  FAULT_EXEC,
  FAULT_READ,
  FAULT_WRITE,
  type FaultInfoFlags,
  type MadvNumber,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  type QueryFlags,
} from "./constants_gen.js";
import { ClosedError, FaultError, NoSuchAddressSpaceError, UserFaultError } from "./errors.js";
import type { VmaInfo } from "./pb/vmalab/v1/inspect.js";
import { Access, type ProcessSetup } from "./pb/vmalab/v1/memory.js";
import type { Range } from "./record.js";
import type { CallOptions, Partly } from "./services.js";
import { succeeded } from "./space_base.js";

/** How a new address space begins. Nothing of it: empty. */
export interface SpaceOptions {
  /** Where top-down placement begins; 0: 0x7ffff7fff000, or what follows from maps. */
  readonly mmapBase?: bigint;
  /** The begin of the heap; 0: none, or as maps says. */
  readonly startBrk?: bigint;
  /** The program break; 0: startBrk, or as maps says. */
  readonly brk?: bigint;
  /** A /proc/PID/maps text to begin with. */
  readonly maps?: string;
  /** How long it lives without a lease, in milliseconds; 0: the server's default. */
  readonly ttlMs?: number;
  /** false: without the lease that keeps it as long as the client lives. */
  readonly lease?: boolean;
  /** Limits and capabilities of its process; by default those of root. */
  readonly setup?: Partly<ProcessSetup>;
}

/** The fields of a request for a new address space. */
export function newSpace(options: SpaceOptions): Partly<{
  mmapBase: bigint;
  startBrk: bigint;
  brk: bigint;
  maps: string;
  ttlMs: number;
}> {
  const { mmapBase, startBrk, brk, maps, ttlMs } = options;
  return { mmapBase, startBrk, brk, maps, ttlMs };
}

/** An access that succeeded. */
export interface Fault {
  /** The page's word after it. */
  readonly word: bigint;
  /** How it was done: FAULT_INFO_VMA_LOCK and so on. */
  readonly info: FaultInfoFlags;
}

const ACCESSES: ReadonlyMap<AccessNumber, Access> = new Map([
  [FAULT_READ, Access.ACCESS_READ],
  [FAULT_WRITE, Access.ACCESS_WRITE],
  [FAULT_EXEC, Access.ACCESS_EXEC],
]);

/**
 * One emulated address space, as one thread of it sees it: its PKRU is the handle's own.
 *
 * `await using` ends the handle at the end of its scope; `close` does the same by hand.
 */
export class AddressSpace extends SpaceCalls implements AsyncDisposable {
  #made: boolean;
  #leased: boolean;

  /** @internal */
  constructor(client: Client, mm: bigint, made: boolean, leased: boolean) {
    super(client, mm);
    this.#made = made;
    this.#leased = leased;
    if (leased) {
      client.leases.add(mm);
    }
  }

  /**
   * Is the end of a handle. If it has made the address space (createAddressSpace, fork, exec), that
   * ends, for all who use it; one that has ended already is no error. If it is one of `use`, its
   * lease ends, as with {@link detach}.
   */
  async close(): Promise<void> {
    if (!this.#made) {
      this.detach();
      return;
    }
    try {
      await this.exit();
    } catch (error) {
      if (!(error instanceof NoSuchAddressSpaceError || error instanceof ClosedError)) {
        throw error;
      }
    }
  }

  /** What `await using` does: {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ends the address space now, for all who use it. */
  async exit(options: CallOptions = {}): Promise<void> {
    this.#letGo();
    await this.client.memory.exit({ mm: this.mm }, options);
  }

  /** From now on closing this handle does nothing, and no handle has a lease. */
  #letGo(): void {
    this.#made = this.#leased = false;
    this.client.leases.forget(this.mm);
  }

  /**
   * Ends the lease of this handle, and gives the number: the address space ends with its last lease,
   * and not with this handle.
   */
  detach(): bigint {
    if (this.#leased) {
      this.client.leases.drop(this.mm);
    }
    this.#made = this.#leased = false;
    return this.mm;
  }

  /** Lets all clients use it, for good. */
  async share(options: CallOptions = {}): Promise<void> {
    await this.client.memory.shareAddressSpace({ mm: this.mm }, options);
  }

  /** fork(2): the child's address space, with a lease on it. */
  async fork(options: CallOptions = {}): Promise<AddressSpace> {
    const request = { mm: this.mm, pkru: this.pkru };
    const answer = await this.client.memory.forkAddressSpace(request, options);
    succeeded("fork", answer);
    const child = new AddressSpace(this.client, answer.mm, true, true);
    child.pkru = this.pkru;
    return child;
  }

  /**
   * execve(2): the process goes on in a new address space, the answer, and this one ends.
   *
   * @param space How the new one begins; its setup stays that of the process.
   * @param shared true: others run on in this one, as the parent does after vfork, and it stays.
   */
  async exec(
    space: Omit<SpaceOptions, "setup"> = {},
    shared = false,
    options: CallOptions = {},
  ): Promise<AddressSpace> {
    const request = { mm: this.mm, shared, ...newSpace(space) };
    const answer = await this.client.memory.exec(request, options);
    succeeded("exec", answer);
    if (!shared) {
      this.#letGo();
    }
    return new AddressSpace(this.client, answer.mm, true, space.lease ?? true);
  }

  /**
   * Touches a page as a load, a store or an instruction fetch would.
   *
   * @param addr Where.
   * @param access FAULT_READ, FAULT_WRITE or FAULT_EXEC.
   * @param word What FAULT_WRITE stores; undefined: the page keeps its word.
   * @throws FaultError for a signal, UserFaultError if it would wait for a userfaultfd.
   */
  async fault(
    addr: bigint,
    access: AccessNumber,
    word?: bigint,
    options: CallOptions = {},
  ): Promise<Fault> {
    const kind = ACCESSES.get(access);
    if (kind === undefined) {
      throw new RangeError(`access ${access}: FAULT_READ, FAULT_WRITE or FAULT_EXEC is wanted`);
    }
    const request = { mm: this.mm, addr, access: kind, word, pkru: this.pkru };
    const answer = await this.client.memory.fault(request, options);
    if (answer.signal !== 0) {
      throw new FaultError(answer.signal, answer.siCode, addr, answer.pkey);
    }
    if (answer.userfault) {
      throw new UserFaultError(addr, answer.userfaultFlags);
    }
    succeeded("fault", answer);
    return { word: answer.word, info: answer.info };
  }

  /** Reads the word of the page at addr. */
  async load(addr: bigint, options: CallOptions = {}): Promise<bigint> {
    return (await this.fault(addr, FAULT_READ, undefined, options)).word;
  }

  /** Writes a word into the page at addr. */
  async store(addr: bigint, word: bigint, options: CallOptions = {}): Promise<void> {
    if (typeof word !== "bigint") {
      // fault without a word would keep the one that is there.
      throw new TypeError(`the word is ${String(word)}: a bigint is wanted`);
    }
    await this.fault(addr, FAULT_WRITE, word, options);
  }

  /** Maps so many bytes of private memory that can be read and written, wherever there is room. */
  async map(length: bigint, options: CallOptions = {}): Promise<bigint> {
    const prot = PROT_READ | PROT_WRITE;
    return this.mmap(0n, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, 0n, 0n, 0, options);
  }

  /**
   * process_madvise(2): how many bytes were advised.
   *
   * @param remote true: the caller is another process, which may give some advice only.
   */
  async processMadvise(
    ranges: readonly Range[],
    advice: MadvNumber,
    remote = false,
    options: CallOptions = {},
  ): Promise<bigint> {
    const request = { mm: this.mm, ranges, advice, remote, pkru: this.pkru };
    const answer = await this.client.memory.processMadvise(request, options);
    succeeded("process_madvise", answer);
    return answer.advised;
  }

  /** The mappings as /proc/PID/maps shows them. */
  async maps(options: CallOptions = {}): Promise<string> {
    return (await this.client.inspect.getMaps({ mm: this.mm }, options)).maps;
  }

  /**
   * The mapping that contains addr and has all that the flags name (PROCMAP_QUERY_*).
   * Where there is none the error is ENOENT.
   */
  async queryVma(addr: bigint, flags: QueryFlags, options: CallOptions = {}): Promise<VmaInfo> {
    const answer = await this.client.inspect.queryVma({ mm: this.mm, addr, flags }, options);
    succeeded("query_vma", answer);
    if (answer.vma === undefined) {
      throw new TypeError("the server gave neither a mapping nor an errno");
    }
    return answer.vma;
  }
}
