// `cpc check`: validates configuration files and prints the plan: servers, points, requests in a cycle, size of the document.

import Table from "cli-table3";
import { hostInUrl } from "../certificates/host-name.ts";
import { isInsecure, type ModbusConfiguration, type OpcUaConfiguration } from "../configuration/configuration.ts";
import { ConfigurationError, type Problem } from "../configuration/problem.ts";
import { planReads } from "../protocols/modbus/reading/read-plan.ts";
import { protocolNamed } from "../protocols/registry.ts";
import { NamesFile } from "../sources/names-file.ts";
import { documentSizeOf, type DocumentSize } from "./document-size-plan.ts";
import { contestedLines, opcUaKeys } from "./contested-key-lines.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { loadConfigurations, printProblems } from "./load-configurations.ts";
import { namesFileOf, type StateSettings } from "./state-settings.ts";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface CheckSettings extends StateSettings {
  readonly requireSecurity: boolean;
}

/** Reads in a cycle are one for each so many nodes, or fewer where the server allows fewer. */
const nodesPerRead = 1000;

/** Throws one ConfigurationError with the problems of all files, after the plans of the valid ones are printed. */
export async function check(files: readonly string[], settings: CheckSettings): Promise<ExitCode> {
  const problems: Problem[] = [];
  for (const file of files) {
    try {
      await checkFile(file, settings);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return ExitCode.fine;
}

async function checkFile(file: string, settings: CheckSettings): Promise<void> {
  const { certificates: certificatesDirectory, requireSecurity } = settings;
  const files = { opcua: undefined, modbus: undefined, either: file, certificatesDirectory, requireSecurity };
  const { opcua, modbus, ...found } = await loadConfigurations(files);
  printProblems(found.warnings);
  printProblems(found.hints);
  const trouble = found.directoryTrouble === undefined ? [] : [{ file, line: 1, message: found.directoryTrouble }];
  const problems = [...trouble, ...found.certificateProblems];
  if (problems.length > 0) throw new ConfigurationError(problems);
  print(`${terminalLine(file)} is valid`);
  if (opcua !== undefined) {
    printOpcUa(opcua);
    printOpcUaKeys(opcua, namesFileOf(settings));
  }
  if (modbus !== undefined) printModbus(modbus);
  printLines(contestedLines(found.contestedKeys));
}

function printModbus(configuration: ModbusConfiguration): void {
  const table = new Table({
    head: ["server", "address", "points", "requests/cycle", "interval"],
    style: { head: [], border: [] },
  });
  for (const server of configuration.servers) {
    const requests = planReads(server.points, server).tables.reduce((sum, { requests: own }) => sum + own.length, 0);
    table.push([
      terminalLine(server.alias),
      `${hostInUrl(server.host)}:${server.port}${server.tls === undefined ? "" : ` TLS ${server.tls.minimumVersion}`}`,
      server.points.length,
      requests,
      interval(server.intervalMs),
    ]);
  }
  print(table.toString());
  printSize(documentSizeOf(protocolNamed("modbus"), configuration));
}

function printOpcUa(configuration: OpcUaConfiguration): void {
  const head = ["server", "endpoint", "security", "user", "nodes", "reads/cycle", "interval"];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const server of configuration.servers) {
    table.push([
      terminalLine(server.alias),
      terminalLine(server.endpointUrl),
      `${server.mode === "None" ? "None" : `${server.policy} ${server.mode}`}${isInsecure(server.policy) ? ", insecure" : ""}`,
      server.identity.kind,
      server.nodes.length,
      Math.ceil(server.nodes.length / Math.min(nodesPerRead, server.maxNodesPerRead ?? nodesPerRead)),
      interval(server.intervalMs),
    ]);
  }
  print(table.toString());
  printSize(documentSizeOf(protocolNamed("opcua"), configuration));
}

function printOpcUaKeys(configuration: OpcUaConfiguration, namesFile: string): void {
  const { contested, expected } = opcUaKeys(configuration, new NamesFile(namesFile, printWarning).load());
  printLines(contestedLines(contested));
  if (expected === 0) return;
  const nodes = expected === 1 ? "1 node" : `${expected} nodes`;
  printLines([
    `the browse names of ${nodes} are not known yet, because neither <BrowseName> nor ${namesFile} has them: until the server ` +
      "reports them, keys are made from the DisplayName",
  ]);
}

function printWarning(_level: string, message: string): void {
  printError(message);
}

function printLines(lines: readonly string[]): void {
  for (const line of lines) print(line);
}

function printSize({ documentBytes, segmentBytes }: DocumentSize): void {
  print(`document up to about ${documentBytes} bytes, shared memory ${segmentBytes} bytes`);
}

function interval(intervalMs: number | undefined): string {
  return intervalMs === undefined ? "the service's" : `${intervalMs / 1000} s`;
}
