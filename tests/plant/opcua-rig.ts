// What a test file of the OPC UA client begins with: one real server, and clients and proxies that are gone after each test.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import type { OPCUAServer } from "node-opcua-server";
import type { OpcUaServer } from "../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import type { OpcUaSourceOptions } from "../../packages/partition/src/protocols/opcua/opcua-source.ts";
import { OpcUaClient } from "../../packages/partition/src/library/opcua-client.ts";
import {
  addDoubles,
  certificateIn,
  configuredServer,
  never,
  nodeNamed,
  portOf,
  RecordingSink,
  startServer,
  temporaryFolder,
  type CertificateFiles,
  type TestServerOptions,
} from "./opcua-server.ts";
import { TcpProxy } from "./tcp-proxy.ts";

export interface RigOptions extends Omit<TestServerOptions, "folder" | "certificate"> {
  /** The server's; default: one that signs itself. */
  readonly certificate?: (folder: string) => Promise<CertificateFiles>;
  /** A certificate for the clients as well, which `secured` configures. */
  readonly certifiesClient?: boolean;
  /** What every client of these tests is configured with, beside what a test wishes. */
  readonly client?: Partial<OpcUaServer>;
}

/** Made at the top of a file or in its `describe`. The server has a Double `a` unless `build` makes something else. */
export class OpcUaRig {
  certificate!: CertificateFiles;
  clientCertificate!: CertificateFiles;
  server!: OPCUAServer;
  url = "";
  /** Of the test that runs. */
  logged: string[] = [];
  readonly #up = Promise.withResolvers<void>();
  #folder!: Awaited<ReturnType<typeof temporaryFolder>>;
  readonly #options: RigOptions;
  readonly #endings: (() => Promise<void>)[] = [];

  constructor(options: RigOptions = {}) {
    this.#options = options;
    before(async () => {
      this.#folder = await temporaryFolder();
      this.certificate = await (options.certificate ?? selfSigned)(this.folder);
      if (options.certifiesClient === true) this.clientCertificate = await certificateIn(this.folder, "client");
      ({ server: this.server, url: this.url } = await this.#started("server", options, this.certificate));
      this.#up.resolve();
    });
    afterEach(async () => {
      for (const end of this.#endings.splice(0).toReversed()) await end();
      this.logged = [];
    });
    after(async () => {
      await this.server.shutdown(0);
      await this.#folder.remove();
    });
  }

  /** For another `before` of the file: they begin together. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** The certificates folder of the clients. */
  get directory(): string {
    return join(this.folder, "certificates");
  }

  /** Both certificates are given, and the server's is pinned. */
  get secured(): Partial<OpcUaServer> {
    return {
      policy: "Basic256Sha256",
      mode: "SignAndEncrypt",
      serverCertificateFile: this.certificate.certificateFile,
      clientCertificateFile: this.clientCertificate.certificateFile,
      clientPrivateKeyFile: this.clientCertificate.privateKeyFile,
    };
  }

  client(change: Partial<OpcUaServer> = {}, url = this.url, options: Partial<OpcUaSourceOptions> = {}): OpcUaClient {
    const configured = configuredServer(url, { nodes: [nodeNamed("a")], ...this.#options.client, ...change });
    const { directory } = this;
    const log = (level: string, text: string): number => this.logged.push(`${level} ${text}`);
    const client = new OpcUaClient(configured, { directory, log, ...options });
    this.#endings.push(() => client.disconnect());
    return client;
  }

  async connected(change?: Partial<OpcUaServer>, url?: string): Promise<OpcUaClient> {
    const client = this.client(change, url);
    await client.connect(never);
    return client;
  }

  async proxy(port: Parameters<typeof TcpProxy.start>[0] = portOf(this.url)): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(port);
    this.#endings.push(() => proxy.close());
    return proxy;
  }

  /** A second server, until the test has ended. */
  async another(options: RigOptions): Promise<{ server: OPCUAServer; url: string }> {
    const certificate = (await options.certificate?.(this.folder)) ?? this.certificate;
    const started = await this.#started(`server ${this.#endings.length}`, options, certificate);
    this.#endings.push(() => started.server.shutdown(0));
    return started;
  }

  /** Shows each message to the server, or each response before it leaves, while `body` runs. */
  async during<T>(event: "request" | "response", see: (message: unknown) => void, body: () => Promise<T>): Promise<T> {
    this.server.on(event, see);
    try {
      return await body();
    } finally {
      this.server.off(event, see);
    }
  }

  maxNodesPerRead(value: number): void {
    this.server.engine.serverCapabilities.operationLimits.maxNodesPerRead = value;
  }

  #started(
    name: string,
    options: RigOptions,
    certificate: CertificateFiles,
  ): Promise<{ server: OPCUAServer; url: string }> {
    return startServer({ build: addOne, ...options, folder: join(this.folder, name), certificate });
  }
}

function selfSigned(folder: string): Promise<CertificateFiles> {
  return certificateIn(folder, "server");
}

function addOne(server: OPCUAServer): void {
  addDoubles(server, ["a"]);
}

export async function polled(client: OpcUaClient): Promise<RecordingSink> {
  const sink = new RecordingSink();
  await client.poll(sink, never);
  return sink;
}

/** Of the point that a server has unless `build` makes something else. */
export async function readOnce(client: OpcUaClient): Promise<void> {
  assert.deepEqual((await polled(client)).values.get(0), { type: 11, value: 0 });
}

export async function connectAndRead(client: OpcUaClient): Promise<void> {
  try {
    await client.connect(never);
    await readOnce(client);
  } finally {
    await client.disconnect();
  }
}
