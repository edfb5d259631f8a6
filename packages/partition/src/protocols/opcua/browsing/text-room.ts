// How many characters of names, descriptions and types of a server are kept. A message has a bound, but a hostile server sends as many as it is asked for.

import { ServerError } from "../../../sources/server-error.ts";

/** For each node that somebody wants at most; in plants it is a tenth. */
const charactersForNode = 500;
const leastCharacters = 10_000_000;

export class TextRoom {
  readonly #server: { readonly alias: string; readonly endpointUrl: string };
  readonly #characters: number;
  #taken = 0;

  constructor(server: { readonly alias: string; readonly endpointUrl: string }, mostNodes: number) {
    this.#server = server;
    this.#characters = Math.max(leastCharacters, mostNodes * charactersForNode);
  }

  /** Throws a ServerError when there is no room left. */
  take(...texts: readonly string[]): void {
    for (const { length } of texts) this.#taken += length;
    if (this.#taken <= this.#characters) return;
    const { alias, endpointUrl } = this.#server;
    const because = `its names, descriptions and types have more than ${this.#characters} characters; begin further down with --from`;
    throw new ServerError("ServiceFault", alias, `cannot browse ${endpointUrl} because ${because}`);
  }
}
