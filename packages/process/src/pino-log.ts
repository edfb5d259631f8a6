// Where log records go: JSON lines or readable text on standard error. Standard output belongs to what a command was asked for.

import { isatty } from "node:tty";
import { pino, type DestinationStream } from "pino";
import { prettyFactory } from "pino-pretty";
import type { BoundedOutput } from "./bounded-output.ts";
import type { Log, LogFormat, LogLevel } from "./log.ts";
import { shortened } from "./shortened.ts";
import { standardError } from "./standard-error.ts";
import { colouredText, terminalLine, terminalText } from "./terminal-text.ts";

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export function createLog({ level, format }: LogSettings, output: BoundedOutput = standardError): Log {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = pino(options, destination(format, output));
  output.tellDropped = (dropped) =>
    logger.error({ dropped }, `${dropped} log records dropped: output was not read fast enough`);
  return (recordLevel, message, fields = {}) =>
    logger[recordLevel](boundedFields(fields), terminalLine(shortened(message, longestMessage)));
}

/** A record must not take the room of many: the queue before a slow reader has 1 MiB. */
const longestMessage = 4000;
const longestField = 1000;
const longestFields = 16_000;

function boundedFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (lengthOf(fields) <= longestFields) return fields;
  const cut = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "string" ? shortened(value, longestField) : value,
  ]);
  const shorter = Object.fromEntries(cut) as Record<string, unknown>;
  return lengthOf(shorter) <= longestFields ? shorter : { fieldsLeftOut: Object.keys(fields).length };
}

function lengthOf(fields: Readonly<Record<string, unknown>>): number {
  return JSON.stringify(fields, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)).length;
}

function destination(format: LogFormat, output: BoundedOutput): DestinationStream {
  if (format === "json") return { write: (line) => output.write(terminalText(line)) };
  if (format === "journal") return { write: (line) => output.write(terminalText(journalLine(line))) };
  const pretty = prettyFactory({
    colorize: isatty(2),
    ignore: "pid",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return { write: (line) => output.write(colouredText(pretty(line))) };
}

/** The journal has the time and the process itself, and takes the level from the beginning of the line: sd-daemon(3). */
const plain = prettyFactory({ colorize: false, ignore: "pid,time,level", singleLine: true });

function journalLine(line: string): string {
  const { level } = JSON.parse(line) as { level: number };
  const priority = level >= 50 ? 3 : level >= 40 ? 4 : level >= 30 ? 6 : 7;
  return `<${priority}>${plain(line)}`;
}
