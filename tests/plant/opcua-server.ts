// A real node-opcua server, with everything that it needs in a folder of its own.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import {
  AttributeIds,
  DataType,
  DataValue,
  MessageSecurityMode,
  NodeId,
  SecurityPolicy,
  Variant,
} from "node-opcua-client";
import { OPCUAServer } from "node-opcua-server";
import { hostInUrl } from "../../packages/partition/src/certificates/host-name.ts";
import { silenceNodeOpcUa } from "../../packages/partition/src/protocols/opcua/silence.ts";
import { certificate, privateKeyPem } from "./certificates.ts";

silenceNodeOpcUa();

export const allPolicies = [
  "Basic128Rsa15",
  "Basic256",
  "Basic256Sha256",
  "Aes128_Sha256_RsaOaep",
  "Aes256_Sha256_RsaPss",
] as const;

/** A folder that is gone when the test file ends. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `cpc-opcua-${process.pid}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

/** An application instance certificate for 127.0.0.1, with the URI `urn:cpc-partition:test:{name}`. */
export async function certificateIn(folder: string, name: string): Promise<CertificateFiles> {
  const files = { certificateFile: join(folder, `${name}.der`), privateKeyFile: join(folder, `${name}.pem`) };
  const uri = `urn:cpc-partition:test:${name}`;
  const { der, keys } = await certificate({ name, keyName: `application ${name}`, uri, hosts: ["127.0.0.1"] });
  await writeFile(files.certificateFile, der);
  await writeFile(files.privateKeyFile, await privateKeyPem(keys), { mode: 0o600 });
  return files;
}

/** A folder of node-opcua's for certificates, with a key: without one it would generate another. */
async function certificatesIn(rootFolder: string, accepts: boolean, keyFile: string): Promise<OPCUACertificateManager> {
  await mkdir(join(rootFolder, "own", "private"), { recursive: true });
  await copyFile(keyFile, join(rootFolder, "own", "private", "private_key.pem"));
  const automaticallyAcceptUnknownCertificate = accepts;
  return new OPCUACertificateManager({ disableFileWatchers: true, automaticallyAcceptUnknownCertificate, rootFolder });
}

export interface TestServerOptions {
  readonly folder: string;
  readonly certificate: CertificateFiles;
  /** Accepts these users only; Anonymous is accepted where there are none. */
  readonly users?: Readonly<Record<string, string>>;
  readonly trustedUserCertificate?: Buffer;
  readonly distrustsClients?: boolean;
  readonly maxNodesPerRead?: number;
  /** Default 20. */
  readonly maxSessions?: number;
  /** Beside None; default all. Fewer make connecting cheaper: a client reads all endpoints three times. */
  readonly policies?: readonly (typeof allPolicies)[number][];
  /** Of the channels' security tokens; default ten minutes. */
  readonly tokenLifetimeMs?: number;
  /** Called with the address space before the server starts. */
  readonly build?: (server: OPCUAServer) => void;
  readonly port?: number;
  /** Where it listens; default 127.0.0.1. */
  readonly host?: string;
}

export async function startServer(options: TestServerOptions): Promise<{ server: OPCUAServer; url: string }> {
  const { privateKeyFile } = options.certificate;
  const accepts = options.distrustsClients !== true;
  const clients = await certificatesIn(join(options.folder, "server-pki"), accepts, privateKeyFile);
  const users = await certificatesIn(join(options.folder, "server-user-pki"), false, privateKeyFile);
  await clients.initialize();
  if (options.trustedUserCertificate !== undefined) {
    await users.initialize();
    await users.trustCertificate(options.trustedUserCertificate);
  }
  const { host = "127.0.0.1" } = options;
  const server = new OPCUAServer({
    host,
    hostname: host,
    port: options.port ?? 0,
    ...options.certificate,
    serverCertificateManager: clients,
    userCertificateManager: options.trustedUserCertificate === undefined ? clients : users,
    securityPolicies: [SecurityPolicy.None, ...(options.policies ?? allPolicies).map((name) => SecurityPolicy[name])],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: options.users === undefined,
    userManager: { isValidUser: (name: string, password: string) => options.users?.[name] === password },
    serverInfo: { applicationUri: "urn:cpc-partition:test:server" },
    serverCapabilities: {
      maxSessions: options.maxSessions ?? 20,
      minSupportedSampleRate: 1,
      operationLimits: { maxNodesPerRead: options.maxNodesPerRead ?? 1000 },
    },
    nodesetLoaderOptions: { trustSiblingImages: true },
    maxConnectionsPerEndpoint: 100,
    allowAnonymousSubscriptionTransferOnUnsecuredChannel: true,
    isAuditing: false,
    ...(options.tokenLifetimeMs === undefined ? {} : { defaultSecureTokenLifetime: options.tokenLifetimeMs }),
  });
  await server.initialize();
  options.build?.(server);
  await server.start();
  return { server, url: `opc.tcp://${hostInUrl(host)}:${server.endpoints[0]?.port}` };
}

/** Adds a variable `s={name}` to namespace `index` that always has this value. */
export function addConstant(server: OPCUAServer, name: string, variant: Variant, index = 1): void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  addressSpace.getNamespace(index).addVariable({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: new NodeId(NodeId.NodeIdType.STRING, name, index),
    browseName: name,
    dataType: "BaseDataType",
  });
  const constant = new DataValue({ sourceTimestamp: new Date() });
  constant.value = variant;
  constantsOf(server).set(`ns=${index};s=${name}`, constant);
}

const constants = new WeakMap<OPCUAServer, Map<string, DataValue>>();

/** Values go to the wire as they are, past the server's own opinion of what suits a variable. */
function constantsOf(server: OPCUAServer): Map<string, DataValue> {
  const present = constants.get(server);
  if (present !== undefined) return present;
  const values = new Map<string, DataValue>();
  constants.set(server, values);
  const { engine } = server;
  const read = engine.read.bind(engine);
  engine.read = async (context, request) => {
    const results = await read(context, request);
    return results.map((result, i) => {
      const { nodeId, attributeId } = request.nodesToRead?.[i] ?? {};
      const constant = attributeId === AttributeIds.Value ? values.get(String(nodeId)) : undefined;
      return constant === undefined ? result : Object.assign(new DataValue(), constant); // tests change responses
    });
  };
  return values;
}

export function addDoubles(server: OPCUAServer, names: readonly string[]): void {
  names.forEach((name, value) => addConstant(server, name, new Variant({ dataType: DataType.Double, value })));
}

export { configuredServer, nodeNamed } from "./opcua-points.ts";
export { RecordingSink } from "./recording-sink.ts";

export const never = new AbortController().signal;

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
