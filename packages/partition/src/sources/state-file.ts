// A file of the state folder: what the partition has learned and wants to know after a restart. It is written whenever that has changed, and while it
// cannot be written again and again: a disk that was full has room some day.
//
// It is written beside and then renamed: there is the old one or the new one, never half of one. What was written is there also after a power failure.

import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writingTrouble } from "@cpc-partition/process/file-trouble";
import type { Log } from "@cpc-partition/process/log";
import { toDisk } from "@cpc-partition/process/to-disk";

const tryAgainMs = 10_000;

export interface StateFileWords {
  /** The message continues "cannot remember". */
  readonly what: string;
  /** What will be after a restart. */
  readonly consequence: string;
}

export class StateFile {
  readonly path: string;
  readonly #text: () => string;
  readonly #words: StateFileWords;
  readonly #log: Log;
  readonly #tryAgainMs: number;
  #isOutdated = false;
  #isWriting = false;
  #written: Promise<void> = Promise.resolve();
  #loggedFailure: string | undefined;

  /** `text`: the whole content, as it is when it is written; throws when there can be none. */
  constructor(path: string, text: () => string, words: StateFileWords, log: Log, againMs = tryAgainMs) {
    this.path = path;
    this.#text = text;
    this.#words = words;
    this.#log = log;
    this.#tryAgainMs = againMs;
  }

  /** Begins to write; several calls during one write become the one after it. */
  save(): void {
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
    // What belongs together is saved in one turn.
    await new Promise(setImmediate);
    while (this.#isOutdated) {
      this.#isOutdated = false;
      try {
        await replaceFile(this.path, this.#text());
        if (this.#loggedFailure !== undefined) this.#log("info", `${this.path} is written again`);
        this.#loggedFailure = undefined;
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#isWriting = false;
  }

  #failed(error: unknown): void {
    const reason = writingTrouble(error, this.path);
    const { what, consequence } = this.#words;
    // Any other reason lies in the content, and no other folder helps.
    const isOfSystem = error instanceof Error && "errno" in error;
    const outlook = isOfSystem
      ? `it is tried again, and until then ${consequence}. --state chooses another folder`
      : consequence;
    if (this.#loggedFailure !== reason)
      this.#log("warn", `cannot remember ${what} in ${this.path} because ${reason}; ${outlook}`);
    this.#loggedFailure = reason;
    if (isOfSystem) setTimeout(() => this.save(), this.#tryAgainMs).unref();
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.next`;
  await mkdir(dirname(file), { recursive: true });
  await rm(next, { force: true });
  const handle = await open(next, "wx", 0o640);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    // Half a file would take the room that others need.
    await rm(next, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(next, file);
  await toDisk(dirname(file));
}
