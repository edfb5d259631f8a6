// The nonce in a server's answer to CreateSession (OPC 10000-4, 5.7.2): at least 32 bytes by which our login is good for this session alone.
// We sign it with our key, and it is encrypted together with a password, so that neither can be replayed. Where there is neither, without
// security and without a user, it protects nothing, and a short one is let through.
//
// node-opcua refuses every short one, that of ActivateSession included, which would serve a login that never comes: our sessions are never
// activated a second time. So short nonces are kept from its check and given back before the login is signed.

import { ActivateSessionResponse, CreateSessionResponse } from "node-opcua-client";
import type { OPCUAClient, Response } from "node-opcua-client";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";

const leastNonceBytes = 32;

/** A method of the library's client that its types do not show: it signs the login and sends it. */
const activation = "_activateSession";
type Activate = (session: { serverNonce?: Buffer }, ...rest: readonly unknown[]) => unknown;

export class ServerNonce {
  readonly #server: OpcUaServer;
  #withheld: Buffer | undefined;
  #overlooked: string | undefined;

  constructor(server: OpcUaServer, client: OPCUAClient) {
    this.#server = server;
    const activating = client as unknown as { [activation]: Activate };
    const activate = activating[activation].bind(client);
    activating[activation] = (session, ...rest) => {
      if (this.#withheld !== undefined) session.serverNonce = this.#withheld;
      return activate(session, ...rest);
    };
  }

  /** What was wrong with the nonce that is used all the same, for the log. */
  get overlooked(): string | undefined {
    return this.#overlooked;
  }

  /** To be called before node-opcua sees the response. The reason why no session can be opened, or undefined. */
  judge(response: Response): string | undefined {
    if (!(response instanceof CreateSessionResponse || response instanceof ActivateSessionResponse)) return undefined;
    const nonce = response.serverNonce ?? Buffer.alloc(0);
    if (nonce.length >= leastNonceBytes) return undefined;
    response.serverNonce = Buffer.alloc(0);
    if (response instanceof ActivateSessionResponse) return undefined;
    this.#withheld = nonce;
    const { mode, identity, relaxations } = this.#server;
    if (mode === "None" && identity.kind === "Anonymous") return undefined;
    const trouble = `the server's nonce has ${nonce.length} bytes where ${leastNonceBytes} are due, so that a recorded login could be used again`;
    if (relaxations?.ignoreShortNonce !== true) {
      return `${trouble}; update the server, or set <ignore_short_nonce>true</ignore_short_nonce> in its <security>`;
    }
    this.#overlooked = trouble;
    return undefined;
  }
}
