// The names that OPC UA servers reported, on disk: read at the start, written whenever one is new. The file decides which key a value
// has, so what stands in it is checked; without it, or with a broken one, the servers are asked for the names again.

import type { Log } from "@cpc-partition/process/log";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import type { RememberedName, RememberedNames } from "@cpc-partition/image/values/point-keys";
import { StateFile } from "./state-file.ts";

/** Several times what the largest configuration needs, unless a server's names are made to fill the disk: then the file stays as it was. */
const mostBytes = 64 * 1024 * 1024;
const format = "cpc-partition names, version 1";
const none: RememberedNames = new Map();

export class NamesFile {
  readonly #file: StateFile;
  readonly #log: Log;
  #latest: RememberedNames = none;

  constructor(path: string, log: Log, tryAgainMs?: number) {
    const words = { what: "browse names", consequence: "a restart may change keys that several points ask for" };
    this.#file = new StateFile(path, () => boundedText(this.#latest), words, log, tryAgainMs);
    this.#log = log;
  }

  /** Nothing when there is no such file yet; a file that cannot be used is logged, and as good as none. */
  load(): RememberedNames {
    try {
      return parseNames(readBoundedFile(this.#file.path, { largestBytes: mostBytes }).toString());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return none;
      this.#log(
        "warn",
        `cannot use the remembered browse names in ${this.#file.path}: ${readingTrouble(error)}; the partition asks the servers for them again, and keys that ` +
          "several points ask for may change: restore the file, or remove it when that does not matter",
      );
      return none;
    }
  }

  /** Begins to write, as often as it takes. */
  save(names: RememberedNames): void {
    this.#latest = names;
    this.#file.save();
  }

  /** Resolves when everything that was saved so far is on disk, or could not be written. */
  written(): Promise<void> {
    return this.#file.written();
  }
}

function boundedText(names: RememberedNames): string {
  const text = textOf(names);
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > mostBytes) throw new RangeError(`it has ${sizeBytes} bytes, at most ${mostBytes} are allowed`);
  return text;
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
