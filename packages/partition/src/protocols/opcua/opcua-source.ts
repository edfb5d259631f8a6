// One OPC UA server of the configuration as a source: its points, what it has reported about them, and its sessions.
//
// Every connect starts from nothing: the server's certificate is checked against the trust list as it is now, then a new
// channel and a new session are opened with exactly that certificate, then namespaces, limits and browse names are read again.
// While connected, the certificate is looked at again before polls, at the latest after `recheckMs` and when it ends.

import { isDeepStrictEqual } from "node:util";
import { endOfValidityMs } from "../../certificates/certificate-file.ts";
import { ExpiryWarnings, type CertificateEnd } from "../../certificates/expiry-warnings.ts";
import { filesVersion } from "../../certificates/files-version.ts";
import { TrustList } from "../../certificates/trust-list.ts";
import { isInsecure, type OpcUaServer } from "./configuration/opc-ua-server.ts";
import { configuredPoint } from "./configuration/opc-ua-point.ts";
import type { Log } from "@cpc-partition/process/log";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { opcUaConnection } from "./configuration/connection-entry.ts";
import type { ConnectionEntry, PointDescription } from "@cpc-partition/image/point";
import { DecidingFiles } from "../../sources/deciding-files.ts";
import type { ServerDemand } from "../../sources/divide-servers.ts";
import { ServerError } from "../../sources/server-error.ts";
import type { Group, Source, SourceFacts } from "../../sources/source.ts";
import { applicationKeyPair, readKeyPair, type KeyPair } from "./own-certificate.ts";
import { ServerCertificateGate, type ShownCertificate } from "./server-certificate-gate.ts";
import type { WaitLimit } from "./bounded-wait.ts";
import type { NodeAttributes } from "./node-attributes.ts";
import { NodeReader } from "./node-reader.ts";
import { NodeReport } from "./node-report.ts";
import { DiscoveryError, discoverEndpoint } from "./endpoint-discovery.ts";
import { ReadSize, type ReadSizes } from "./read-size.ts";
import { demandOf } from "./reading-demand.ts";
import { groupsOf } from "./server-groups.ts";
import { lookUpHost } from "./host-lookup.ts";
import { OpcUaSession } from "./opcua-session.ts";
import { SecureSession } from "./secure-session.ts";
import type { KeptOverSessions } from "./subscription/subscribed-group.ts";
import {
  BriefSubscriptionMemory,
  subscriptionOwner,
  type RememberedSubscription,
  type SubscriptionMemory,
} from "./subscription/subscription-memory.ts";
import { SubscriptionReport } from "./subscription/subscription-report.ts";
import { requireTokenPolicy, type UserCertificate } from "./user-identity.ts";

/** What surrounds a source. */
export interface OpcUaSourceOptions {
  /** The certificates folder; its layout is described in certificates/trust-list.ts. */
  readonly directory: string;
  readonly log?: Log;
  /** Shared by sources, so that a certificate that several of them have is told once. */
  readonly expiryWarnings?: ExpiryWarnings;
  /** Subscriptions that servers keep for us; absent: remembered as long as the source lives. */
  readonly subscriptions?: SubscriptionMemory;
  /** Called when a session with many nodes has begun, which takes much memory for a short time. */
  readonly begun?: () => void;
  /** Wall clock, for the validity of certificates. */
  readonly nowMs?: () => number;
  /** Longest time between two checks of the server's certificate while connected. */
  readonly recheckMs?: number;
}

type KeptSubscription = readonly [owner: string, remembered: RememberedSubscription];

/** What it tells the source of the same server in another thread. */
interface OpcUaFinding {
  /** Those that it describes otherwise than before, by their index. */
  readonly points?: readonly (readonly [index: number, point: PointDescription])[];
  readonly subscription?: readonly [owner: string, remembered: RememberedSubscription | undefined];
  /** It is time to tell it, as far as this thread knows. */
  readonly certificateEnd?: CertificateEnd;
}

/** A connection outlives trust by that much at most. */
const defaultRecheckMs = 600_000;

const manyNodes = 10_000;

/** Room for texts and arrays whose configuration reserves none. */
const textCapacityBytes = 256;
const arrayCapacityBytes = 1024;

