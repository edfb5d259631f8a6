// All OPC UA servers of a configuration: one client each.

import { ExpiryWarnings } from "../certificates/expiry-warnings.ts";
import type { OpcUaConfiguration, OpcUaServer } from "../protocols/opcua/configuration/opc-ua-server.ts";
import { ClientManager, type ManagerOptions } from "./client-manager.ts";
import { OpcUaClient } from "./opcua-client.ts";

export interface OpcUaManagerOptions extends ManagerOptions {
  /** Own certificates and the trust list; relative paths of a configuration start here. */
  readonly certificatesDirectory: string;
  /** Where the browse names that servers tell are remembered, so that keys stay the same over restarts; default: nowhere. */
  readonly namesFile?: string | undefined;
}

export class OpcUaClientManager extends ClientManager<OpcUaServer, OpcUaClient> {
  protected override readonly service = "opcua";
  readonly #certificatesDirectory: string;
  readonly #expiryWarnings = new ExpiryWarnings();

  constructor(options: OpcUaManagerOptions) {
    super(options, options.namesFile);
    this.#certificatesDirectory = options.certificatesDirectory;
  }

  /**
   * Reads and checks a configuration file and makes its clients; warnings go to the log. Nothing is connected yet.
   * Rejects with a ConfigurationError that lists every problem.
   *
   * The file is parsed in the caller's thread, which does nothing else meanwhile: two or three seconds for 40,000 points, and for a file of the largest size
   * that is wrong on purpose many. A program that takes files from others calls this in a Worker, with `resourceLimits` and a time limit, as `cpc` does.
   */
  async parseClients(file: string): Promise<OpcUaConfiguration> {
    // Loaded on demand: a service gets its configuration from the main thread and needs no XML parser.
    const { loadOpcUaConfiguration } = await import("../protocols/opcua/configuration/opc-ua-configuration.ts");
    const options = { certificatesDirectory: this.#certificatesDirectory };
    const { configuration, warnings } = loadOpcUaConfiguration(file, options);
    for (const { line, message } of warnings) this.log("warn", `${file}:${line}: ${message}`);
    this.createClients(configuration);
    return configuration;
  }

  createClients(configuration: OpcUaConfiguration): void {
    this.setServers(configuration.servers);
  }

  protected override createClient(server: OpcUaServer): OpcUaClient {
    const directory = this.#certificatesDirectory;
    return new OpcUaClient(server, { directory, log: this.log, expiryWarnings: this.#expiryWarnings });
  }
}
