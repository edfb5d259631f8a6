// One session on one secure channel, from its opening to its end. It is never repaired: node-opcua's reconnection is switched
// off, its repair of sessions is bypassed (requests go straight to the channel), and whoever wants to go on opens a new one.
//
// Promises
//  - the channel is opened with the given server certificate only, which the caller has checked: the server has to own its key
//    to read our first message (OPC 10000-6, 6.7.4), and CreateSession must show the same certificate (OPC 10000-4, 5.7.2);
//  - what the server said about itself before, without security, it says again through the channel (OPC 10000-4, 5.7.2);
//  - policy and mode are the configured ones; a password leaves only encrypted;
//  - every wait ends after the configured time-out.

import {
  CloseSessionRequest,
  CreateSessionRequest,
  NodeId,
  RequestHeader,
  StatusCodes,
  TimestampsToReturn,
} from "node-opcua-client";
import type {
  ClientSession,
  EndpointDescription,
  OPCUAClient,
  Request,
  Response,
  StatusCode,
  UserIdentityInfo,
} from "node-opcua-client";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { ServerError } from "../../sources/server-error.ts";
import { isBad } from "@cpc-partition/image/values/status-code";
import { answerOf, boundedWait } from "./bounded-wait.ts";
import type { WaitLimit } from "./bounded-wait.ts";
import { matchingEndpoints } from "./endpoint-discovery.ts";
import { ChannelRecord } from "./channel/channel-record.ts";
import { Connections } from "./channel/transport.ts";
import { asServerError, statusOf, type Remedy } from "./failure.ts";
import { allowOnlyReading } from "./channel/reading-services.ts";
import type { DataValues } from "./channel/data-values.ts";
import { ReadResults } from "./channel/read-results.ts";
import { EncodedNodes, type RepeatedRead } from "./channel/repeated-read.ts";
import { ServerNonce } from "./server-nonce.ts";
import { ServerProof, startsWith } from "./server-proof.ts";
import { serverStateNode } from "./server-state.ts";
import { clientOf, remedyOf, sessionTimeoutMs, type SessionOptions } from "./session-options.ts";
import { SessionState, type State } from "./session-state.ts";
import { SessionKeepAlive } from "./session-keep-alive.ts";
import { TokenRenewal } from "./token-renewal.ts";
import { userIdentity, weaknessOfLogin } from "./user-identity.ts";

/**
 * Requests of a channel have numbers of 32 bits (OPC 10000-6, 6.7.2.4), and node-opcua counts on: what it then cannot send, it tries again without
 * an end. So many numbers are left for what is under way, and for the farewell.
 */
const lastRequestId = 2 ** 32 - 2 ** 16;

/** How long a polite farewell may take before the connection is cut. */
const farewellMs = 2000;
/** To a server that has just not answered: time enough to send the farewell, and no wait for an answer. */
const farewellToSilentMs = 100;

export interface RequestOptions {
  /** Completes "cannot ..." together with the endpoint's URL. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Longest wait; default: that of the server. */
  readonly timeoutMs?: number;
}

export class SecureSession {
  readonly server: OpcUaServer;
  readonly #connections = new Connections();
  readonly #client: OPCUAClient;
  readonly #nonce: ServerNonce;
  /** Undefined with mode None. */
  readonly #proof: ServerProof | undefined;
  readonly #renewal: TokenRenewal;
  readonly #state = new SessionState();
  /** Its last answer did not come: it is not waited for when we leave. */
  #isSilent = false;
  readonly #stateRequest = new EncodedNodes([serverStateNode]).request(TimestampsToReturn.Neither, 0, 1);
  readonly #keepAlive = new SessionKeepAlive((signal) => this.#askForState(signal));
  /** The server is to keep subscriptions when the session is closed: the next session takes them over. */
  keepsSubscriptions = false;

