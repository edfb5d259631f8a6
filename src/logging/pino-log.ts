// Where log records go: JSON lines or readable text on standard error. Standard output belongs to what a command was asked for.

import { pino, type DestinationStream } from "pino";
import { PinoPretty } from "pino-pretty";
import type { Log, LogLevel } from "./log.ts";

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
}

export function createLog({ level, format }: LogSettings): Log {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = pino(options, destination(format));
  return (recordLevel, message, fields = {}) => logger[recordLevel](fields, message);
}

function destination(format: LogSettings["format"]): DestinationStream {
  const standardError = pino.destination({ fd: 2, sync: true });
  // A closed or full log target must never stop the partition.
  standardError.on("error", () => {});
  if (format === "json") return standardError;
  return PinoPretty({
    destination: standardError,
    colorize: process.stderr.isTTY,
    ignore: "pid",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
}
