// One OPC UA server of the configuration: connects, learns, polls, disconnects. The caller decides when.
//
// Every connect starts from nothing: the server's certificate is checked against the trust list as it is now, then a new
// channel and a new session are opened with exactly that certificate, then namespaces, limits and browse names are read again.
// While connected, the certificate is looked at again before polls, at the latest after `recheckMs` and when it ends.

import { endOfValidityMs } from "../../certificates/certificate-file.ts";
import { ExpiryWarnings } from "../../certificates/expiry-warnings.ts";
import { filesVersion } from "../../certificates/files-version.ts";
import { TrustList } from "../../certificates/trust-list.ts";
import { isInsecure, type OpcUaServer } from "../../configuration/configuration.ts";
import { configuredPoint } from "../../configuration/opc-ua-point.ts";
import type { Log } from "@cpc-partition/process/log";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { opcUaConnection } from "../../configuration/connection-entry.ts";
import type { PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { ServerClient } from "../../sources/server-client.ts";
import { ServerError } from "../../sources/server-error.ts";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";
import { applicationKeyPair, readKeyPair, unusedKeyPair, type KeyPair } from "./own-certificate.ts";
import { ServerCertificateGate, type ShownCertificate } from "./server-certificate-gate.ts";
import type { WaitLimit } from "./bounded-wait.ts";
import type { NodeLesson } from "./node-lessons.ts";
import { NodeReader } from "./node-reader.ts";
import { NodeReport } from "./node-report.ts";
import { DiscoveryError, discoverEndpoint } from "./endpoint-discovery.ts";
import { ReadSize, type ReadSizes } from "./read-size.ts";
import { lookUpHost } from "./host-lookup.ts";
import { SecureSession } from "./secure-session.ts";
import { requireTokenPolicy, type UserCertificate } from "./user-identity.ts";

/** What `readValue` gives: value (undefined with a bad status), status code and source timestamp of one node. */
export interface NodeValue {
  readonly value: Value | undefined;
  readonly status: number;
  readonly sourceTimestamp: Timestamp | undefined;
}

/** What surrounds a client. */
export interface OpcUaClientOptions {
  /** The certificates folder; its layout is described in certificates/trust-list.ts. */
  readonly directory: string;
  readonly log?: Log;
  readonly expiryWarnings?: ExpiryWarnings;
  /** Wall clock, for the validity of certificates. */
  readonly nowMs?: () => number;
  /** Longest time between two checks of the server's certificate while connected. */
  readonly recheckMs?: number;
}

/** A connection outlives trust by that much at most. */
const defaultRecheckMs = 600_000;

/** Whom a server refused, or who refused a server, needs a person: asking every few seconds locks accounts and fills logs. */
const leastRetryAfterRefusalMs = 60_000;

const retryWithLessMs = 1000;

/** Room for texts and arrays whose configuration reserves none. */
const textCapacityBytes = 256;
const arrayCapacityBytes = 1024;

export class OpcUaClient implements ServerClient {
  readonly alias: string;
  readonly connection: { readonly key: string; readonly description: string };
  readonly intervalMs: number | undefined;
  readonly isInsecure: boolean;
  readonly #server: OpcUaServer;
  readonly #trustList: TrustList;
  readonly #gate: ServerCertificateGate;
  readonly #log: Log;
  /** Learned, and kept over reconnections. */
  readonly #readSizes: ReadSizes;
  readonly #nodeReport: NodeReport;
  #wasRefused = false;
  #asksLess = false;
  /** Version of the files that the last attempt used. */
  #usedVersion = "";
  #points: readonly PointDescription[];
  #session: SecureSession | undefined;
  #reader: NodeReader | undefined;
  #certificateEndsMs: number | undefined;
  #ownCertificateEndsMs: number | undefined;

  constructor(server: OpcUaServer, options: OpcUaClientOptions) {
    this.alias = server.alias;
    this.connection = opcUaConnection(server.alias);
    this.intervalMs = server.intervalMs;
    this.isInsecure = isInsecure(server.policy);
    this.#server = server;
    this.#trustList = new TrustList(options.directory);
    this.#log = options.log ?? (() => {});
    this.#gate = new ServerCertificateGate(server, this.#trustList, {
      log: this.#log,
      nowMs: options.nowMs ?? Date.now,
      recheckMs: options.recheckMs ?? defaultRecheckMs,
      expiryWarnings: options.expiryWarnings ?? new ExpiryWarnings(),
    });
    const { maxNodesPerRead } = server;
    this.#readSizes = { attributes: new ReadSize(maxNodesPerRead), values: new ReadSize(maxNodesPerRead) };
    this.#nodeReport = new NodeReport(server, this.#log);
    this.#points = server.nodes.map((node) => configuredPoint(server, node));
  }

  /** A server that refused us, or was refused, is tried again slowly; one that will be asked for less, soon. */
  get retryIntervalMs(): number {
    const { retryIntervalMs } = this.#server;
    if (this.#asksLess) return Math.min(retryIntervalMs, retryWithLessMs);
    return this.#wasRefused ? Math.max(retryIntervalMs, leastRetryAfterRefusalMs) : retryIntervalMs;
  }

  get isWorthRetrying(): boolean {
    return this.#wasRefused && this.#usedVersion !== this.#filesVersion();
  }

  #filesVersion(): string {
    const { serverCertificateFile, clientCertificateFile, clientPrivateKeyFile, identity } = this.#server;
    const ofUser = identity.kind === "Certificate" ? [identity.certificateFile, identity.privateKeyFile] : [];
    const configured = [serverCertificateFile, clientCertificateFile, clientPrivateKeyFile, ...ofUser];
    return filesVersion([...this.#trustList.decidingFolders, ...configured]);
  }

  get certificateEndsMs(): number | undefined {
    return this.#certificateEndsMs;
  }

  get ownCertificateEndsMs(): number | undefined {
    return this.#ownCertificateEndsMs;
  }

  /** Of nodes in one request, their attributes or their values. */
  get requestLimit(): number | undefined {
    const { attributes, values } = this.#readSizes;
    const limit = Math.min(attributes.learnedLimit ?? Infinity, values.learnedLimit ?? Infinity);
    return limit === Infinity ? undefined : limit;
  }

  get points(): readonly PointDescription[] {
    return this.#points;
  }

  async connect(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.disconnect();
    await this.#noticeRefusal(() => this.#connect(signal));
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const server = this.#server;
    const limit = { server: server.alias, timeoutMs: server.timeoutMs, signal };
    this.#usedVersion = this.#filesVersion();
    const isSecured = server.mode !== "None";
    const application = await (isSecured ? applicationKeyPair(server, this.#trustList.directory) : unusedKeyPair());
    this.#usedVersion = this.#filesVersion(); // a certificate that was just made is no news
    if (isSecured) this.#tellOwnEnd(application);
    const userCertificate = this.#userCertificate();
    await lookUpHost(server, limit);
    const { chain, applicationUri } = await this.#shown(limit);
    // Without security it is needed all the same where a password is encrypted with its key.
    const serverCertificate = server.mode === "None" && server.identity.kind !== "UserName" ? undefined : chain[0];
    if (serverCertificate !== undefined) this.#gate.pass({ chain, applicationUri });
    this.#certificateEndsMs = serverCertificate === undefined ? undefined : endOfValidityMs(serverCertificate);
    const expected = { serverCertificate, applicationUri };
    const session = await SecureSession.open({ server, application, userCertificate, ...expected }, limit);
    if (session.overlooked !== undefined) {
      const message = `${session.overlooked}; overlooked because <ignore_short_nonce> is set`;
      this.#log("warn", message, { server: server.alias });
    }
    if (session.weakness !== undefined) this.#log("warn", session.weakness, { server: server.alias });
    try {
      this.#reader = await NodeReader.create(session, server, this.#readSizes, this.#nodeReport, signal);
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#session = session;
    this.#learnPoints(this.#reader.lessons);
  }

  /** A server that tells nothing without security can be reached if its certificate is known beforehand. */
  async #shown(limit: WaitLimit): Promise<ShownCertificate> {
    try {
      const { endpoint, serverCertificateChain: chain } = await discoverEndpoint(this.#server, limit);
      requireTokenPolicy(this.#server, [endpoint]);
      return { chain, applicationUri: endpoint.server.applicationUri ?? "" };
    } catch (error) {
      const mayBeOpened = error instanceof DiscoveryError && error.isAcknowledged && this.#server.mode !== "None";
      const chain = mayBeOpened ? this.#gate.pinnedChain() : undefined;
      if (chain === undefined) throw error;
      return { chain, applicationUri: undefined };
    }
  }

  #tellOwnEnd({ certificateChain: [leaf], endsMs }: KeyPair): void {
    this.#ownCertificateEndsMs = endsMs;
    if (leaf !== undefined) this.#gate.tellEnd("own", leaf, endsMs);
  }

  async poll(sink: PointSink, signal: AbortSignal): Promise<void> {
    await this.#noticeRefusal(async () => {
      this.#gate.passAgain();
      const reader = this.#connected();
      const { lessons } = reader;
      await reader.poll(sink, signal);
      if (reader.lessons !== lessons) this.#learnPoints(reader.lessons);
    });
  }

  async #noticeRefusal(work: () => Promise<void>): Promise<void> {
    const { attributes, values } = this.#readSizes;
    const halvings = attributes.halvings + values.halvings;
    this.#wasRefused = false;
    this.#asksLess = false;
    try {
      await work();
    } catch (error) {
      this.#wasRefused =
        error instanceof ServerError && (error.code === "SecurityRefused" || error.code === "IdentityRefused");
      this.#asksLess = attributes.halvings + values.halvings > halvings;
      throw error;
    }
  }

  async disconnect(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#reader = undefined;
    this.#gate.forget();
    await session?.close();
  }

  /** Reads one node outside the poll; `nodeId` as in "ns=2;s=Name" (OPC 10000-6, 5.1.12). Rejects with a ServerError. */
  async readValue(nodeId: string): Promise<NodeValue> {
    this.#gate.passAgain();
    return this.#connected().readValue(nodeId, AbortSignal.timeout(this.#server.timeoutMs * 2));
  }

  #connected(): NodeReader {
    if (this.#reader === undefined) {
      throw new ServerError(
        "ConnectionFailed",
        this.alias,
        `cannot read from ${this.#server.endpointUrl} because it is not connected`,
      );
    }
    return this.#reader;
  }

  #userCertificate(): UserCertificate | undefined {
    const { identity } = this.#server;
    if (identity.kind !== "Certificate") return undefined;
    const { certificateFile, privateKeyFile, privateKeyPassphrase } = identity;
    const { certificateChain, privateKeyPem } = readKeyPair(
      this.#server,
      certificateFile,
      privateKeyFile,
      privateKeyPassphrase,
    );
    return { certificate: certificateChain[0] as Buffer, privateKeyPem };
  }

  #learnPoints(lessons: readonly NodeLesson[]): void {
    const learned = this.#server.nodes.map((node, index) =>
      learnedPoint(configuredPoint(this.#server, node), lessons[index]),
    );
    if (JSON.stringify(learned) !== JSON.stringify(this.#points)) this.#points = learned;
  }
}

function learnedPoint(configured: PointDescription, lesson: NodeLesson | undefined): PointDescription {
  const { name } = configured;
  if (lesson?.isTold !== true || name === undefined) return configured;
  const type = lesson.type === BuiltInType.Null ? configured.type : lesson.type;
  const isText = type >= BuiltInType.String && type !== BuiltInType.DateTime && type !== BuiltInType.StatusCode;
  const needed = lesson.isArray ? arrayCapacityBytes : isText ? textCapacityBytes : 0;
  const capacityBytes = configured.capacityBytes > 0 ? configured.capacityBytes : needed;
  const key = name.isSettled ? configured.key : lesson.key;
  return { ...configured, key, type, capacityBytes, name: { ...name, told: lesson.key } };
}
