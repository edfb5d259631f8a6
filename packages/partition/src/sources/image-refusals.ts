// What the provider of the image's memory would not do. Each reason is logged once, until there is an image with its name again: what
// was refused is asked for again and again.

import type { Log } from "@cpc-partition/process/log";

/** What it means for readers of the image: they keep the one they have, or they have none. */
export const unchanged = "cannot replace the process image; the present one stays in use";
export const unreadable = "cannot make the process image; nobody can read it and no documents are made of it";

export const roomless =
  "the process image has no room for texts and arrays; they have the status BadEncodingLimitsExceeded";

export class ImageRefusals {
  readonly #log: Log;
  readonly #logged = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  get areThere(): boolean {
    return this.#logged.size > 0;
  }

  /** What was refused is not wanted any more. */
  forget(): void {
    this.#logged.clear();
  }

  /** What was refused is done. */
  end(): void {
    if (this.areThere) this.#log("info", "there is a new process image");
    this.forget();
  }

  /** The provider's answer; undefined when it refused, which is logged with its consequence. */
  async attempt<Answer>(
    consequence: typeof unchanged | typeof unreadable | typeof roomless,
    imageBytes: number | undefined,
    ask: () => Promise<Answer> | Answer,
  ): Promise<Answer | undefined> {
    try {
      return await ask();
    } catch (error) {
      const text = `${consequence}: ${error instanceof Error ? error.message : String(error)}`;
      if (!this.#logged.has(text)) this.#log("error", text, imageBytes === undefined ? {} : { imageBytes });
      this.#logged.add(text);
      return undefined;
    }
  }
}
