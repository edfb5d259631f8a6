// What a server proves when it creates a session (OPC 10000-4, 5.7.2): its certificate is that of the channel, and it signs our nonce with
// the key of it. node-opcua checks neither.

import { CreateSessionRequest, CreateSessionResponse, verifySignature } from "node-opcua-client";
import type { OPCUAClient, Response } from "node-opcua-client";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { policyUri } from "./endpoint-discovery.ts";

export class ServerProof {
  readonly #server: OpcUaServer;
  readonly #client: OPCUAClient;
  readonly #certificate: Buffer;
  #clientNonce: Buffer | null = null;

  constructor(server: OpcUaServer, client: OPCUAClient, certificate: Buffer) {
    this.#server = server;
    this.#client = client;
    this.#certificate = certificate;
    client.on("send_request", (request) => {
      if (request instanceof CreateSessionRequest) this.#clientNonce = request.clientNonce;
    });
  }

  /** The reason why no session can be opened, or undefined. */
  judge(response: Response): string | undefined {
    if (!(response instanceof CreateSessionResponse)) return undefined;
    if (!startsWith(response.serverCertificate, this.#certificate)) {
      return "it answers with another certificate than that of its channel";
    }
    if (this.#server.mode === "None") return undefined; // nothing is signed; the password is encrypted with this key
    const own = this.#client.getCertificate();
    const { serverSignature } = response;
    const isRight = verifySignature(
      own,
      this.#clientNonce,
      serverSignature,
      this.#certificate,
      policyUri(this.#server),
    );
    return isRight ? undefined : "its signature is wrong";
  }
}

/** The leaf comes first in a chain. */
export function startsWith(bytes: Buffer | null, start: Buffer): boolean {
  return bytes !== null && bytes.length >= start.length && bytes.subarray(0, start.length).equals(start);
}
