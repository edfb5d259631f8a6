// The product as its users run it: `cpc run` as a child process, with OS names and a folder of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectingAndReading } from "../read-only/recorded-plant.ts";
import { recordModbus, recordOpcUa } from "../plant/recording-proxy.ts";
import { CHECKOUT, Peer } from "./peer.ts";
import { parseDocument } from "../documents/parse-document.ts";

const WATCHDOG_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/** Waits for a condition; a condition that never comes true is a failure that names it. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + WATCHDOG_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain until ${what}`);
    await pause(LOOK_AGAIN_MS);
  }
}

/** Function codes, and what shows of OPC UA from outside of an encrypted channel. */
const harmless = new Set<string | number>([1, 2, 3, 4, "encrypted", ...connectingAndReading]);

export interface RunOptions {
  readonly modbus?: string;
  readonly opcua?: string;
  readonly intervalSeconds?: number;
  readonly consumers?: readonly string[];
}

export class Partition {
  readonly folder = mkdtempSync(join(tmpdir(), "cpc-interop-"));
  readonly prefix = `interop_${process.pid}_${randomBytes(4).toString("hex")}_`;
  readonly #peers: Peer[] = [];
  readonly #recorders: { readonly close: () => Promise<void>; readonly seen: () => readonly (string | number)[] }[] =
    [];
  #child: ChildProcess | undefined;
  #argumentList: readonly string[] = [];
  #log = "";

  get log(): string {
    return this.#log;
  }

  write(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** The port of a proxy before a Modbus peer: what is asked for is decoded there, and judged at the end. */
  async beforeModbus(port: number): Promise<number> {
    const proxy = await recordModbus(port);
    const seen = (): (string | number)[] => proxy.requests.map(({ functionCode }) => functionCode);
    this.#recorders.push({ close: () => proxy.close(), seen });
    return proxy.port;
  }

  /** The same before an OPC UA peer; inside of encrypted channels only that there is something shows. */
  async beforeOpcUa(port: number): Promise<number> {
    const proxy = await recordOpcUa(port, true);
    this.#recorders.push({ close: () => proxy.close(), seen: () => proxy.requests.map(({ service }) => service) });
    return proxy.port;
  }

  run(options: RunOptions): void {
    const argumentList = ["packages/partition/src/main.ts", "run", "--prefix", this.prefix, "--log-format", "json"];
    if (options.modbus !== undefined) argumentList.push("--modbus", options.modbus);
    if (options.opcua !== undefined) argumentList.push("--opcua", options.opcua);
    if (options.consumers !== undefined) argumentList.push("--consumers", options.consumers.join(","));
    argumentList.push("--interval", String(options.intervalSeconds ?? 0.2));
    argumentList.push("--certificates", join(this.folder, "certificates"));
    this.#argumentList = argumentList;
    this.runAgain();
  }

  /** With the same arguments as before. */
  runAgain(): void {
    const child = spawn(process.execPath, this.#argumentList, { cwd: CHECKOUT, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    this.#child = child;
  }

  segment(service: "modbus" | "opcua", consumer?: string): string {
    return `${this.prefix}${service}_shm${consumer === undefined ? "" : `_${consumer}`}`;
  }

  /** A Python consumer, attached; waits until the partition has made the objects. */
  async consumer(
    service: "modbus" | "opcua",
    consumer?: string,
    mode: "tracked" | "untracked" = "untracked",
  ): Promise<Peer> {
    const segment = this.segment(service, consumer);
    const semaphore = segment.replace("_shm", "_semaphore");
    await this.#running(
      `${segment} exists`,
      () => existsSync(`/dev/shm/${segment}`) && existsSync(`/dev/shm/sem.${semaphore}`),
    );
    const peer = this.keep(
      Peer.python("consumer.py", segment, semaphore, ...(mode === "untracked" ? ["--untracked"] : [])),
    );
    await peer.line();
    return peer;
  }

  /** Waits until the consumer sees the entry's value. */
  async sees(consumer: Peer, key: string, value: unknown): Promise<void> {
    await this.#running(`${key} is ${String(value)}`, async () => {
      const document = parse((await consumer.ask("read"))["text"] as string);
      return document?.[key]?.["value"] === value;
    });
  }

  async logs(words: RegExp): Promise<void> {
    await this.#running(`the log says ${words.source}`, () => words.test(this.#log));
  }

  /** Ends with the partition. */
  keep(peer: Peer): Peer {
    this.#peers.push(peer);
    return peer;
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number | null> {
    return await this.#end("SIGTERM");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    const seen = this.#recorders.flatMap((recorder) => recorder.seen());
    await Promise.all([...this.#recorders, ...this.#peers].map((each) => each.close()));
    rmSync(this.folder, { recursive: true, force: true });
    for (const name of readdirSync("/dev/shm")) {
      if (name.startsWith(this.prefix) || name.startsWith(`sem.${this.prefix}`)) rmSync(`/dev/shm/${name}`);
    }
    const others = new Set(seen).difference(harmless);
    assert.deepEqual(others, new Set(), "the plant was asked for something else than to connect and to read");
    assert.ok(this.#recorders.length === 0 || seen.length > 0, "the recorder saw nothing");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const watchdog = setTimeout(() => child.kill("SIGKILL"), WATCHDOG_MS);
    child.kill(signal);
    const code = await ended;
    clearTimeout(watchdog);
    return code;
  }

  async #running(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await until(what, () => {
        if (this.#child?.exitCode !== null) throw new Error(`the partition ended before ${what}`);
        return condition();
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; its log: ${this.#log.slice(-4000)}`, { cause: error });
    }
  }
}

type Document = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Undefined for a segment that is empty or holds an acknowledgement. Big integers lose digits here: Python compares those. */
export function parse(text: string): Document | undefined {
  try {
    return parseDocument(text) as Document;
  } catch {
    return undefined;
  }
}