  private constructor(options: SessionOptions) {
    const { server, serverCertificate } = options;
    this.server = server;
    this.#client = clientOf(options, this.#connections);
    this.#nonce = new ServerNonce(server, this.#client);
    if (serverCertificate !== undefined) this.#proof = new ServerProof(server, this.#client, serverCertificate);
    this.#renewal = new TokenRenewal(this.#client, server.timeoutMs, () => this.#state.lose(this.#notRenewed()));
  }

  /** What is wrong with the server's side of the session and was overlooked as configured, for the log. */
  get overlooked(): string | undefined {
    return this.#nonce.overlooked;
  }

  /** How the login could be read on its way, for the log. */
  get weakness(): string | undefined {
    return this.#state.now.is === "open" ? this.#state.now.weakness : undefined;
  }

  /** Opens channel and session and logs in. Nothing is left behind when it fails. */
  static async open(options: SessionOptions, limit: WaitLimit): Promise<SecureSession> {
    const opening = new SecureSession(options);
    try {
      await opening.#open(options, limit);
      return opening;
    } catch (error) {
      const failure = opening.#failure(error, `connect to ${options.server.endpointUrl}`, remedyOf(options));
      await opening.close();
      throw failure;
    }
  }

  async #open(options: SessionOptions, limit: WaitLimit): Promise<void> {
    const { server, serverCertificate } = options;
    const url = server.endpointUrl;
    this.#client.on("secure_channel_created", (layer) => {
      allowOnlyReading(layer);
      const record = new ChannelRecord(layer, server.mode === "None" ? undefined : serverCertificate);
      if (this.#state.now.is === "connecting") this.#state.set({ is: "opening", channel: { layer, record } });
    });
    this.#client.on("connection_lost", () => this.#state.lose());
    if (server.mode === "None") {
      // OPC 10000-4, 5.7.2: it serves nothing without security, and some servers look at it all the same.
      this.#client.on("send_request", (request) => {
        if (request instanceof CreateSessionRequest) request.clientCertificate = Buffer.alloc(0);
      });
    }
    this.#client.on("send_request", (request) => {
      if (request instanceof CloseSessionRequest) request.deleteSubscriptions = !this.keepsSubscriptions;
      if (request.requestHeader.requestHandle >= lastRequestId) this.#state.lose(this.#usedUp());
    });
    this.#watchResponses();
    const remedy = remedyOf(options);
    await this.#openChannel(options, remedy, limit);
    const endpoints = await boundedWait(this.#client.getEndpoints(), `read the endpoints of ${url}`, limit);
    const matching = matchingEndpoints(server, endpoints);
    if (serverCertificate !== undefined) this.#compareEndpoints(matching, options.applicationUri, serverCertificate);
    const identity = userIdentity(server, options.userCertificate, matching);
    const weakness = weaknessOfLogin(server, matching);
    const session = await this.#createSession(identity, remedy, limit);
    const opening = this.#state.now;
    if (opening.is !== "opening") throw this.#failure({}, `open a session on ${url}`, remedy);
    const { channel } = opening;
    this.#state.set({ is: "open", channel, session, weakness });
    channel.record.trust();
    this.#keepAlive.start(session.timeout, sessionTimeoutMs(server));
  }

  /** The connection ends before the library goes on and sends the user's identity. */
  #watchResponses(): void {
    this.#client.on("receive_response", (response) => {
      // A server that has more to say than Good has done what was asked; node-opcua takes it for a refusal.
      const { responseHeader } = response;
      if (!isBad(responseHeader.serviceResult.value)) responseHeader.serviceResult = StatusCodes.Good;
      const reason = this.#proof?.judge(response) ?? this.#nonce.judge(response);
      if (reason === undefined) return;
      const message = `cannot open a session on ${this.server.endpointUrl} because ${reason}`;
      this.#state.lose(new ServerError("SecurityRefused", this.server.alias, message));
      this.#cut();
    });
  }

  #compareEndpoints(
    matching: readonly EndpointDescription[],
    applicationUri: string | undefined,
    certificate: Buffer,
  ): void {
    const isSame = matching.some(
      ({ server, serverCertificate }) =>
        (applicationUri === undefined || server.applicationUri === applicationUri) &&
        startsWith(serverCertificate, certificate),
    );
    if (isSame) return;
    const { alias, endpointUrl } = this.server;
    const reason = "it describes itself through the secure channel otherwise than before";
    throw new ServerError("SecurityRefused", alias, `cannot open a session on ${endpointUrl} because ${reason}`);
  }

  async #openChannel({ server }: SessionOptions, remedy: Remedy, limit: WaitLimit): Promise<void> {
    const what = `open a secure channel to ${server.endpointUrl}`;
    try {
      await boundedWait(
        answerOf<void>((done) => this.#client.connect(server.endpointUrl, done)),
        what,
        limit,
      );
    } catch (error) {
      throw this.#unanswered(this.#failure(error, what, remedy), remedy);
    }
  }

  /** Some servers do not answer a client that they do not trust. */
  #unanswered(failure: ServerError, remedy: Remedy): ServerError {
    const { code, server, message } = failure;
    const help =
      code === "Timeout" && this.#state.channel?.record.isAcknowledged === true ? remedy(undefined) : undefined;
    return help === undefined ? failure : new ServerError(code, server, `${message}; ${help}`, { cause: failure });
  }

  /** node-opcua puts the status code of a refusal into its message only; here it is taken from the response itself. */
  async #createSession(identity: UserIdentityInfo, remedy: Remedy, limit: WaitLimit): Promise<ClientSession> {
    const what = `open a session on ${this.server.endpointUrl}`;
    let statusCode: StatusCode | undefined;
    const onMessage = (message: unknown): void => {
      const { responseHeader } = message as Response;
      if (isBad(responseHeader.serviceResult.value)) statusCode ??= responseHeader.serviceResult;
    };
    const layer = this.#state.channel?.layer;
    layer?.on("message", onMessage);
    try {
      return await boundedWait(this.#client.createSession(identity), what, limit);
    } catch (error) {
      throw this.#failure(statusCode === undefined ? error : { statusCode }, what, remedy);
    } finally {
      layer?.off("message", onMessage);
    }
  }

  #usedUp(): ServerError {
    const { alias, endpointUrl } = this.server;
    const message = `the connection to ${endpointUrl} is made anew because it has no more numbers for its requests`;
    return new ServerError("ConnectionFailed", alias, message);
  }

  #notRenewed(): ServerError {
    const { alias, endpointUrl } = this.server;
    const refusal = this.#state.channel?.record.refusal;
    const answer = refusal === undefined ? "" : `: it answers ${refusal.name}`;
    const message = `cannot stay connected to ${endpointUrl} because the server does not renew the token of its channel${answer}`;
    return new ServerError("ConnectionFailed", alias, message);
  }

  /** Throws a ServerError when it is not open. */
  get nodeOpcUaSession(): ClientSession {
    return this.#whileOpen("use the session").session;
  }

  /** False when it is known that nothing can be sent any more. */
  get isAlive(): boolean {
    return this.#state.isAlive;
  }

  #whileOpen(what: string): Extract<State, { is: "open" }> {
    const { now } = this.#state;
    if (now.is !== "open") throw this.#failure({}, what);
    return now;
  }

  /** One Read request (OPC 10000-4, 5.11.2), which may be sent again and again. As many results as nodes, or a ServerError. */
  async read(request: RepeatedRead, signal: AbortSignal): Promise<DataValues> {
    if (this.#keepAlive.request !== undefined) await this.#keepAlive.request;
    return this.#read(request, signal);
  }

  /** What keeps the session. Whether the server runs, the next poll judges. */
  async #askForState(signal: AbortSignal): Promise<void> {
    try {
      await this.#read(this.#stateRequest, signal);
    } catch (error) {
      if (error instanceof ServerError && error.code !== "ServiceFault") this.#state.lose(error);
    }
  }

  async #read(request: RepeatedRead, signal: AbortSignal): Promise<DataValues> {
    const what = "read from";
    const { values } = await this.request(request, ReadResults, { what, signal });
    this.#requireCount(values.count, request.nodeCount, what);
    return values;
  }

  /** The results, or a ServerError when there are not as many as were asked for. */
  requireResults<T>(results: readonly T[] | null, expected: number, what: string): readonly T[] {
    this.#requireCount(results?.length ?? 0, expected, what);
    return results ?? [];
  }

  #requireCount(got: number, expected: number, what: string): void {
    if (got === expected) return;
    const { alias, endpointUrl } = this.server;
    const message = `cannot ${what} ${endpointUrl} because the server answers ${got} results for ${expected} nodes`;
    throw new ServerError("ProtocolViolation", alias, message);
  }

  /** One request of a service on the allow-list. Rejects with a ServerError, which has the status of a refusal in its `cause`. */
  async request<R extends Response>(request: Request, kind: new () => R, options: RequestOptions): Promise<R> {
    const { alias, endpointUrl } = this.server;
    const { signal, timeoutMs = this.server.timeoutMs } = options;
    const what = `${options.what} ${endpointUrl}`;
    try {
      const { channel, session } = this.#whileOpen(what);
      const { authenticationToken = NodeId.nullNodeId } = session;
      this.#keepAlive.postpone();
      request.requestHeader = new RequestHeader({ authenticationToken, timeoutHint: timeoutMs + 1000 });
      const response = await boundedWait(
        answerOf<Response>((done) => channel.layer.performMessageTransaction(request, done)),
        what,
        { server: alias, timeoutMs, signal },
      );
      const statusCode = response?.responseHeader.serviceResult;
      if (statusCode !== undefined && isBad(statusCode.value)) throw asServerError({ statusCode }, alias, what);
      if (response instanceof kind) return response;
      throw new ServerError("ProtocolViolation", alias, `cannot ${what} because the server answers something else`);
    } catch (error) {
      throw this.#failure(error, what);
    }
  }

  #failure(error: unknown, what: string, remedy?: Remedy): ServerError {
    const record = this.#state.channel?.record;
    const hasReason = record?.refusal !== undefined || record?.violation !== undefined || statusOf(error) !== undefined;
    const isLost = !this.#state.isAlive && !hasReason;
    const lost = this.#state.reason ?? (isLost ? this.#connectionLost() : undefined);
    const failure = asServerError(lost ?? error, this.server.alias, what, record, remedy);
    this.#isSilent ||= failure.code === "Timeout";
    return failure;
  }

  #connectionLost(): ServerError {
    const { alias, endpointUrl } = this.server;
    return new ServerError("ConnectionFailed", alias, `the connection to ${endpointUrl} was lost`);
  }

  /** CloseSession and CloseSecureChannel if the server still listens, and the end of the socket in any case. Never rejects. */
  close(): Promise<void> {
    const state = this.#state.now;
    if (state.is === "closed") return state.done;
    const { reason } = this.#state;
    const done = this.#close();
    this.#state.set({ is: "closed", channel: this.#state.channel, reason, done });
    return done;
  }

  async #close(): Promise<void> {
    this.#keepAlive.stop();
    const farewell = answerOf<void>((done) => this.#client.disconnect(done)).catch(() => undefined);
    // Not left to the library: a callback that never comes must not keep the server's loop from connecting again.
    const isOver = Promise.withResolvers<void>();
    const timer = setTimeout(isOver.resolve, this.#isSilent ? farewellToSilentMs : farewellMs);
    await Promise.race([farewell, isOver.promise]);
    clearTimeout(timer);
    this.#cut();
    this.#renewal.stop();
    this.#client.removeAllListeners();
  }

  #cut(): void {
    this.#connections.end();
    this.#state.channel?.layer.dispose();
  }
}
