// `cpc import`: our configuration from what people have. Prints the XML; what has no counterpart is listed, nothing is lost silently.

import { writeFileSync } from "node:fs";
import { CommandError } from "@cpc-partition/process/command-error";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { invocation } from "@cpc-partition/process/invocation";
import type { Imported, ImportSettings, ModbusDraft, OpcUaDraft } from "../import/draft.ts";
import type { FormatName } from "../import/format-names.ts";
import { formatOf, formats } from "../import/formats.ts";
import { importedText } from "../import/imported-text.ts";
import { modbusXml, opcUaXml } from "../import/write-xml.ts";

export interface ImportCommandSettings extends ImportSettings {
  readonly from: FormatName | undefined;
  readonly only: ServiceName | undefined;
  readonly output: string | undefined;
}

type ChosenServers =
  | { readonly protocol: "modbus"; readonly servers: readonly ModbusDraft[] }
  | { readonly protocol: "opcua"; readonly servers: readonly OpcUaDraft[] };

const largestFileBytes = 64 * 2 ** 20;

export function importFile(file: string, settings: ImportCommandSettings): ExitCode {
  const { text, isGuessed } = importedText(bytesOf(file));
  const format = settings.from ?? formatOf(text);
  const imported = read(file, text, format, settings);
  const servers = chosenServers(imported, settings.only, file);
  const xml = xmlOf(servers, imported);
  const { output } = settings;
  if (output === undefined) print(xml.trimEnd());
  else write(output, xml);
  const guess = isGuessed ? " in windows-1252" : "";
  const said = [
    settings.from === undefined ? `read as ${format}${guess}; --from chooses another format` : undefined,
    ...imported.notes,
    ...imported.leftOut.map((one) => `left out: ${one}`),
    summary(servers, imported, output),
  ];
  for (const line of said) if (line !== undefined) printError(terminalLine(line));
  return imported.leftOut.length === 0 ? ExitCode.fine : ExitCode.failed;
}

function bytesOf(file: string): Buffer {
  try {
    return readBoundedFile(file, { largestBytes: largestFileBytes });
  } catch (error) {
    throw new CommandError(`cannot read ${file} because ${readingTrouble(error)}`, { cause: error });
  }
}

function read(file: string, text: string, format: FormatName, settings: ImportSettings): Imported {
  try {
    return formats[format](text, settings);
  } catch (error) {
    throw new CommandError(
      `cannot read ${file} as ${format} because ${(error as Error).message}; --from chooses another format`,
      { cause: error },
    );
  }
}

/** Of one protocol, as a file has them. */
function chosenServers({ servers, leftOut }: Imported, only: ServiceName | undefined, file: string): ChosenServers {
  const modbus = servers.filter((server) => server.protocol === "modbus");
  const opcua = servers.filter((server) => server.protocol === "opcua");
  if (servers.length === 0) {
    const reasons = leftOut.length === 0 ? "it names no server" : `of what it has nothing can be read: ${leftOut[0]}`;
    throw new CommandError(`cannot make a configuration of ${file} because ${reasons}`);
  }
  if (modbus.length > 0 && opcua.length > 0 && only === undefined) {
    throw new CommandError(
      `cannot make one configuration of ${file} because it has servers of both protocols; import it twice, with --only modbus and with --only opcua`,
    );
  }
  const isModbus = only === undefined ? modbus.length > 0 : only === "modbus";
  if ((isModbus ? modbus : opcua).length === 0) throw new CommandError(`${file} has no server of ${only}`);
  return isModbus ? { protocol: "modbus", servers: modbus } : { protocol: "opcua", servers: opcua };
}

function xmlOf(chosen: ChosenServers, { notes, leftOut }: Imported): string {
  const remarks = [...notes.map((note) => `Note: ${note}`), ...leftOut.map((one) => `Left out: ${one}`)];
  return chosen.protocol === "modbus" ? modbusXml(chosen.servers, remarks) : opcUaXml(chosen.servers, remarks);
}

function write(output: string, xml: string): void {
  try {
    writeFileSync(output, xml, { flag: "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const because = code === "EEXIST" ? "it exists; remove it or choose another name" : message;
    throw new CommandError(`cannot write ${output} because ${because}`, { cause: error });
  }
}

function summary({ servers }: ChosenServers, { leftOut }: Imported, output: string | undefined): string {
  const points = servers.reduce((sum, one) => sum + (one.protocol === "modbus" ? one.endpoints : one.nodes).length, 0);
  const check = `look at it and check it: ${invocation} check ${output ?? "FILE"}`;
  return `points taken over: ${points}, servers: ${servers.length}, left out: ${leftOut.length}; ${check}`;
}
