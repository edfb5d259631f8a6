// Where a broker is and how it is reached: address, login, TLS. Secrets and certificates are read anew at each connection, so that they can be
// changed while the bridge runs.
//
// Promises: with TLS the broker's certificate and name are always verified. A password never goes over a connection without TLS unless the
// broker is on this machine.

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { quote, quotePath } from "@cpc-partition/process/quote";
import { resolveSecret, SecretFiles, type SecretPlaces } from "@cpc-partition/process/secret";
import type { Fields } from "./fields.ts";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** What a connection needs, as it is on disk now. */
export interface BrokerAccess {
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** A file that proves who this is, where the engine has such files. */
  readonly credentials: Buffer | undefined;
  /** Undefined without TLS. */
  readonly tls: BrokerTls | undefined;
}

export interface BrokerTls {
  /** PEM; undefined: the authorities that the runtime knows. */
  readonly authorities: Buffer | undefined;
  readonly certificate: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** The name that the certificate must have. */
  readonly serverName: string;
}

export interface SettingsContext {
  /** Where relative file names start. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Schemes of an engine, without and with TLS, and the ports they have by default. */
export interface Schemes {
  readonly plain: string;
  readonly tls: string;
  readonly plainPort: number;
  readonly tlsPort: number;
  /** The engine is a cluster whose servers have addresses of their own, and knows files of credentials. */
  readonly isCluster?: boolean;
}

const largestPemBytes = 1024 * 1024;

/** A file or secret cannot be read at present; the message says which. */
export class BrokerAccessError extends Error {
  override readonly name = "BrokerAccessError";
  readonly code = "BrokerAccess";
}

export class BrokerSettings {
  readonly address: BrokerAddress;
  /** With those of the other servers of its cluster. */
  readonly addresses: readonly BrokerAddress[];
  readonly #context: SettingsContext;
  readonly #user: string | undefined;
  readonly #password: string | undefined;
  readonly #files: {
    readonly ca?: string;
    readonly certificate?: string;
    readonly key?: string;
    readonly credentials?: string;
  };
  readonly #serverName: string | undefined;

