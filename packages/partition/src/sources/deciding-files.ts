// The files that decide whether a server is accepted: trust list, certificates, keys. After a refusal the next attempt need not wait when one
// of them has changed.

import { ServerError } from "./server-error.ts";

export class DecidingFiles {
  readonly #version: () => string;
  #used: string;

  /** `version` is another text when one of the files has changed. */
  constructor(version: () => string) {
    this.#version = version;
    this.#used = version();
  }

  /** What follows is decided by the files as they are now. */
  use(): void {
    this.#used = this.#version();
  }

  /** Does the work. A refusal that it ends with knows whether the files have changed since they were used. */
  async decide<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const used = this.#used;
      if (error instanceof ServerError && error.retry === "slowly") {
        error.isReasonGone = () => this.#version() !== used;
      }
      throw error;
    }
  }
}
