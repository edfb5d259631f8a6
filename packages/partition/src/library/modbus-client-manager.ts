// All Modbus TCP servers of a configuration: one client each, one connection for each host and port.

import type { ModbusConfiguration, ModbusServer } from "../protocols/modbus/configuration/modbus-server.ts";
import { ClientManager, type ManagerOptions } from "./client-manager.ts";
import { ModbusConnections } from "../protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "./modbus-tcp-client.ts";

export interface ModbusManagerOptions extends ManagerOptions {
  /** Where relative file names of certificates and keys in a configuration start; default "certificates". */
  readonly certificatesDirectory?: string;
}

export class ModbusClientManager extends ClientManager<ModbusServer, ModbusTcpClient> {
  protected override readonly service = "modbus";
  readonly #connections = new ModbusConnections();
  readonly #certificatesDirectory: string;
  #configuration: ModbusConfiguration | undefined;

  constructor(options: ModbusManagerOptions = {}) {
    super(options);
    this.#certificatesDirectory = options.certificatesDirectory ?? "certificates";
  }

  /**
   * Reads and checks a configuration file; warnings go to the log. Rejects with a ConfigurationError that lists every problem.
   *
   * The file is parsed in the caller's thread, which does nothing else meanwhile: two or three seconds for 40,000 points, and for a file of the largest size
   * that is wrong on purpose many. A program that takes files from others calls this in a Worker, with `resourceLimits` and a time limit, as `cpc` does.
   */
  async loadEndpointsFromXml(file: string): Promise<ModbusConfiguration> {
    // Loaded on demand: a service gets its configuration from the main thread and needs no XML parser.
    const { loadModbusConfiguration } = await import("../protocols/modbus/configuration/modbus-configuration.ts");
    const { configuration, warnings } = loadModbusConfiguration(file, {
      certificatesDirectory: this.#certificatesDirectory,
    });
    for (const { line, message } of warnings) this.log("warn", `${file}:${line}: ${message}`);
    this.#configuration = configuration;
    return configuration;
  }

  /** Makes the clients of the given configuration, or of the one loaded last; see `setServers`. */
  createClients(configuration: ModbusConfiguration | undefined = this.#configuration): void {
    if (configuration === undefined) throw new TypeError("no configuration: call loadEndpointsFromXml first");
    this.setServers(configuration.servers);
  }

  protected override createClient(server: ModbusServer): ModbusTcpClient {
    return new ModbusTcpClient(server, this.#connections, undefined, this.log);
  }
}
