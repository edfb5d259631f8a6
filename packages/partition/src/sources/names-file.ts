// The names that OPC UA servers reported, on disk: read at the start, written whenever one is new. The file decides which key a value
// has, so what stands in it is checked; without it, or with a broken one, the servers are asked for the names again.
//
// It is written beside and then renamed: there is the old one or the new one, never half of one.

import { readFileSync, statSync } from "node:fs";
import type { Log } from "@cpc-partition/process/log";
import type { RememberedName, RememberedNames } from "@cpc-partition/image/values/point-keys";
import { replaceFile } from "./replace-file.ts";

/** Several times what the largest configuration needs, unless a server's names are made to fill the disk: then the file stays as it was. */
const mostBytes = 64 * 1024 * 1024;
const format = "cpc-partition names, version 1";
const none: RememberedNames = new Map();

export class NamesFile {
  readonly #file: string;
  readonly #log: Log;
  #latest: RememberedNames = none;
  #isWriting = false;
  #isOutdated = false;
  #written: Promise<void> = Promise.resolve();
  #loggedFailure: string | undefined;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  /** Nothing when there is no such file yet; a file that cannot be used is logged, and as good as none. */
  load(): RememberedNames {
    try {
      const { size } = statSync(this.#file, { throwIfNoEntry: false }) ?? {};
      if (size === undefined) return none;
      requireBounded(size);
      return parseNames(readFileSync(this.#file, "utf8"));
    } catch (error) {
      this.#log(
        "warn",
        `cannot use the remembered browse names in ${this.#file}: ${reasonOf(error)}; the partition asks the servers for them again, and keys that ` +
          "several points ask for may change: restore the file, or remove it when that does not matter",
      );
      return none;
    }
  }

  /** Begins to write; several calls during one write become the one after it. */
  save(names: RememberedNames): void {
    this.#latest = names;
    this.#isOutdated = true;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#written = this.#writeAll();
  }

  /** Resolves when everything that was saved so far is on disk, or could not be written. */
  written(): Promise<void> {
    return this.#written;
  }

  async #writeAll(): Promise<void> {
    while (this.#isOutdated) {
      this.#isOutdated = false;
      try {
        const text = textOf(this.#latest);
        requireBounded(Buffer.byteLength(text));
        await replaceFile(this.#file, text);
        this.#loggedFailure = undefined;
      } catch (error) {
        const reason = reasonOf(error);
        if (this.#loggedFailure !== reason) {
          const advice = "give a folder that this program may write to with --state";
          const consequence = "after a restart, keys that several points ask for may change";
          this.#log("warn", `cannot remember browse names in ${this.#file}: ${reason}; ${consequence}: ${advice}`);
        }
        this.#loggedFailure = reason;
      }
    }
    this.#isWriting = false;
  }
}

function requireBounded(sizeBytes: number): void {
  if (sizeBytes > mostBytes) throw new RangeError(`it has ${sizeBytes} bytes, at most ${mostBytes} are allowed`);
}

function textOf(names: RememberedNames): string {
  const lines = [...names].map(([identity, { name, key }]) => JSON.stringify([identity, name, key]));
  return `{"format":${JSON.stringify(format)},"names":[\n${lines.join(",\n")}\n]}\n`;
}

function parseNames(text: string): RememberedNames {
  const content: unknown = JSON.parse(text);
  if (typeof content !== "object" || content === null || !("format" in content) || content.format !== format)
    throw new TypeError(`it does not say that its format is "${format}"`);
  const entries: unknown = "names" in content ? content.names : undefined;
  if (!Array.isArray(entries)) throw new TypeError("it has no list of names");
  const names = new Map<string, RememberedName>();
  const keys = new Set<string>();
  for (const entry of entries as readonly unknown[]) {
    if (!isEntry(entry)) throw new TypeError("an entry is not [identity, name, key]");
    const [identity, name, key] = entry;
    if (names.has(identity) || keys.has(key)) throw new TypeError("an entry stands in it twice");
    names.set(identity, { name, key });
    keys.add(key);
  }
  return names;
}

function isEntry(entry: unknown): entry is readonly [string, string, string] {
  return Array.isArray(entry) && entry.length === 3 && entry.every((text) => typeof text === "string" && text !== "");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
