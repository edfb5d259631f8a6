// Reads the configuration files that a command was given. What is wrong in them is printed line by line, all of it at once.

import type { ModbusConfiguration, OpcUaConfiguration } from "../configuration/configuration.ts";
import type { ContestedKey } from "../configuration/contested-keys.ts";
import { loadModbusConfiguration } from "../configuration/modbus-configuration.ts";
import { loadOpcUaConfiguration } from "../configuration/opc-ua-configuration.ts";
import { ConfigurationError, formatProblem, type Problem } from "../configuration/problem.ts";
import { printError } from "@cpc-partition/process/standard-error";

export interface ConfigurationFiles {
  readonly opcua: string | undefined;
  readonly modbus: string | undefined;
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
}

/** Throws one ConfigurationError with the problems of all files. */
export function loadConfigurations(files: ConfigurationFiles): Configurations {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const hints: Problem[] = [];
  const load = <Loaded extends { readonly warnings: readonly Problem[]; readonly hints?: readonly Problem[] }>(
    file: string | undefined,
    read: (file: string) => Loaded,
  ) => {
    if (file === undefined) return undefined;
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
  const opcua = load(files.opcua, (file) => loadOpcUaConfiguration(file, { certificatesDirectory, requireSecurity }));
  const modbus = load(files.modbus, (file) => loadModbusConfiguration(file, { certificatesDirectory }));
  if (problems.length > 0) throw new ConfigurationError(problems);
  const contestedKeys = modbus?.contestedKeys ?? [];
  return { opcua: opcua?.configuration, modbus: modbus?.configuration, warnings, hints, contestedKeys };
}

export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) printError(formatProblem(problem));
}
