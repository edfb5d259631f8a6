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
  CreateSessionRequest,
  CreateSessionResponse,
  OPCUAClient,
  ReadResponse,
  RequestHeader,
  StatusCodes,
  crypto_utils,
  verifySignature,
} from "node-opcua-client";
import type {
  ClientSecureChannelLayer,
  ClientSession,
  DataValue,
  EndpointDescription,
  ReadRequest,
  Response,
  StatusCode,
  UserIdentityInfo,
} from "node-opcua-client";
import { fingerprint } from "../../certificates/certificate-file.ts";
import type { OpcUaServer } from "../../config/configuration.ts";
import { ServerError } from "../../point/server-error.ts";
import { isBad } from "../../point/status-code.ts";
import { answerOf, boundedWait } from "./bounded-wait.ts";
import type { WaitLimit } from "./bounded-wait.ts";
import { libraryTransportTimeoutMs, matchingEndpoints, messageMode, policyUri } from "./endpoint-discovery.ts";
import { ChannelRecord } from "./channel-record.ts";
import { asServerError, statusOf, type Remedy } from "./failure.ts";
import { transportFactory } from "./ipv6-transport.ts";
import { transportSettings } from "./message-limits.ts";
import { allowOnlyReading } from "./reading-services.ts";
import { remedyFor } from "./refusal-remedy.ts";
import { userIdentity } from "./user-identity.ts";
import type { UserCertificate } from "./user-identity.ts";
import "./silence.ts";

/** Our application instance certificate (DER, leaf first) and its key. */
export interface ApplicationIdentity {
  /** Absolute: it is named to whoever has to give it to a server. */
  readonly certificateFile: string;
  readonly certificateChain: readonly Buffer[];
  readonly privateKeyPem: string;
}

export interface SessionOptions {
  readonly server: OpcUaServer;
  readonly application: ApplicationIdentity;
  readonly userCertificate: UserCertificate | undefined;
  /** The checked one, DER, leaf; undefined with mode None. */
  readonly serverCertificate: Buffer | undefined;
  /** Of the endpoint description that was read without security, and that the certificate was compared with. */
  readonly applicationUri: string;
}

/** How long a polite farewell may take before the connection is cut. */
const farewellMs = 2000;
/** To a server that has just not answered: time enough to send the farewell, and no wait for an answer. */
const farewellToSilentMs = 100;

export class SecureSession {
  readonly server: OpcUaServer;
  readonly #client: OPCUAClient;
  #channel: ClientSecureChannelLayer | undefined;
  #record: ChannelRecord | undefined;
  #session: ClientSession | undefined;
  /** Why we hold the connection for lost ourselves. */
  #gaveUp: ServerError | undefined;
  #isLost = false;
  #renewal: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #isSilent = false;

