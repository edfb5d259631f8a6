// A server of born values in a process of its own: what it takes to kill it, to stop it with SIGSTOP, and to let it come back.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lifetime } from "../image/posix/own-objects.ts";

const entry = fileURLToPath(new URL("./born-server-process.ts", import.meta.url));

export interface BornServerPlace {
  /** To come back where one was; by default any. */
  readonly port?: number;
  /** Where it listens; default 127.0.0.1. */
  readonly host?: string;
  /** A command that the process is run by, as `["ip", "netns", "exec", name]`. */
  readonly wrapper?: readonly string[];
}

export class BornServer {
  readonly port: number;
  readonly #child: ChildProcess;
  /** For the process's own files, which it cannot remove when it is killed. */
  readonly #folder: string;

  private constructor(child: ChildProcess, port: number, folder: string) {
    this.#child = child;
    this.port = port;
    this.#folder = folder;
  }

  static async start(
    t: Lifetime,
    protocol: "modbus" | "opcua",
    firstPlace: number,
    points: number,
    { port = 0, host = "127.0.0.1", wrapper = [] }: BornServerPlace = {},
  ): Promise<BornServer> {
    const own = [entry, protocol, firstPlace, points, port, host].map(String);
    const [command = "", ...args] = [...wrapper, process.execPath, ...own];
    const folder = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: folder },
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const server = new BornServer(child, Number(String(line)), folder);
    t.after(() => server.end("SIGKILL"));
    return server;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "close");
      this.#child.kill(signal);
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
