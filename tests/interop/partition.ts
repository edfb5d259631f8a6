// The product as its users run it: `cpc run` as a child process, with OS names and a folder of its own.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { connectingAndReading } from "../read-only/recorded-plant.ts";
import { recordModbus, recordOpcUa } from "../plant/recording-proxy.ts";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { Peer } from "./peer.ts";
import { parseDocument } from "../documents/parse-document.ts";

/** Function codes, and what shows of OPC UA from outside of an encrypted channel. */
const harmless = new Set<string | number>([1, 2, 3, 4, "encrypted", ...connectingAndReading]);

export interface RunOptions {
  readonly modbus?: string;
  readonly opcua?: string;
  readonly intervalSeconds?: number;
  readonly consumers?: readonly string[];
}

export class Partition {
  readonly #endings: (() => unknown)[] = [];
  readonly #sandbox = new Sandbox({ after: (ending) => void this.#endings.push(ending) });
  readonly #peers: Peer[] = [];
  readonly #recorders: { readonly close: () => Promise<void>; readonly seen: () => readonly (string | number)[] }[] =
    [];
  readonly #children: Child[] = [];
  #argumentList: readonly string[] = [];

  get folder(): string {
    return this.#sandbox.folder;
  }

  get prefix(): string {
    return this.#sandbox.prefix;
  }

  get log(): string {
    return this.#children.map(({ stdout, stderr }) => stdout + stderr).join("");
  }

  write(name: string, content: string): string {
    return this.#sandbox.write(name, content);
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

  run({ modbus, opcua, consumers, intervalSeconds = 0.2 }: RunOptions): void {
    this.#argumentList = [
      ...(modbus === undefined ? [] : ["--modbus", modbus]),
      ...(opcua === undefined ? [] : ["--opcua", opcua]),
      ...(consumers === undefined ? [] : ["--consumers", consumers.join(",")]),
      "--interval",
      String(intervalSeconds),
      "--certificates",
      join(this.folder, "certificates"),
    ];
    this.runAgain();
  }

  /** With the same arguments as before. */
  runAgain(): void {
    this.#children.push(this.#sandbox.run(...this.#argumentList));
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
    await peer.message();
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
    await this.#running(`the log says ${words.source}`, () => words.test(this.log));
  }

  /** Ends with the partition. */
  keep(peer: Peer): Peer {
    this.#peers.push(peer);
    return peer;
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number | null> {
    return (await this.#child?.end())?.code ?? null;
  }

  async kill(): Promise<void> {
    await this.#child?.end("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    const seen = this.#recorders.flatMap((recorder) => recorder.seen());
    await Promise.all([...this.#recorders, ...this.#peers].map((each) => each.close()));
    for (const end of this.#endings.toReversed()) await end();
    const others = new Set(seen).difference(harmless);
    assert.deepEqual(others, new Set(), "the plant was asked for something else than to connect and to read");
    assert.ok(this.#recorders.length === 0 || seen.length > 0, "the recorder saw nothing");
  }

  get #child(): Child | undefined {
    return this.#children.at(-1);
  }

  async #running(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    assert.ok(this.#child, "the partition was started");
    await this.#child.until(what, condition);
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
