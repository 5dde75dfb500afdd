// SPDX-License-Identifier: Apache-2.0

import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
} from "@grpc/grpc-js";

import { grpcTarget } from "./target.js";

/** What a message may have on this side; the server has limits of its own. */
export const MESSAGE_BYTES_MAX = 64 << 20;

const SETTINGS: ChannelOptions = {
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  // A server closes connections that are pinged more often than every five minutes without a call.
  "grpc.keepalive_time_ms": 6 * 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.dns_min_time_between_resolutions_ms": 1000,
  // A client has connections of its own, which end with it.
  "grpc.use_local_subchannel_pool": 1,
  // A client reads no variable of the environment: not http_proxy either.
  "grpc.enable_http_proxy": 0,
  "grpc-node.flow_control_window": 4 << 20,
};

const RANKS: ReadonlyMap<connectivityState, number> = new Map([
  [connectivityState.READY, 0],
  [connectivityState.CONNECTING, 1],
  [connectivityState.IDLE, 1],
  [connectivityState.TRANSIENT_FAILURE, 2],
]);
const WORST = 3;

/**
 * A channel to each address of a server, taken in turn. One that is connected goes before one that
 * is connecting, and that before one whose connection has failed: a call waits for no worker that
 * is dead while another answers.
 */
export class Pool {
  #clients: Client[];
  #next = 0;

  constructor(
    targets: readonly string[],
    private readonly secrets: ChannelCredentials,
  ) {
    this.#clients = this.#made(targets);
  }

  #made(targets: readonly string[]): Client[] {
    return targets.map((target) => new Client(grpcTarget(target), this.secrets, SETTINGS));
  }

  /** The channel for the next call. It asks each of them for its state, which makes it connect. */
  take(): Client {
    const count = this.#clients.length;
    const order = this.#clients.map((_, i) => (this.#next + i) % count);
    let best = order[0] ?? 0;
    let rank = WORST;
    for (const place of order) {
      const state = this.#clients[place]?.getChannel().getConnectivityState(true);
      const here = RANKS.get(state ?? connectivityState.SHUTDOWN) ?? WORST;
      if (here < rank) {
        [best, rank] = [place, here];
      }
    }
    this.#next = (best + 1) % count;
    const chosen = this.#clients[best];
    if (chosen === undefined) {
      throw new RangeError("a pool has an address at least");
    }
    return chosen;
  }

  /** Other addresses from now on. Calls that are under way on the old ones end as they would. */
  replace(targets: readonly string[]): void {
    const old = this.#clients;
    this.#clients = this.#made(targets);
    this.#next = 0;
    old.forEach((client) => client.close());
  }

  /** Closes all channels. */
  close(): void {
    this.#clients.forEach((client) => client.close());
  }
}
