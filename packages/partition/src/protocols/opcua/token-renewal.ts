// A renewal of the channel's token that is refused or not answered leaves node-opcua with the old token, which it uses on until the server
// drops what comes with it, and no poll tells before (OPC 10000-6, 6.7.4). While the old token is good there is still time to leave politely.

import type { OPCUAClient } from "node-opcua-client";

export class TokenRenewal {
  #timer: NodeJS.Timeout | undefined;

  /** `failed` is called when the server has not renewed a token for so long after it was asked to. */
  constructor(client: OPCUAClient, timeoutMs: number, failed: () => void) {
    client.on("lifetime_75", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(failed, timeoutMs);
    });
    client.on("security_token_renewed", () => this.stop());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
