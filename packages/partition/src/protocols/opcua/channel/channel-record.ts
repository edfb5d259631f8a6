// What a secure channel shows of how it opens and why it ends. node-opcua passes little of that on: the code of an Error message
// (OPC 10000-6, 7.1.2.5) is dropped, and a refusal that it gives a reason for arrives as a text of its developers.
//
// To be made for every channel before it is opened; then the channel also lets in no more than response-gate.ts says. A server that sends an Error message has ended the connection, so we do, too.

import { ClientSecureChannelLayer, OpenSecureChannelResponse } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { ResponseGate, type Violation } from "./response-gate.ts";

/** The code with which a server refuses or ends a connection. */
export interface Refusal {
  readonly value: number;
  readonly name: string;
  /** It came in an Error message: the connection is over, whatever the code means elsewhere. */
  readonly endsConnection: boolean;
}

export class ChannelRecord {
  readonly #channel: ClientSecureChannelLayer;
  #refusal: Refusal | undefined;
  #openingError: unknown;
  #openAnswer: OpenSecureChannelResponse | undefined;
  #isAcknowledged = false;
  readonly #gate: ResponseGate;

  /** `certificate`: what the channel is opened with, undefined without security. */
  constructor(channel: ClientSecureChannelLayer, certificate?: Buffer) {
    this.#channel = channel;
    this.#gate = new ResponseGate(channel, certificate);
    channel.on("receive_chunk", (chunk: Buffer) => {
      const value = codeOfErrorMessage(chunk);
      if (value === undefined) return;
      this.#refusal ??= { value, name: statusName(value), endsConnection: true };
      setImmediate(() => channel.forceConnectionBreak());
    });
    // The first one, OpenSecureChannel, is sent by the library when the server has acknowledged the Hello.
    channel.once("send_request", () => {
      this.#isAcknowledged = true;
    });
    channel.on("receive_response", (response: unknown) => {
      if (!(response instanceof OpenSecureChannelResponse)) return;
      const { value } = response.responseHeader.serviceResult;
      if (isBad(value)) this.#refusal ??= { value, name: statusName(value), endsConnection: false };
      else this.#openAnswer = response;
    });
    const create = channel.create.bind(channel);
    channel.create = (url, callback) =>
      create(url, (error) => {
        this.#openingError = error;
        callback(error);
      });
  }

  /** Undefined: the server gave no reason. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** What the server did that no server may do; the connection is over. */
  get violation(): Violation | undefined {
    return this.#gate.violation;
  }

  /** From now on the server may send as much as one may that has opened a session. */
  trust(): void {
    this.#gate.trust();
  }

  /** As node-opcua's channel gave it, before its client wrapped it into texts of its own. */
  get openingError(): unknown {
    return this.#openingError ?? undefined;
  }

  /** The other side is an OPC UA server: it has acknowledged our Hello (OPC 10000-6, 7.1.2.4). */
  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  get hasTimedOut(): boolean {
    return this.#channel.timedOutRequestCount > 0;
  }

  get hasOpened(): boolean {
    return this.#channel.activeSecurityToken !== null && this.#channel.activeSecurityToken !== undefined;
  }

  get hasEnded(): boolean {
    return !this.#channel.isValid();
  }

  /**
   * Bytes of the nonce in an answer that opens the channel and that node-opcua nevertheless did not use: it takes nonces only of
   * the length that the standard has for the policy.
   */
  get unusedNonceBytes(): number | undefined {
    return this.#openAnswer === undefined || this.hasOpened ? undefined : (this.#openAnswer.serverNonce?.length ?? 0);
  }
}

/** OPC 10000-6, 7.1.2.2 and 7.1.2.5: "ERR", "F", u32 size of the message, u32 code, reason. */
function codeOfErrorMessage(chunk: Buffer): number | undefined {
  const codeOffset = 8;
  const isErrorMessage = chunk.length >= codeOffset + 4 && chunk.toString("latin1", 0, 3) === "ERR";
  return isErrorMessage ? chunk.readUInt32LE(codeOffset) : undefined;
}
