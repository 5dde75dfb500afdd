// SPDX-License-Identifier: Apache-2.0

import { isIPv4, isIPv6 } from "node:net";

import { BadTargetError } from "./errors.js";

const PORT_MAX = 65535;
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

function parsed(target: string): { host: string; port: number } | undefined {
  const found = HOST_AND_PORT.exec(target);
  const [, bracketed, name] = found ?? [];
  const host = bracketed === undefined || isIPv6(bracketed) ? (bracketed ?? name) : undefined;
  const port = Number(found?.[3]);
  return host !== undefined && port >= 1 && port <= PORT_MAX ? { host, port } : undefined;
}

/** Whether a target is the path of a socket. */
export function isUnix(target: string): boolean {
  return target.startsWith("unix:") && target !== "unix:";
}

/** Refuses what is neither host:port nor unix:PATH. Throws {@link BadTargetError}. */
export function checkTarget(target: string): void {
  if (!isUnix(target) && parsed(target) === undefined) {
    const shown = JSON.stringify(target);
    throw new BadTargetError(`${shown} is not host:port, as 127.0.0.1:7420, or unix:PATH`);
  }
}

/** Whether an address is of this machine alone. */
export function isLocal(target: string): boolean {
  if (isUnix(target)) {
    return true;
  }
  const host = parsed(target)?.host ?? "";
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** The target in the words of gRPC, where a plain one could be taken for a scheme. */
export function grpcTarget(target: string): string {
  return isUnix(target) ? target : `dns:${target}`;
}
