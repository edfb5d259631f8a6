// Where the monitor may listen. Without further ado on this machine's loopback only; everything else needs TLS and users, or a reverse proxy.

import { isIP } from "node:net";
import { CommandError } from "@cpc-partition/process/command-error";
import { invocation } from "@cpc-partition/process/invocation";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Protection {
  readonly tlsCertificate: string | undefined;
  readonly tlsKey: string | undefined;
  readonly users: string | undefined;
  /** Addresses of reverse proxies: nobody else is answered. */
  readonly trustProxy: readonly string[];
}

/** "127.0.0.1:9850", "[::1]:9850"; port 0: any free one. Undefined when it is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  const isHost = bracketed === undefined ? isIP(host) === 4 || host === "localhost" : isIP(host) === 6;
  return isHost && port <= 65_535 ? { host, port } : undefined;
}

/** A name that begins like an address is none: `127.example.com` may lead here, and be a page of the web. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

export function hostAndPort({ host, port }: ListenAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Throws a CommandError with the command that would be allowed. */
export function demandProtection(address: ListenAddress, protection: Protection): void {
  const { tlsCertificate, tlsKey, users, trustProxy } = protection;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined))
    throw new CommandError(
      "cannot use TLS because a certificate needs its key and a key its certificate: give both --tls-certificate FILE and --tls-key FILE",
    );
  if (isLoopback(address.host) || trustProxy.length > 0) return;
  const missing = [
    ...(tlsCertificate === undefined ? ["TLS"] : []),
    ...(users === undefined ? ["users with passwords"] : []),
  ];
  if (missing.length === 0) return;
  const where = hostAndPort(address);
  throw new CommandError(
    `cannot listen on ${where} because other machines can reach it and ${missing.join(" and ")} would be missing: ` +
      `${invocation} monitor --listen ${where} --users users.txt --tls-certificate cert.pem --tls-key key.pem ` +
      `(${invocation} monitor user add NAME --users users.txt makes the file); ` +
      `behind a reverse proxy that has TLS and users: ${invocation} monitor --listen ${where} --trust-proxy ADDRESS-OF-THE-PROXY; ` +
      `only for this machine: ${invocation} monitor --listen 127.0.0.1:${address.port}`,
  );
}
