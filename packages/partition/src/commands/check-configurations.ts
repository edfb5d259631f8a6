// What `check` finds out about configuration files. Runs in the thread that reads them, and gives back text only: a large configuration
// is never copied.

import Table from "cli-table3";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { ServiceConfiguration } from "../configuration/configuration.ts";
import { contestedLines } from "../configuration/contested-keys.ts";
import { findFiles } from "../configuration/configuration-paths.ts";
import type { Problem } from "../configuration/problem.ts";
import { readXmlText } from "../configuration/read-xml-text.ts";
import type { PlannedPoint, PlanTable, ReadingOptions } from "../protocols/configuration-format.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { protocols } from "../protocols/registry.ts";
import { NamesFile } from "../sources/names-file.ts";
import { documentSizeOf } from "./document-size-plan.ts";
import { problemsOf } from "./read-configurations.ts";

export interface CheckOrder extends Pick<
  ReadingOptions,
  "certificatesDirectory" | "requireSecurity" | "withoutSecrets"
> {
  /** Files and directories; the outermost element of a file tells whose it is. */
  readonly paths: readonly string[];
  readonly namesFile: string;
  readonly points: boolean;
  /** Of servers that have no interval of their own. */
  readonly intervalMs: number;
  /** The report has the configurations themselves, too: they are copied. */
  readonly configurations: boolean;
}

/** Everything in the order in which it is printed. */
export interface CheckReport {
  readonly validFiles: readonly string[];
  readonly warnings: readonly Problem[];
  readonly hints: readonly Problem[];
  readonly problems: readonly Problem[];
  readonly trouble: readonly string[];
  readonly services: readonly ServiceReport[];
}

export interface ServiceReport {
  readonly service: ServiceName;
  /** Undefined unless they were asked for. */
  readonly configuration: ServiceConfiguration | undefined;
  /** Without the characters that steer a terminal. */
  readonly plan: readonly string[];
  /** Empty unless they were asked for. */
  readonly points: readonly PlannedPoint[];
}

type Found = { -readonly [Part in keyof CheckReport]: CheckReport[Part][number][] };

export async function checkConfigurations(
  order: CheckOrder,
  reading: (file: string) => void,
  all: readonly Protocol[] = protocols,
): Promise<CheckReport> {
  const { files, problems } = await findFiles(order.paths);
  const found: Found = { validFiles: [], warnings: [], hints: [], problems: [...problems], trouble: [], services: [] };
  const byProtocol = Map.groupBy(files, (file) => protocolOf(file, all));
  for (const protocol of all) {
    const own = byProtocol.get(protocol);
    if (own !== undefined) await checkService(protocol, own, { order, reading, found });
  }
  const wrong = new Set(found.problems.map(({ file }) => file));
  return { ...found, validFiles: files.filter((file) => !wrong.has(file)) };
}

interface Checking {
  readonly order: CheckOrder;
  readonly reading: (file: string) => void;
  readonly found: Found;
}

async function checkService(
  protocol: Protocol,
  files: readonly string[],
  { order, reading, found }: Checking,
): Promise<void> {
  const { namesFile, points, intervalMs, configurations, paths: _paths, ...options } = order;
  const format = await protocol.loadFormat();
  try {
    const read = format.read(files, { ...options, intervalMs, reading });
    const { configuration, warnings, hints = [] } = read;
    const certificates = await format.certificateFindings(configuration, order.certificatesDirectory);
    const { tables, hints: more } = format.plan(configuration, intervalMs);
    found.warnings.push(...warnings);
    found.hints.push(...hints, ...more);
    found.problems.push(...certificates.problems);
    if (certificates.directoryTrouble !== undefined)
      found.problems.push({ file: files[0] ?? "", line: 1, message: certificates.directoryTrouble });
    const names = new NamesFile(namesFile, (_level, message) => found.trouble.push(message)).load();
    const { contested, expected } = format.keys(read, protocol.remembersNames ? names : new Map());
    found.services.push({
      service: protocol.name,
      configuration: configurations ? configuration : undefined,
      plan: [
        ...tables.map((table) => tableText(table)),
        sizeWords(protocol, configuration),
        ...contestedLines(contested),
        ...expectedWords(expected, namesFile),
      ],
      points: points ? Array.from(format.points(configuration)) : [],
    });
  } catch (error) {
    found.problems.push(...problemsOf(error));
  }
}

/** A file of none is told so by the last one's grammar, and one that cannot be read by its reader. */
function protocolOf(file: string, all: readonly Protocol[]): Protocol | undefined {
  const read = readXmlText(file);
  const isOf = ({ rootElement }: Protocol): boolean => read.ok && new RegExp(`<${rootElement}[\\s>]`).test(read.text);
  return all.find(isOf) ?? all.at(-1);
}

function tableText({ head, rows }: PlanTable): string {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  for (const row of rows) table.push(row.map((cell) => (typeof cell === "string" ? terminalLine(cell) : cell)));
  return table.toString();
}

function sizeWords(protocol: Protocol, configuration: ServiceConfiguration): string {
  const { documentBytes, segmentBytes } = documentSizeOf(protocol, configuration);
  return `document up to about ${documentBytes} bytes, shared memory ${segmentBytes} bytes`;
}

function expectedWords(expected: number, namesFile: string): readonly string[] {
  if (expected === 0) return [];
  const nodes = expected === 1 ? "the key of 1 node is" : `the keys of ${expected} nodes are`;
  return [
    `${nodes} made from the <DisplayName> until the first connection: then the server tells the browse names, ` +
      `and ${namesFile} remembers them`,
  ];
}
