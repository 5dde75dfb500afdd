// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, X509Certificate } from "node:crypto";

import { type ChannelCredentials, credentials } from "@grpc/grpc-js";

import { BadCertificateError, BadTokenError } from "./errors.js";
import { isLocal } from "./target.js";

/** What bounds a call that names no time of its own, in milliseconds. */
export const TIMEOUT_MS_DEFAULT = 30_000;

/** How a client connects. */
export interface ConnectOptions {
  /** Sent with each call: over TLS, or to an address of this machine. */
  readonly token?: string;
  /** PEM. Connects with TLS, to a server whose certificate one of these has signed. */
  readonly rootCertificates?: Uint8Array | string;
  /**
   * PEM, shown to a server that wants to know its clients by them: `vmalab serve --tls-client-ca`.
   * It goes with rootCertificates.
   */
  readonly clientCertificate?: {
    readonly certificate: Uint8Array | string;
    readonly key: Uint8Array | string;
  };
  /** Bounds each unary call that names no time of its own, in milliseconds; 0: nothing does. */
  readonly timeoutMs?: number;
  /**
   * false: the targets are used as they are, and the server is asked neither for its workers nor
   * for its version.
   */
  readonly discover?: boolean;
  /** Gets what the handshake warns of, once; by default it is a warning of the process. */
  readonly onWarning?: (text: string) => void;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function checkCertificates(pem: Uint8Array | string, what: string): Buffer {
  const bytes = Buffer.from(pem);
  const found = bytes.toString("latin1").match(CERTIFICATE) ?? [];
  if (found.length === 0) {
    throw new BadCertificateError(`there is no certificate in the ${what}: PEM is wanted`);
  }
  try {
    found.forEach((one) => new X509Certificate(one));
  } catch (error) {
    throw new BadCertificateError(`the ${what}: ${String(error)}`);
  }
  return bytes;
}

function checkKey(certificate: Buffer, key: Uint8Array | string): Buffer {
  const bytes = Buffer.from(key);
  let fits = false;
  try {
    fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(bytes));
  } catch (error) {
    throw new BadCertificateError(`the key of the client certificate: ${String(error)}`);
  }
  if (!fits) {
    throw new BadCertificateError("the key is not that of the client certificate");
  }
  return bytes;
}

/** Refuses a token that would leave this machine in plain. Throws {@link BadTokenError}. */
export function checkToken(options: ConnectOptions, targets: readonly string[]): void {
  const { token } = options;
  if (!token) {
    return;
  }
  if (!/^[\x20-\x7e]+$/.test(token)) {
    throw new BadTokenError("a token has visible characters of ASCII alone");
  }
  const away = options.rootCertificates === undefined && targets.find((one) => !isLocal(one));
  if (away) {
    throw new BadTokenError(
      `a token goes over TLS (rootCertificates), or to an address of this machine: not to ${away}`,
    );
  }
}

/** The credentials of the connections. Throws {@link BadCertificateError}. */
export function channelCredentials(options: ConnectOptions): ChannelCredentials {
  const { rootCertificates, clientCertificate } = options;
  if (rootCertificates === undefined) {
    if (clientCertificate !== undefined) {
      throw new BadCertificateError("a client certificate goes with rootCertificates");
    }
    return credentials.createInsecure();
  }
  const roots = checkCertificates(rootCertificates, "root certificates");
  if (clientCertificate === undefined) {
    return credentials.createSsl(roots);
  }
  const chain = checkCertificates(clientCertificate.certificate, "client certificate");
  return credentials.createSsl(roots, checkKey(chain, clientCertificate.key), chain);
}
