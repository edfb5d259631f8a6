// The memory of subscriptions on disk, beside the remembered names: a partition that starts again takes over what servers have kept for it. Nothing
// depends on the file but changes that were queued while nobody was connected.

import { readFileSync, statSync } from "node:fs";
import { dirname, join, basename } from "node:path";
import type { Log } from "@cpc-partition/process/log";
import { replaceFile } from "../../../sources/replace-file.ts";
import type { RememberedSubscription, SubscriptionMemory } from "./subscription-memory.ts";

/** Thousands of servers need less. */
const mostBytes = 4 * 1024 * 1024;
const format = "cpc-partition subscriptions, version 2";

/** Of the names file of the same partition. */
export function subscriptionsFileBeside(namesFile: string): string {
  return join(dirname(namesFile), `${basename(namesFile).replace(/_?names\.json$|\.json$/, "")}_subscriptions.json`);
}

export class SubscriptionsFile implements SubscriptionMemory {
  readonly #file: string;
  readonly #log: Log;
  readonly #all = new Map<string, RememberedSubscription>();
  #isOutdated = false;
  #written: Promise<void> | undefined;
  #isLogged = false;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#load();
  }

  get(owner: string): RememberedSubscription | undefined {
    return this.#all.get(owner);
  }

  set(owner: string, remembered: RememberedSubscription | undefined): void {
    if (remembered === undefined) this.#all.delete(owner);
    else this.#all.set(owner, remembered);
    this.#isOutdated = true;
    this.#written ??= this.#write();
  }

  /** Resolves when everything so far is on disk, or could not be written. */
  async written(): Promise<void> {
    await this.#written;
  }

  #load(): void {
    try {
      const size = statSync(this.#file, { throwIfNoEntry: false })?.size;
      if (size === undefined) return;
      if (size > mostBytes) throw new RangeError(`it has ${size} bytes, at most ${mostBytes} are allowed`);
      for (const [owner, remembered] of parse(readFileSync(this.#file, "utf8"))) this.#all.set(owner, remembered);
    } catch (error) {
      this.#log(
        "warn",
        `cannot use the remembered subscriptions in ${this.#file}: ${reasonOf(error)}; the partition subscribes anew, and changes that servers ` +
          "kept for it are lost: remove the file",
      );
    }
  }

  async #write(): Promise<void> {
    // What belongs together is set in one turn.
    await new Promise(setImmediate);
    while (this.#isOutdated) {
      this.#isOutdated = false;
      try {
        await replaceFile(this.#file, JSON.stringify({ format, subscriptions: [...this.#all] }));
      } catch (error) {
        if (!this.#isLogged) {
          const consequence =
            "after a restart the partition subscribes anew, and changes that servers kept for it are lost";
          const advice = "give a folder that this program may write to with --state";
          this.#log(
            "warn",
            `cannot remember subscriptions in ${this.#file}: ${reasonOf(error)}; ${consequence}: ${advice}`,
          );
        }
        this.#isLogged = true;
      }
    }
    this.#written = undefined;
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

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
