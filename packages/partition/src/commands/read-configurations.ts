// Reads the configuration files that a command was given, and looks at the certificates that they name: everything that may take long
// because of what somebody wrote. Runs in a thread of its own (load-configurations.ts).

import type { ModbusConfiguration, OpcUaConfiguration } from "../configuration/configuration.ts";
import type { ContestedKey } from "../configuration/contested-keys.ts";
import { loadModbusConfiguration } from "../configuration/modbus-configuration.ts";
import { loadOpcUaConfiguration } from "../configuration/opc-ua-configuration.ts";
import { ConfigurationError, type Problem } from "../configuration/problem.ts";
import { readXmlText } from "../configuration/read-xml-text.ts";

export interface ConfigurationFiles {
  readonly opcua: string | undefined;
  readonly modbus: string | undefined;
  /** One of the two; its root element tells which. */
  readonly either?: string;
  readonly certificatesDirectory: string;
  /** Insecure OPC UA policies are errors. */
  readonly requireSecurity?: boolean;
}

export interface Configurations {
  readonly opcua: OpcUaConfiguration | undefined;
  readonly modbus: ModbusConfiguration | undefined;
  readonly warnings: readonly Problem[];
  /** For `check` alone. */
  readonly hints: readonly Problem[];
  /** Of the Modbus file; what OPC UA servers call their nodes is not known here. */
  readonly contestedKeys: readonly ContestedKey[];
  /** What will not work because of a certificate. */
  readonly certificateProblems: readonly Problem[];
  /** Why the certificates directory cannot be used by a server that needs it. */
  readonly directoryTrouble: string | undefined;
  readonly usesDirectory: boolean;
}

/** Throws one ConfigurationError with the problems of all files. `reading` hears of each file before it is read. */
export async function readConfigurations(
  files: ConfigurationFiles,
  reading: (file: string) => void,
): Promise<Configurations> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const hints: Problem[] = [];
  const load = <Loaded extends { readonly warnings: readonly Problem[]; readonly hints?: readonly Problem[] }>(
    file: string | undefined,
    read: (file: string) => Loaded,
  ) => {
    if (file === undefined) return undefined;
    reading(file);
    try {
      const loaded = read(file);
      warnings.push(...loaded.warnings);
      hints.push(...(loaded.hints ?? []));
      return loaded;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const { certificatesDirectory, requireSecurity } = files;
  const given = byRootElement(files);
  const opcua = load(given.opcua, (file) => loadOpcUaConfiguration(file, { certificatesDirectory, requireSecurity }));
  const modbus = load(given.modbus, (file) => loadModbusConfiguration(file, { certificatesDirectory }));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    opcua: opcua?.configuration,
    modbus: modbus?.configuration,
    warnings,
    hints,
    contestedKeys: modbus?.contestedKeys ?? [],
    ...(await certificateFindings(opcua?.configuration, modbus?.configuration, certificatesDirectory)),
  };
}

type CertificateFindings = Pick<Configurations, "certificateProblems" | "directoryTrouble" | "usesDirectory">;

async function certificateFindings(
  opcua: OpcUaConfiguration | undefined,
  modbus: ModbusConfiguration | undefined,
  directory: string,
): Promise<CertificateFindings> {
  if (opcua === undefined && modbus?.servers.every(({ tls }) => tls === undefined) !== false)
    return { certificateProblems: [], directoryTrouble: undefined, usesDirectory: false };
  // Loaded on demand: what looks into certificates takes a tenth of a second to load.
  const looking = await import("./certificate-problems.ts");
  const nowMs = Date.now();
  return {
    certificateProblems: [
      ...(modbus === undefined ? [] : looking.modbusCertificateProblems(modbus, nowMs)),
      ...(opcua === undefined ? [] : looking.certificateProblems(opcua, directory, nowMs)),
    ],
    directoryTrouble: opcua && looking.directoryTrouble(opcua, directory),
    usesDirectory: opcua?.servers.some(looking.needsDirectory) ?? false,
  };
}

/** A file that is neither is told so by the Modbus grammar, and one that cannot be read by its loader. */
function byRootElement({ opcua, modbus, either }: ConfigurationFiles): Pick<ConfigurationFiles, "opcua" | "modbus"> {
  if (either === undefined) return { opcua, modbus };
  const read = readXmlText(either);
  const isOpcUa = read.ok && /<opcua-servers[\s>]/.test(read.text);
  return { opcua: isOpcUa ? either : undefined, modbus: isOpcUa ? undefined : either };
}
