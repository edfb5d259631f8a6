// `cpc simulate`: the simulated plant alone, until it is told to stop, for a partition in another process or container.
//
// It plays the configuration files as they are; a partition with the same files finds it when they name its host and ports.
// Trust is exchanged through {directory}/certificates, which the partition uses as its --certificates: the plant puts its
// servers' certificates into the trust list, and believes the clients whose certificates lie there.

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostInUrl } from "cpc-partition/certificates/host-name";
import { configuredPlant, shippedPaths, type ConfiguredPlant } from "./configured-plant.ts";
import { startSimulatedPlant, type SimulatedPlant } from "./simulated-plant.ts";
import { print } from "@cpc-partition/process/standard-output";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { unpackConfigurations } from "cpc-partition/configuration/packed-configuration";
import { loadConfigurations, printProblems } from "cpc-partition/commands/load-configurations";
import type { ConfigurationPaths } from "cpc-partition/commands/read-configurations";
import { stopSignal } from "@cpc-partition/process/signals";

export interface SimulateSettings {
  /** Without any the plant is that of the demo. */
  readonly paths: ConfigurationPaths;
  readonly directory: string;
  readonly host: string;
  readonly hostName: string | undefined;
  readonly opcuaPort: number;
  readonly modbusPort: number;
}

/** Throws a ConfigurationError before anything listens, and a CommandError when a server cannot be started. */
export async function simulate(settings: SimulateSettings): Promise<ExitCode> {
  const stopped = stopSignal("SIGHUP");
  const directory = resolve(settings.directory);
  const { services, warnings } = await loadConfigurations({
    paths: Object.values(settings.paths).some((own) => own !== undefined) ? settings.paths : shippedPaths,
    certificatesDirectory: join(directory, "certificates"),
  });
  printProblems(warnings);
  const plant = await start(settings, { ...configuredPlant(unpackConfigurations(services)), directory });
  tellWhere(plant);
  await stopped;
  await plant.stop();
  return ExitCode.fine;
}

async function start(
  { host, hostName = host, opcuaPort, modbusPort }: SimulateSettings,
  plant: ConfiguredPlant & { readonly directory: string },
): Promise<SimulatedPlant> {
  try {
    mkdirSync(plant.directory, { recursive: true, mode: 0o700 });
    return await startSimulatedPlant({ ...plant, host, hostName, opcuaPort, modbusPort, clientCertificates: "theirs" });
  } catch (cause) {
    throw new CommandError(`cannot start the simulated plant because ${(cause as Error).message}`, { cause });
  }
}

function tellWhere({ opcua, modbus, securityDirectory }: SimulatedPlant): void {
  const lines = [
    ...opcua.servers.map(({ alias, endpointUrl }) => `OPC UA      ${endpointUrl}  ${alias}`),
    ...modbus.servers.map(({ alias, host, port }) => `Modbus TCP  ${hostInUrl(host)}:${port}  ${alias}`),
    `trust       ${securityDirectory}`,
  ];
  if (opcua.servers.length > 0) {
    lines.push(
      `            a client is trusted when its certificate lies in own/certs there: use the folder as --certificates, or copy it`,
    );
  }
  print(lines.join("\n"));
}
