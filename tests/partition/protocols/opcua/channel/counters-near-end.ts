// Loaded before a command (`--import`): the numbers of requests begin near the end of 32 bits in every secure channel of the client library.

import { registerHooks } from "node:module";

/** The partition leaves 65,536 of them. */
const first = 2 ** 32 - 65_536 - 60;
const wanted = "this.#_lastRequestId = 0;";

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.endsWith("/client_secure_channel_layer.js")) return loaded;
    const source =
      typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
    if (!source.includes(wanted)) throw new TypeError("the library counts its requests otherwise");
    return { ...loaded, source: source.replace(wanted, `this.#_lastRequestId = ${first};`) };
  },
});
