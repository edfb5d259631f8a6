// Debian's stunnel before a plain Modbus device: a secure device as it is found in plants.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../until.ts";

export interface SecureFace {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Further lines of the service's configuration (stunnel(8)). */
  readonly options?: readonly string[];
}

export class Stunnel {
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), "cpc-stunnel-"));
  #log = "";

  /** One service for each face, all before the same device; clients need a certificate of the authority. */
  constructor(devicePort: number, clientAuthorityFile: string, faces: Readonly<Record<string, SecureFace>>) {
    const services = Object.entries(faces).map(([name, { certificateFile, keyFile, options = [] }]) =>
      [
        `[${name}]`,
        "accept = 127.0.0.1:0",
        `connect = 127.0.0.1:${devicePort}`,
        `cert = ${certificateFile}`,
        `key = ${keyFile}`,
        `CAfile = ${clientAuthorityFile}`,
        "verifyChain = yes",
        "requireCert = yes",
        ...options,
      ].join("\n"),
    );
    const file = join(this.#folder, "stunnel.conf");
    writeFileSync(file, ["foreground = yes", "pid =", "syslog = no", "debug = info", ...services, ""].join("\n"));
    this.#child = spawn("stunnel4", [file], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.once("error", (error) => (this.#log += `cannot start stunnel: ${error.message}`));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
  }

  get log(): string {
    return this.#log;
  }

  async port(service: string): Promise<number> {
    const bound = new RegExp(`Service \\[${service}\\] \\(FD=\\d+\\) bound to 127\\.0\\.0\\.1:(\\d+)`);
    await until(`stunnel listens; it says: ${this.#log}`, () => bound.test(this.#log));
    return Number(bound.exec(this.#log)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.kill()) await once(this.#child, "exit");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
