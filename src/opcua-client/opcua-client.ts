// One OPC UA server of the configuration: connects, learns, polls, disconnects. The caller decides when.
//
// Every connect starts from nothing: the server's certificate is checked against the trust list as it is now, then a new
// channel and a new session are opened with exactly that certificate, then namespaces, limits and browse names are read again.

import { endOfValidityMs, fingerprint, readCertificateFile } from "../certificates/certificate-file.ts";
import { failedServerCertificateChecks } from "../certificates/server-certificate-check.ts";
import { TrustList } from "../certificates/trust-list.ts";
import type { OpcUaNode, OpcUaServer } from "../config/configuration.ts";
import { BuiltInType } from "../point/built-in-type.ts";
import { opcUaConnection } from "../point/connection-entry.ts";
import type { PointDescription } from "../point/point.ts";
import type { PointSink } from "../point/point-sink.ts";
import type { ServerClient } from "../point/server-client.ts";
import { ServerError } from "../point/server-error.ts";
import type { Timestamp } from "../point/timestamp.ts";
import type { Value } from "../point/value.ts";
import { applicationKeyPair, readKeyPair } from "./own-certificate.ts";
import type { NodeLesson } from "./session/node-lessons.ts";
import { NodeReader } from "./session/node-reader.ts";
import { discoverEndpoint } from "./session/endpoint-discovery.ts";
import { SecureSession } from "./session/secure-session.ts";
import type { UserCertificate } from "./session/user-identity.ts";

/** What `readValue` gives: value (undefined with a bad status), status code and source timestamp of one node. */
export interface NodeValue {
  readonly value: Value | undefined;
  readonly status: number;
  readonly sourceTimestamp: Timestamp | undefined;
}

/** Room for texts and arrays whose configuration reserves none. */
const textCapacityBytes = 256;
const arrayCapacityBytes = 1024;

export class OpcUaClient implements ServerClient {
  readonly alias: string;
  readonly connection: { readonly key: string; readonly description: string };
  readonly intervalMs: number | undefined;
  readonly retryIntervalMs: number;
  readonly #server: OpcUaServer;
  readonly #trustList: TrustList;
  #points: readonly PointDescription[];
  #session: SecureSession | undefined;
  #reader: NodeReader | undefined;
  #certificateEndsMs: number | undefined;

  /** `security.directory` is the certificates folder; its layout is described in certificates/trust-list.ts. */
  constructor(server: OpcUaServer, security: { readonly directory: string }) {
    this.alias = server.alias;
    this.connection = opcUaConnection(server.alias);
    this.intervalMs = server.intervalMs;
    this.retryIntervalMs = server.retryIntervalMs;
    this.#server = server;
    this.#trustList = new TrustList(security.directory);
    this.#points = server.nodes.map((node) => configuredPoint(node));
  }

  get certificateEndsMs(): number | undefined {
    return this.#certificateEndsMs;
  }

