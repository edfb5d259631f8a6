// What a secure channel lets in: answers to requests that it sent, of the kind that was asked for, within limits.
//
// It stands between the connection and node-opcua's message builder, which verifies chunks and puts them together, and between the builder and
// the channel, which hands answers out. A message is judged by its size, its request and its type before anything of it is decoded; its
// header is skipped (response-header.ts), the rest decoded within a budget (decode-budget.ts). When too much would become of an answer, whoever
// asked gets BadEncodingLimitsExceeded instead, as from the server, and asks for less at once. A server that sends what none may
// send loses its connection.
//
// An answer that nobody waits for is passed over without decoding it; a server that sends many of them floods.

import { OpenSecureChannelRequest, OpenSecureChannelResponse, ServiceFault } from "node-opcua-client";
import type { ClientSecureChannelLayer, MessageBuilder } from "node-opcua-client";
import { coerceStatusCode } from "node-opcua-status-code";
import { streamWithin } from "./decode-budget.ts";
import { limitsBeforeTrust, limitsOfSession, type MessageLimits } from "./message-limits.ts";
import { flawOfOpening } from "./opening-chunk.ts";
import { readingServices, type DecodableResponse, type ResponseClass } from "./reading-services.ts";
import { readResponseStart, type ResponseStart } from "./response-header.ts";
import { followWrap } from "./chunk-numbers.ts";

/** The server did what no server may do. */
export interface Violation {
  /** Completes "because". */
  readonly reason: string;
  /** Its message was larger than what we had said that we take. */
  readonly isTooLarge: boolean;
}

const mostUnasked = 16;

/** Of a token. The library's timer for its renewal cannot hold more than the most, and would fire at once, again and again. */
const leastLifetimeMs = 1000;
const mostLifetimeMs = 2 ** 31 - 1;

const badEncodingLimitsExceeded = 0x80080000;
const badDecodingError = 0x80070000;

export class ResponseGate {
  readonly #channel: ClientSecureChannelLayer;
  readonly #certificate: Buffer | undefined;
  /** By request id: what answers it. */
  readonly #awaited = new Map<number, ResponseClass>();
  #builder: MessageBuilder | undefined;
  #limits: MessageLimits = limitsBeforeTrust;
  #unasked = 0;
  #violation: Violation | undefined;

  /** To be made before the channel is opened. `certificate`: the server's, that was checked, DER; undefined: a channel without security. */
  constructor(channel: ClientSecureChannelLayer, certificate: Buffer | undefined) {
    this.#channel = channel;
    this.#certificate = certificate;
    // The first one, OpenSecureChannel, is about to leave when the builder is there.
    channel.on("send_request", (request) => {
      const { constructor, requestHeader } = request;
      this.#attach();
      const answer =
        constructor === OpenSecureChannelRequest ? OpenSecureChannelResponse : readingServices.get(constructor);
      if (answer !== undefined) this.#awaited.set(requestHeader.requestHandle, answer);
    });
    // An answer to it would make the library throw in the middle of what else has come.
    channel.on("timed_out_request", ({ requestHeader }) => this.#awaited.delete(requestHeader.requestHandle));
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** The server has opened a session, and has proven who it is where that is asked of it. */
  trust(): void {
    this.#limits = limitsOfSession;
  }

  #attach(): void {
    // oxlint-disable-next-line no-underscore-dangle -- the library shows it by no other name
    const builder = this.#channel._getMessageBuilder();
    if (builder === undefined || builder === this.#builder) return;
    this.#builder = builder;
    followWrap(builder);
    const feed = builder.feed.bind(builder);
    builder.feed = (chunk) => {
      if (this.#isLetIn(chunk, builder)) feed(chunk);
    };
    Object.assign(builder, { _decodeMessageBody: (body: Buffer) => this.#receive(body, builder) });
    builder.on("error", ({ message }) => this.#refuse(`it sends what cannot be taken (${message})`));
    builder.on("abandon", () => this.#countUnasked());
  }

  #isLetIn(chunk: Buffer, { totalMessageSize }: MessageBuilder): boolean {
    if (this.#violation !== undefined) return false;
    if (totalMessageSize + chunk.length > this.#limits.bytes) {
      this.#refuse(`it sends a message of more than ${this.#limits.bytes} bytes`, true);
      return false;
    }
    const flaw = this.#flawOf(chunk);
    if (flaw !== undefined) this.#refuse(flaw);
    return flaw === undefined;
  }

  #flawOf(chunk: Buffer): string | undefined {
    const kind = chunk.toString("latin1", 0, 3);
    if (kind === "OPN") {
      const isAwaited = [...this.#awaited.values()].includes(OpenSecureChannelResponse);
      return isAwaited ? flawOfOpening(chunk, this.#certificate) : "it opens a channel that nobody asked for";
    }
    return ["MSG", "ERR", "CLO"].includes(kind) ? undefined : "it sends what is no message of a secure channel";
  }

  /** In place of the builder's own, which makes an object of whatever the message says it is. */
  #receive(body: Buffer, builder: MessageBuilder): boolean {
    const { securityHeader, channelId } = builder;
    const requestId = builder.sequenceHeader?.requestId ?? 0;
    const awaited = this.#awaited.get(requestId);
    if (awaited === undefined) return this.#countUnasked();
    const answer = this.#decode(body, requestId, awaited);
    if (answer === undefined || securityHeader === undefined) return false;
    this.#awaited.delete(requestId);
    const kind = awaited === OpenSecureChannelResponse ? "OPN" : "MSG";
    return builder.emit("message", answer, kind, securityHeader, requestId, channelId);
  }

  /** Undefined: it is no answer to the request. */
  #decode(body: Buffer, requestId: number, awaited: ResponseClass): DecodableResponse | undefined {
    let start: ResponseStart;
    try {
      start = readResponseStart(body, requestId);
    } catch (error) {
      return this.#refuse(`it sends what is no response (${(error as RangeError).message})`);
    }
    const kind = [awaited, ServiceFault].find(({ encodingDefaultBinary: { value } }) => value === start.typeId);
    if (kind === undefined)
      return this.#refuse(`it answers with another service than it was asked for (type ${start.typeId})`);
    const { stream, budget } = streamWithin(start.bytes, this.#limits.units);
    try {
      const answer = new kind();
      answer.decode(stream);
      if (answer instanceof OpenSecureChannelResponse) boundLifetime(answer);
      if (budget.left >= 0) return answer;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
    return fault(budget.left < 0 ? badEncodingLimitsExceeded : badDecodingError, requestId);
  }

  #countUnasked(): false {
    this.#unasked++;
    if (this.#unasked > mostUnasked) this.#refuse("it floods us with answers that nobody asked for");
    return false;
  }

  #refuse(reason: string, isTooLarge = false): undefined {
    if (this.#violation !== undefined) return;
    this.#violation = { reason, isTooLarge };
    setImmediate(() => this.#channel.forceConnectionBreak());
  }
}

function boundLifetime({ securityToken }: OpenSecureChannelResponse): void {
  const { revisedLifetime } = securityToken;
  securityToken.revisedLifetime = Math.min(mostLifetimeMs, Math.max(leastLifetimeMs, revisedLifetime));
}

function fault(status: number, requestHandle: number): ServiceFault {
  return new ServiceFault({ responseHeader: { requestHandle, serviceResult: coerceStatusCode(status) } });
}