  constructor(fields: Fields, schemes: Schemes, context: SettingsContext) {
    this.#context = context;
    this.address = readAddress(fields, "address", fields.requiredText("address", exampleOf(schemes)), schemes);
    const others = schemes.isCluster === true ? fields.texts("alternatives") : [];
    this.addresses = [this.address, ...others.map((text) => readAddress(fields, "alternatives", text, schemes))];
    if (this.addresses.some(({ isTls }) => isTls !== this.address.isTls))
      fields.error("alternatives", "must all be with TLS or all without it, as address is");
    this.#user = fields.secret("user", this.#secretPlaces());
    this.#password = fields.secret("password", this.#secretPlaces());
    const tls = fields.map("tls");
    const file = (name: "ca" | "certificate" | "key" | "credentials", from = tls) => {
      const path = from.text(name);
      return path === undefined ? {} : { [name]: resolve(context.directory, path) };
    };
    this.#files = {
      ...file("ca"),
      ...file("certificate"),
      ...file("key"),
      ...(schemes.isCluster === true ? file("credentials", fields) : {}),
    };
    this.#serverName = tls.text("serverName");
    tls.end();
    this.#judge(fields, tls, schemes);
  }

  get text(): string {
    return addressText(this.address);
  }

  /** Of one of the addresses. Throws a BrokerAccessError. */
  access({ host } = this.address): BrokerAccess {
    const places = this.#secretPlaces();
    const secret = (text: string | undefined, name: string): string | undefined => {
      if (text === undefined) return undefined;
      const found = resolveSecret(text, places);
      if ("value" in found) return found.value;
      throw new BrokerAccessError(`cannot log in to ${this.text} because ${name} ${found.trouble}`);
    };
    const { ca, certificate, key, credentials } = this.#files;
    const tls = {
      authorities: this.#read(ca),
      certificate: this.#read(certificate),
      key: this.#read(key),
      serverName: this.#serverName ?? host,
    };
    return {
      user: secret(this.#user, "user"),
      password: secret(this.#password, "password"),
      credentials: this.#read(credentials),
      tls: this.address.isTls ? tls : undefined,
    };
  }

  /** Changes when what is on disk does. What cannot be read at present counts as it is, too. */
  fingerprint(): string {
    const hash = createHash("sha256");
    try {
      const { user, password, credentials, tls } = this.access();
      for (const part of [user, password, credentials, tls?.authorities, tls?.certificate, tls?.key])
        hash.update(part ?? "-").update("\0");
    } catch (error) {
      hash.update(String(error));
    }
    return hash.digest("hex");
  }

  #judge(fields: Fields, tls: Fields, schemes: Schemes): void {
    const { ca, certificate, key } = this.#files;
    for (const [name, path] of Object.entries(this.#files)) {
      try {
        readBoundedFile(path, { largestBytes: largestPemBytes });
      } catch (error) {
        (name === "credentials" ? fields : tls).error(
          name,
          `refers to ${quotePath(path)}, which cannot be used because ${readingTrouble(error)}`,
        );
      }
    }
    if ((certificate === undefined) !== (key === undefined))
      tls.error(certificate === undefined ? "key" : "certificate", "needs both: certificate and key");
    const { isTls } = this.address;
    const isElsewhere = this.addresses.some(({ host }) => !isLoopback(host));
    if (!isTls && (ca ?? certificate) !== undefined)
      fields.error("tls", `has no effect because the address begins with ${schemes.plain}://; use ${schemes.tls}://`);
    if (this.#password !== undefined && !isTls && isElsewhere)
      fields.error(
        "password",
        `would be sent in plain text; use an address that begins with ${schemes.tls}://, or a broker on this machine`,
      );
    if (this.#password !== undefined && !/^\s*\$\{/.test(this.#password))
      fields.problems.warn(
        fields.lineOf("password"),
        "password is in plain text, so everyone who can read this file can read it; use ${env:NAME} or ${file:PATH}",
      );
  }

  #read(path: string | undefined): Buffer | undefined {
    if (path === undefined) return undefined;
    try {
      return readBoundedFile(path, { largestBytes: largestPemBytes });
    } catch (error) {
      throw new BrokerAccessError(
        `cannot connect to ${this.text} because ${quotePath(path)} cannot be used: ${readingTrouble(error)}`,
        { cause: error },
      );
    }
  }

  #secretPlaces(): SecretPlaces {
    return { ...this.#context, files: new SecretFiles(0) };
  }
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export function addressText({ host, port }: BrokerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function exampleOf({ tls, tlsPort }: Schemes): string {
  return `${tls}://broker.example:${tlsPort}`;
}

function readAddress(
  fields: Fields,
  setting: "address" | "alternatives",
  text: string,
  { plain, tls, plainPort, tlsPort }: Schemes,
): BrokerAddress {
  const url = URL.parse(text);
  const nowhere = { host: "localhost", port: 0, isTls: true };
  if (text === "") return nowhere;
  const isTls = url?.protocol === `${tls}:`;
  if (url === null || url.hostname === "" || (!isTls && url.protocol !== `${plain}:`)) {
    fields.error(setting, `is ${quote(text)}; write ${plain}://HOST:PORT, or ${tls}://HOST:PORT for TLS`);
    return nowhere;
  }
  if (url.username !== "" || url.password !== "" || !["", "/"].includes(url.pathname) || url.search + url.hash !== "") {
    // What was written may be a secret: it is not shown.
    fields.error(setting, `holds more than a host and a port; write user and password as settings of their own`);
    return nowhere;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: url.port === "" ? (isTls ? tlsPort : plainPort) : Number(url.port), isTls };
}
