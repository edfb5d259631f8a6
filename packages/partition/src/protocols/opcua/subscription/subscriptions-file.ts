// The memory of subscriptions on disk, beside the remembered names: a partition that starts again takes over what servers have kept for it. Nothing
// depends on the file but changes that were queued while nobody was connected.

import { dirname, join, basename } from "node:path";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import type { Log } from "@cpc-partition/process/log";
import { StateFile } from "../../../sources/state-file.ts";
import type { RememberedSubscription, SubscriptionMemory } from "./subscription-memory.ts";

/** A group that is not configured any more, or otherwise, leaves its subscription behind: only the latest are kept. */
const mostRemembered = 2000;
/** These need less. */
const mostBytes = 4 * 1024 * 1024;
const format = "cpc-partition subscriptions, version 2";

/** Of the names file of the same partition. */
export function subscriptionsFileBeside(namesFile: string): string {
  return join(dirname(namesFile), `${basename(namesFile).replace(/_?names\.json$|\.json$/, "")}_subscriptions.json`);
}

export class SubscriptionsFile implements SubscriptionMemory {
  readonly #file: StateFile;
  readonly #log: Log;
  readonly #all = new Map<string, RememberedSubscription>();

  constructor(path: string, log: Log) {
    const consequence = "after a restart the partition subscribes anew, and changes that servers kept for it are lost";
    const text = (): string => JSON.stringify({ format, subscriptions: [...this.#all] });
    this.#file = new StateFile(path, text, { what: "subscriptions", consequence }, log);
    this.#log = log;
    this.#load();
  }

  get(owner: string): RememberedSubscription | undefined {
    return this.#all.get(owner);
  }

  set(owner: string, remembered: RememberedSubscription | undefined): void {
    // The latest come last.
    this.#all.delete(owner);
    if (remembered !== undefined) this.#all.set(owner, remembered);
    const [oldest] = this.#all.keys();
    if (this.#all.size > mostRemembered && oldest !== undefined) this.#all.delete(oldest);
    this.#file.save();
  }

  /** Resolves when everything so far is on disk, or could not be written. */
  written(): Promise<void> {
    return this.#file.written();
  }

  #load(): void {
    try {
      const text = readBoundedFile(this.#file.path, { largestBytes: mostBytes }).toString();
      for (const [owner, remembered] of parse(text)) this.#all.set(owner, remembered);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      this.#log(
        "warn",
        `cannot use the remembered subscriptions in ${this.#file.path}: ${readingTrouble(error)}; the partition subscribes anew, and changes that servers ` +
          "kept for it are lost: remove the file",
      );
    }
  }
}

function parse(text: string): readonly (readonly [string, RememberedSubscription])[] {
  const content: unknown = JSON.parse(text);
  if (typeof content !== "object" || content === null || !("format" in content) || content.format !== format)
    throw new TypeError(`it does not say that its format is "${format}"`);
  const entries: unknown = "subscriptions" in content ? content.subscriptions : undefined;
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw new TypeError("it has no list of subscriptions");
  return entries;
}

function isEntry(entry: unknown): entry is readonly [string, RememberedSubscription] {
  if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string") return false;
  const remembered = entry[1] as Partial<RememberedSubscription> | null;
  return (
    isWhole(remembered?.id) &&
    typeof remembered?.publishingMs === "number" &&
    isWhole(remembered.keepAliveCount) &&
    typeof remembered.fingerprint === "string" &&
    isWhole(remembered.firstHandle) &&
    isWhole(remembered.items) &&
    (remembered.serverStartMs === null || typeof remembered.serverStartMs === "number") &&
    (remembered.nextNumber === null || isWhole(remembered.nextNumber))
  );
}

function isWhole(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}
