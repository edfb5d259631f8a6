// Where log records go: JSON lines or readable text on standard error. Standard output belongs to what a command was asked for.

import { isatty } from "node:tty";
import { pino, type DestinationStream } from "pino";
import { prettyFactory } from "pino-pretty";
import type { BoundedOutput } from "./bounded-output.ts";
import type { Log, LogLevel } from "./log.ts";
import { standardError } from "./standard-error.ts";
import { colouredText, terminalLine, terminalText } from "./terminal-text.ts";

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
}

export function createLog({ level, format }: LogSettings, output: BoundedOutput = standardError): Log {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = pino(options, destination(format, output));
  output.tellDropped = (dropped) =>
    logger.error({ dropped }, `${dropped} log records dropped: output was not read fast enough`);
  return (recordLevel, message, fields = {}) => logger[recordLevel](fields, terminalLine(message));
}

function destination(format: LogSettings["format"], output: BoundedOutput): DestinationStream {
  if (format === "json") return { write: (line) => output.write(terminalText(line)) };
  const pretty = prettyFactory({
    colorize: isatty(2),
    ignore: "pid",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return { write: (line) => output.write(colouredText(pretty(line))) };
}
