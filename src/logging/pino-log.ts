// Where log records go: JSON lines or readable text on standard error. Standard output belongs to what a command was asked for.

import { Writable } from "node:stream";

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
  return (recordLevel, message, fields = {}) => logger[recordLevel](fields, onOneLine(message));
}

/** A server's words can be part of a message: nothing in them may steer a terminal, or begin a record of their own. */
function onOneLine(message: string): string {
  return message.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

function destination(format: LogSettings["format"]): DestinationStream {
  const standardError = pino.destination({ fd: 2, sync: true });
  // A closed or full log target must never stop the partition.
  standardError.on("error", () => {});
  const harmless = new Writable({
    decodeStrings: false,
    write: (text, _encoding, done) => {
      standardError.write(escaped(String(text)));
      done();
    },
  });
  if (format === "json") return harmless;
  return PinoPretty({
    destination: harmless,
    colorize: process.stderr.isTTY,
    ignore: "pid",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
}

/** JSON escapes control characters below 0x20 only; these steer some terminals, too, or the eye. JSON stays the same JSON by it. */
function escaped(text: string): string {
  return text.replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(character.split(""), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}