  get points(): readonly PointDescription[] {
    return this.#points;
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.disconnect();
    const server = this.#server;
    const limit = { server: server.alias, timeoutMs: server.timeoutMs, signal };
    this.#refusePasswordInClear();
    const application = await applicationKeyPair(server, this.#trustList.directory);
    const userCertificate = this.#userCertificate();
    const { serverCertificateChain } = await discoverEndpoint(server, limit);
    const serverCertificate = server.mode === "None" ? undefined : serverCertificateChain[0];
    if (serverCertificate !== undefined) this.#checkServerCertificate(serverCertificate);
    this.#certificateEndsMs = serverCertificate === undefined ? undefined : endOfValidityMs(serverCertificate);
    const session = await SecureSession.open({ server, application, userCertificate, serverCertificate }, limit);
    try {
      this.#reader = await NodeReader.create(session, server, signal);
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#session = session;
    this.#learnPoints(this.#reader.lessons);
  }

  async poll(sink: PointSink, signal: AbortSignal): Promise<void> {
    await this.#connected().poll(sink, signal);
  }

  async disconnect(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#reader = undefined;
    await session?.close();
  }

  /** Reads one node outside the poll; `nodeId` as in "ns=2;s=Name" (OPC 10000-6, 5.1.12). Rejects with a ServerError. */
  async readValue(nodeId: string): Promise<NodeValue> {
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

  #refusePasswordInClear(): void {
    if (this.#server.identity.kind !== "UserName" || this.#server.mode !== "None") return;
    throw new ServerError(
      "SecurityRefused",
      this.alias,
      `cannot log in to ${this.#server.endpointUrl} because a user name and password are not sent without security; ` +
        "right would be the mode SignAndEncrypt",
    );
  }

  #userCertificate(): UserCertificate | undefined {
    const { identity } = this.#server;
    if (identity.kind !== "Certificate") return undefined;
    const { certificateChain, privateKeyPem } = readKeyPair(
      this.#server,
      identity.certificateFile,
      identity.privateKeyFile,
    );
    return { certificate: certificateChain[0] as Buffer, privateKeyPem };
  }

  #checkServerCertificate(certificate: Buffer): void {
    const { serverCertificateFile, endpointUrl } = this.#server;
    const failed = failedServerCertificateChecks(certificate, {
      pinned: serverCertificateFile === undefined ? undefined : this.#pinned(serverCertificateFile),
      trusted: this.#trustList.trustedCertificates(),
    });
    if (failed.length === 0) return;
    const remedy =
      serverCertificateFile === undefined
        ? `to trust it, compare its fingerprint with the server's and move the file to ${this.#trustList.trustedFolder}`
        : `if the server was given a new one, replace ${serverCertificateFile} after comparing fingerprints`;
    throw new ServerError(
      "SecurityRefused",
      this.alias,
      `cannot connect to ${endpointUrl} because its certificate (SHA-256 ${fingerprint(certificate)}) is refused: ` +
        `${failed.map(({ reason }) => reason).join("; ")}. ${this.#keepRejected(certificate)}; ${remedy}`,
    );
  }

  #pinned(file: string): Buffer | undefined {
    try {
      return readCertificateFile(file)[0];
    } catch (cause) {
      throw new ServerError("SecurityRefused", this.alias, (cause as Error).message, { cause });
    }
  }

  #keepRejected(certificate: Buffer): string {
    try {
      const file = this.#trustList.keepRejected(certificate);
      return file === undefined
        ? `It was not kept because ${this.#trustList.rejectedFolder} is full`
        : `It was kept as ${file}`;
    } catch (error) {
      return `It was not kept: ${(error as Error).message}`;
    }
  }

  #learnPoints(lessons: readonly NodeLesson[]): void {
    const learned = this.#server.nodes.map((node, index) => learnedPoint(node, lessons[index]));
    if (JSON.stringify(learned) !== JSON.stringify(this.#points)) this.#points = learned;
  }
}

function configuredPoint(node: OpcUaNode): PointDescription {
  const namespace = "index" in node.namespace ? node.namespace.index : node.namespace.uri;
  const { description, unit, type, capacityBytes } = node;
  return { key: `${namespace}:${node.displayName}`, description, unit, type, capacityBytes };
}

function learnedPoint(node: OpcUaNode, lesson: NodeLesson | undefined): PointDescription {
  const configured = configuredPoint(node);
  if (lesson === undefined) return configured;
  const type = lesson.type === BuiltInType.Null ? configured.type : lesson.type;
  const isText = type >= BuiltInType.String && type !== BuiltInType.DateTime && type !== BuiltInType.StatusCode;
  const needed = lesson.isArray ? arrayCapacityBytes : isText ? textCapacityBytes : 0;
  const capacityBytes = configured.capacityBytes > 0 ? configured.capacityBytes : needed;
  return { ...configured, key: lesson.key, type, capacityBytes };
}
