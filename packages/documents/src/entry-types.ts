// An entry never changes its type: a consumer that made a Float of it fails at a text, and drops the rest of the document with it.

import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";

/** Told in one run; a server whose types change all the time must not fill the log. */
const mostLogged = 20;

export class EntryTypes {
  /** By key: the described type in the upper half; type and shape of the first value, as in the record, in the lower. */
  readonly #first = new Map<string, number>();
  readonly #logged = new Set<string>();
  readonly #changed: (key: string) => void;

  /** `changed` is called once for a key that has to be left out. */
  constructor(changed: (key: string) => void) {
    this.#changed = changed;
  }

  /**
   * True when the value has the type and shape that the first value of this entry had. Another type of the point itself, by its
   * configuration or by the server's declaration, begins anew.
   */
  keeps(key: string, described: BuiltInType, kind: number): boolean {
    const both = (described << 16) | kind;
    const first = this.#first.get(key);
    if (first === both) return true;
    if (first === undefined || first >> 16 !== described) {
      this.#first.set(key, both);
      return true;
    }
    if (!this.#logged.has(key) && this.#logged.size < mostLogged) {
      this.#logged.add(key);
      this.#changed(key);
    }
    return false;
  }
}