  private constructor(options: SessionOptions) {
    const { server, application, serverCertificate } = options;
    this.server = server;
    this.#client = OPCUAClient.create({
      applicationName: "cpc-partition",
      applicationUri: server.applicationUri,
      clientName: "cpc-partition",
      securityPolicy: policyUri(server),
      securityMode: messageMode(server),
      ...(serverCertificate === undefined ? {} : { serverCertificate }),
      certificateKeyPairProvider: keyPairProvider(application),
      clientCertificateManager: refuseEveryCertificate(),
      connectionStrategy: { maxRetry: 0 },
      keepSessionAlive: false,
      // Several names and addresses lead to one server; policy and mode are compared, the URL is not.
      endpointMustExist: false,
      requestedSessionTimeout: sessionTimeoutMs(server),
      transportTimeout: libraryTransportTimeoutMs,
      transportSettings,
      transportFactory,
      defaultTransactionTimeout: server.timeoutMs + 1000,
    });
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
    this.#client.on("secure_channel_created", (channel) => {
      allowOnlyReading(channel);
      this.#channel = channel;
      this.#record = new ChannelRecord(channel);
    });
    this.#client.on("connection_lost", () => {
      this.#isLost = true;
    });
    this.#watchRenewals();
    if (serverCertificate !== undefined) this.#watchCreateSession(serverCertificate);
    const remedy = remedyOf(options);
    await this.#openChannel(options, remedy, limit);
    const endpoints = await boundedWait(this.#client.getEndpoints(), `read the endpoints of ${url}`, limit);
    const matching = matchingEndpoints(server, endpoints);
    if (serverCertificate !== undefined) this.#compareEndpoints(matching, options.applicationUri, serverCertificate);
    const identity = userIdentity(server, options.userCertificate, matching);
    this.#session = await this.#createSession(identity, remedy, limit);
  }

  #compareEndpoints(matching: readonly EndpointDescription[], applicationUri: string, certificate: Buffer): void {
    const isSame = matching.some(
      ({ server, serverCertificate }) =>
        server.applicationUri === applicationUri && startsWith(serverCertificate, certificate),
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
      throw this.#failure(error, what, remedy);
    }
  }

  /** node-opcua puts the status code of a refusal into its message only; here it is taken from the response itself. */
  async #createSession(identity: UserIdentityInfo, remedy: Remedy, limit: WaitLimit): Promise<ClientSession> {
    const what = `open a session on ${this.server.endpointUrl}`;
    let statusCode: StatusCode | undefined;
    const onMessage = (message: unknown): void => {
      const { responseHeader } = message as Response;
      if (isBad(responseHeader.serviceResult.value)) statusCode ??= responseHeader.serviceResult;
    };
    this.#channel?.on("message", onMessage);
    try {
      return await boundedWait(this.#client.createSession(identity), what, limit);
    } catch (error) {
      throw this.#failure(statusCode === undefined ? error : { statusCode }, what, remedy);
    } finally {
      this.#channel?.off("message", onMessage);
    }
  }

  /**
   * OPC 10000-4, 5.7.2: the certificate of the session is that of the channel, and the server signs our nonce with its key.
   * node-opcua checks neither. The connection ends before the library goes on and sends the user's identity.
   */
  #watchCreateSession(serverCertificate: Buffer): void {
    let clientNonce: Buffer | null = null;
    this.#client.on("send_request", (request) => {
      if (request instanceof CreateSessionRequest) clientNonce = request.clientNonce;
    });
    this.#client.on("receive_response", (response) => {
      if (!(response instanceof CreateSessionResponse)) return;
      const reason = !startsWith(response.serverCertificate, serverCertificate)
        ? "it answers with another certificate than that of its channel"
        : !verifySignature(
              this.#client.getCertificate(),
              clientNonce,
              response.serverSignature,
              serverCertificate,
              policyUri(this.server),
            )
          ? "its signature is wrong"
          : undefined;
      if (reason === undefined) return;
      const message = `cannot open a session on ${this.server.endpointUrl} because ${reason}`;
      this.#giveUp(new ServerError("SecurityRefused", this.server.alias, message));
    });
  }

  /**
   * A renewal that is refused or not answered leaves node-opcua with the old token, which it uses on until the server drops what
   * comes with it, and no poll tells before (OPC 10000-6, 6.7.4). While the old token is good there is still time to leave politely.
   */
  #watchRenewals(): void {
    const { alias, endpointUrl, timeoutMs } = this.server;
    this.#client.on("lifetime_75", () => {
      clearTimeout(this.#renewal);
      this.#renewal = setTimeout(() => {
        const answer = this.#record?.refusal === undefined ? "" : `: it answers ${this.#record.refusal.name}`;
        const message = `cannot stay connected to ${endpointUrl} because the server does not renew the token of its channel${answer}`;
        this.#gaveUp ??= new ServerError("ConnectionFailed", alias, message);
      }, timeoutMs);
    });
    this.#client.on("security_token_renewed", () => clearTimeout(this.#renewal));
  }

  #giveUp(reason: ServerError): void {
    this.#gaveUp ??= reason;
    this.#cut();
  }

  get nodeOpcUaSession(): ClientSession {
    if (this.#session === undefined) throw new TypeError("session is not open");
    return this.#session;
  }

  /** One Read request (OPC 10000-4, 5.11.2), which may be sent again and again. As many results as nodes, or a ServerError. */
  async read(request: ReadRequest, signal: AbortSignal): Promise<readonly DataValue[]> {
    const { alias, endpointUrl, timeoutMs } = this.server;
    const what = `read from ${endpointUrl}`;
    try {
      const channel = this.#channel;
      const token = this.#session?.authenticationToken;
      if (this.#gaveUp !== undefined || this.#isLost) throw this.#failure({}, what);
      if (channel === undefined || token === undefined) throw new TypeError("session is not open");
      request.requestHeader = new RequestHeader({ authenticationToken: token, timeoutHint: timeoutMs + 1000 });
      const response = await boundedWait(
        answerOf<Response>((done) => channel.performMessageTransaction(request, done)),
        what,
        { server: alias, timeoutMs, signal },
      );
      const statusCode = response?.responseHeader.serviceResult;
      if (statusCode !== undefined && isBad(statusCode.value)) throw asServerError({ statusCode }, alias, what);
      const expected = request.nodesToRead?.length ?? 0;
      const results = response instanceof ReadResponse ? (response.results ?? []) : [];
      if (results.length !== expected) {
        throw new ServerError(
          "ProtocolViolation",
          alias,
          `cannot ${what} because the server answers ${results.length} results for ${expected} nodes`,
        );
      }
      return results;
    } catch (error) {
      throw this.#failure(error, what);
    }
  }

  #failure(error: unknown, what: string, remedy?: Remedy): ServerError {
    const hasReason = this.#record?.refusal !== undefined || statusOf(error) !== undefined;
    const lost = this.#gaveUp ?? (this.#isLost && !hasReason ? this.#connectionLost() : undefined);
    const failure = asServerError(lost ?? error, this.server.alias, what, this.#record, remedy);
    this.#isSilent ||= failure.code === "Timeout";
    return failure;
  }

  #connectionLost(): ServerError {
    const { alias, endpointUrl } = this.server;
    return new ServerError("ConnectionFailed", alias, `the connection to ${endpointUrl} was lost`);
  }

  /** CloseSession and CloseSecureChannel if the server still listens, and the end of the socket in any case. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const farewell = answerOf<void>((done) => this.#client.disconnect(done)).catch(() => undefined);
    // Not left to the library: a callback that never comes must not keep the server's loop from connecting again.
    const isOver = Promise.withResolvers<void>();
    const timer = setTimeout(isOver.resolve, this.#isSilent ? farewellToSilentMs : farewellMs);
    await Promise.race([farewell, isOver.promise]);
    clearTimeout(timer);
    this.#cut();
    clearTimeout(this.#renewal);
    this.#client.removeAllListeners();
  }

  #cut(): void {
    this.#channel?.forceConnectionBreak();
    this.#channel?.dispose();
  }
}

/**
 * The server keeps a session that long without a request: several polls, so that a late one does not end it. Not longer, since a
 * connection that breaks leaves its session behind, and some servers have room for ten.
 */
function sessionTimeoutMs({ intervalMs, timeoutMs }: OpcUaServer): number {
  return intervalMs === undefined ? 60_000 : Math.max(10_000, 4 * intervalMs + timeoutMs);
}

function remedyOf({ server, application }: SessionOptions): Remedy {
  const [leaf] = application.certificateChain;
  const ownCertificate =
    server.mode === "None" || leaf === undefined
      ? undefined
      : { file: application.certificateFile, fingerprint: fingerprint(leaf) };
  return (code) => remedyFor(code, { server, ownCertificate });
}

function keyPairProvider({ certificateChain, privateKeyPem }: ApplicationIdentity): {
  getCertificate: () => Buffer;
  getCertificateChain: () => Buffer[];
  getPrivateKey: () => ReturnType<typeof crypto_utils.makePrivateKeyFromPem>;
} {
  const [leaf] = certificateChain;
  if (leaf === undefined) throw new TypeError("an application identity has a certificate");
  const privateKey = crypto_utils.makePrivateKeyFromPem(privateKeyPem);
  return {
    getCertificate: () => leaf,
    getCertificateChain: () => [...certificateChain],
    getPrivateKey: () => privateKey,
  };
}

/**
 * The certificate manager that node-opcua asks, should it ever come to choose a certificate by itself: it believes none.
 * What is trusted is decided before, from the trust list, and passed in as the only certificate that a channel may use.
 */
function refuseEveryCertificate(): NonNullable<Parameters<typeof OPCUAClient.create>[0]["clientCertificateManager"]> {
  return {
    referenceCounter: 0,
    initialize: async () => undefined,
    dispose: async () => undefined,
    checkCertificate: async () => StatusCodes.BadCertificateUntrusted,
    verifyCertificate: async () => "BadCertificateUntrusted",
    getTrustStatus: async () => StatusCodes.BadCertificateUntrusted,
    trustCertificate: async () => undefined,
    rejectCertificate: async () => undefined,
    addIssuer: async () => undefined,
    addRevocationList: async () => undefined,
  };
}

function startsWith(bytes: Buffer | null, start: Buffer): boolean {
  return bytes !== null && bytes.length >= start.length && bytes.subarray(0, start.length).equals(start);
}
