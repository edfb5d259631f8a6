// Where log records go: JSON lines or readable text on standard error. Standard output belongs to what a command was asked for.

import { isatty } from "node:tty";
import { pino, type DestinationStream } from "pino";
import { prettyFactory } from "pino-pretty";
import type { BoundedOutput } from "./bounded-output.ts";
import type { Log, LogLevel } from "./log.ts";
import { standardError } from "./standard-error.ts";

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
}

export function createLog({ level, format }: LogSettings, output: BoundedOutput = standardError): Log {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = pino(options, destination(format, output));
  output.tellDropped = (dropped) =>
    logger.error({ dropped }, `${dropped} log records dropped: output was not read fast enough`);
  return (recordLevel, message, fields = {}) => logger[recordLevel](fields, onOneLine(message));
}

/** A server's words can be part of a message: nothing in them may steer a terminal, or begin a record of their own. */
function onOneLine(message: string): string {
  return message.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

function destination(format: LogSettings["format"], output: BoundedOutput): DestinationStream {
  if (format === "json") return { write: (line) => output.write(escaped(line)) };
  const pretty = prettyFactory({
    colorize: isatty(2),
    ignore: "pid",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return { write: (line) => output.write(escaped(pretty(line))) };
}

/** JSON escapes control characters below 0x20 only; these steer some terminals, too, or the eye. JSON stays the same JSON by it. */
function escaped(text: string): string {
  return text.replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(character.split(""), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}