export class OpcUaSource implements Source {
  readonly alias: string;
  readonly connection: ConnectionEntry;
  readonly groups: readonly Group[];
  readonly isInsecure: boolean;
  readonly demand: ServerDemand;
  readonly retryIntervalMs: number;
  readonly #server: OpcUaServer;
  readonly #trustList: TrustList;
  readonly #gate: ServerCertificateGate;
  readonly #files: DecidingFiles;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #expiryWarnings: ExpiryWarnings;
  /** Found out by requests, and kept over reconnections. */
  readonly #readSizes: ReadSizes;
  readonly #nodeReports: readonly NodeReport[];
  readonly #kept: KeptOverSessions;
  readonly #begun: () => void;
  /** As the last session read them: the next one does not begin without. */
  #stateTexts: ReadonlyMap<number, string> = new Map();
  #points: readonly PointDescription[];
  #certificateEndsMs: number | undefined;
  #ownCertificateEndsMs: number | undefined;
  #tell: ((finding: OpcUaFinding, isOfPoints: boolean) => void) | undefined;

  constructor(server: OpcUaServer, options: OpcUaSourceOptions) {
    this.alias = server.alias;
    this.connection = opcUaConnection(server.alias);
    this.groups = groupsOf(server);
    this.demand = demandOf(server);
    this.isInsecure = isInsecure(server.policy);
    this.retryIntervalMs = server.retryIntervalMs;
    this.#server = server;
    this.#trustList = new TrustList(options.directory);
    this.#log = options.log ?? (() => {});
    this.#begun = options.begun ?? (() => {});
    this.#nowMs = options.nowMs ?? Date.now;
    this.#expiryWarnings = options.expiryWarnings ?? new ExpiryWarnings();
    this.#gate = new ServerCertificateGate(server, this.#trustList, {
      log: this.#log,
      nowMs: this.#nowMs,
      recheckMs: options.recheckMs ?? defaultRecheckMs,
      ends: (end) => this.#tellEnd(end),
    });
    this.#files = new DecidingFiles(() => filesVersion([...this.#trustList.decidingFolders, ...filesOf(server)]));
    const { maxNodesPerRead } = server;
    this.#readSizes = { attributes: new ReadSize(maxNodesPerRead), values: new ReadSize(maxNodesPerRead) };
    this.#nodeReports = this.groups.map(() => new NodeReport(server, this.#log));
    this.#kept = {
      memory: this.#toldMemory(options.subscriptions ?? new BriefSubscriptionMemory()),
      itemSize: new ReadSize(maxNodesPerRead),
      report: new SubscriptionReport(server, this.#log),
    };
    this.#points = server.nodes.map((node) => configuredPoint(server, node));
  }

  get facts(): SourceFacts {
    // Of nodes in one request, their attributes or their values.
    const { attributes, values } = this.#readSizes;
    const limit = Math.min(attributes.requestLimit ?? Infinity, values.requestLimit ?? Infinity);
    return {
      certificateEndsMs: this.#certificateEndsMs,
      ownCertificateEndsMs: this.#ownCertificateEndsMs,
      requestLimit: limit === Infinity ? undefined : limit,
    };
  }

  get points(): readonly PointDescription[] {
    return this.#points;
  }

  known(): readonly KeptSubscription[] {
    return this.groups.flatMap(({ isSubscribed, intervalMs }) => {
      const owner = subscriptionOwner(this.#server, intervalMs);
      const remembered = isSubscribed === true ? this.#kept.memory.get(owner) : undefined;
      return remembered === undefined ? [] : [[owner, remembered] as const];
    });
  }

  addFinding({ points = [], subscription, certificateEnd }: OpcUaFinding): void {
    if (certificateEnd !== undefined) this.#tellEnd(certificateEnd);
    if (points.length > 0) {
      const found = new Map(points);
      this.#points = this.#points.map((point, index) => found.get(index) ?? point);
    }
    if (subscription !== undefined) this.#kept.memory.set(...subscription);
  }

  reportFindings(known: readonly KeptSubscription[], tell: (finding: OpcUaFinding, isOfPoints: boolean) => void): void {
    const { memory } = this.#kept;
    // What this thread remembers itself is newer.
    for (const [owner, remembered] of known) if (memory.get(owner) === undefined) memory.set(owner, remembered);
    this.#tell = tell;
  }

  async connect(signal: AbortSignal): Promise<OpcUaSession> {
    return await this.#decide(() => this.#connect(signal));
  }

  async #connect(signal: AbortSignal): Promise<OpcUaSession> {
    const server = this.#server;
    const limit = { server: server.alias, timeoutMs: server.timeoutMs, signal };
    this.#files.use();
    const isSecured = server.mode !== "None";
    const application = isSecured ? await applicationKeyPair(server, this.#trustList.directory) : undefined;
    this.#files.use(); // a certificate that was just made is no news
    if (application !== undefined) this.#showOwn(application);
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
      const known = { server, groups: this.groups, sizes: this.#readSizes, reports: this.#nodeReports };
      const reader = await NodeReader.create(session, known, signal);
      this.#describePoints(reader.nodeAttributes);
      if (server.nodes.length >= manyNodes) this.#begun();
      return new OpcUaSession(server, session, reader, {
        decide: async (work) => await this.#decide(work),
        recheck: () => this.#gate.passAgain(),
        described: (nodeAttributes) => this.#describePoints(nodeAttributes),
        keepStateTexts: (stateTexts) => {
          const isNew = !isDeepStrictEqual(stateTexts, this.#stateTexts);
          this.#stateTexts = stateTexts;
          return isNew;
        },
        groups: this.groups,
        kept: this.#kept,
        closed: () => this.#gate.forget(),
      });
    } catch (error) {
      await session.close();
      throw error;
    }
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

  #showOwn({ certificateChain: [leaf], endsMs }: KeyPair): void {
    this.#ownCertificateEndsMs = endsMs;
    if (leaf !== undefined) this.#gate.showOwn(leaf, endsMs);
  }

  /** A failure in which the server could not bear a request is followed by a smaller one soon. */
  async #decide<T>(work: () => Promise<T>): Promise<T> {
    const { attributes, values } = this.#readSizes;
    const halvings = attributes.halvings + values.halvings;
    try {
      return await this.#files.decide(work);
    } catch (error) {
      const asksForLess = attributes.halvings + values.halvings > halvings;
      if (asksForLess && error instanceof ServerError) error.retry = "soon";
      throw error;
    }
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

  #describePoints(nodeAttributes: readonly NodeAttributes[]): void {
    const described = this.#server.nodes.map((node, index) =>
      reportedPoint(configuredPoint(this.#server, node), nodeAttributes[index], this.#stateTexts.get(index)),
    );
    const changed = [...described.entries()].filter(([index, point]) => !isDeepStrictEqual(point, this.#points[index]));
    if (changed.length === 0) return;
    this.#points = described;
    this.#tell?.({ points: changed }, true);
  }

  /** Other threads have the same certificate: the service's own knows whether it was told. */
  #tellEnd(end: CertificateEnd): void {
    const daysLeft = this.#expiryWarnings.due(end, this.#nowMs());
    if (daysLeft === undefined) return;
    if (this.#tell !== undefined) {
      this.#tell({ certificateEnd: end }, false);
      return;
    }
    const { whose, fingerprint, endsMs } = end;
    const when = daysLeft < 0 ? `expired ${-daysLeft} days ago` : `ends in ${daysLeft} days`;
    const message = `the ${whose} certificate ${when}, at ${new Date(endsMs).toISOString()}`;
    this.#log("warn", message, { server: this.alias, fingerprint, daysLeft });
  }

  #toldMemory(memory: SubscriptionMemory): SubscriptionMemory {
    return {
      get: (owner) => memory.get(owner),
      set: (owner, remembered) => {
        memory.set(owner, remembered);
        this.#tell?.({ subscription: [owner, remembered] }, false);
      },
    };
  }
}

/** The configured files that decide whether a server is accepted, or accepts us. */
function filesOf(server: OpcUaServer): readonly (string | undefined)[] {
  const { serverCertificateFile, clientCertificateFile, clientPrivateKeyFile, identity } = server;
  const ofUser = identity.kind === "Certificate" ? [identity.certificateFile, identity.privateKeyFile] : [];
  return [serverCertificateFile, clientCertificateFile, clientPrivateKeyFile, ...ofUser];
}

function reportedPoint(
  configured: PointDescription,
  reported: NodeAttributes | undefined,
  stateText: string | undefined,
): PointDescription {
  const { name } = configured;
  if (reported?.isReported !== true || name === undefined) return configured;
  const type = reported.type === BuiltInType.Null ? configured.type : reported.type;
  const isText = type >= BuiltInType.String && type !== BuiltInType.DateTime && type !== BuiltInType.StatusCode;
  const needed = reported.isArray ? arrayCapacityBytes : isText ? textCapacityBytes : 0;
  const capacityBytes = configured.capacityBytes > 0 ? configured.capacityBytes : needed;
  const key = name.isSettled ? configured.key : reported.key;
  const enumeration = reported.enumeration ?? stateText;
  const texts = enumeration === undefined ? {} : { enumeration };
  return { ...configured, ...texts, key, type, capacityBytes, name: { ...name, reported: reported.key } };
}
