// Options that several commands have, with one name, one default and one environment variable each.

import { isatty } from "node:tty";
import { InvalidArgumentError, Option, type Command } from "commander";
import { logFormats, logLevels, type LogFormat } from "./log.ts";
import { isJournal } from "./standard-error.ts";

/** A service's configuration: the option may stand several times. */
export function pathsOption(service: string, fileHolds: string): Option {
  return new Option(`--${service} <path>`, `${fileHolds}: a file, or a directory of files; may be given several times`)
    .env(`CPC_${service.toUpperCase()}`)
    .argParser((path, before: readonly string[] | undefined) => [...(before ?? []), path]);
}

/** The paths of `pathsOption`; its variable separates several with ":", as PATH does. */
export function pathsGiven(command: Command, service: string): readonly string[] | undefined {
  const paths = command.getOptionValue(service) as readonly string[] | undefined;
  if (command.getOptionValueSource(service) !== "env") return paths;
  return paths?.flatMap((list) => list.split(":").filter((path) => path !== ""));
}

export function intervalOption(): Option {
  return new Option(
    "--interval <seconds>",
    "seconds between polls of servers and points without an <interval>, and between documents",
  )
    .env("CPC_INTERVAL")
    .default(1)
    .argParser(seconds);
}

export function prefixOption(): Option {
  return new Option("--prefix <name>", "prefix for every name in shared memory")
    .env("CPC_PREFIX")
    .default("")
    .argParser(objectName);
}

export function consumersOption(): Option {
  return new Option("--consumers <list>", "comma-separated names; each gets shared memory and a semaphore of its own")
    .env("CPC_CONSUMERS")
    .default([], "one pair with the plain names")
    .argParser(consumerList);
}

export function segmentSizeOption(): Option {
  return new Option(
    "--segment-size <size>",
    "size of each document segment, for example 64K or 1M (default: computed from the configuration)",
  )
    .env("CPC_SEGMENT_SIZE")
    .argParser((text) => sizeBytes(text, 1024));
}

/** Larger than the longest value that an image has room for. */
const smallestJournalBytes = 2 ** 20;
export const defaultJournalBytes = 16 * 2 ** 20;

export function journalSizeOption(): Option {
  return new Option("--journal-size <size>", "size of each service's journal of changes, for example 64M; 0 for none")
    .env("CPC_JOURNAL_SIZE")
    .default(defaultJournalBytes, "16M")
    .argParser((text) => (text === "0" ? 0 : sizeBytes(text, smallestJournalBytes)));
}

const mostThreads = 16;

export function threadsOption(): Option {
  return new Option(
    "--threads <number>",
    "threads that read the servers of a service (default: one, and more when they are expected to need more than a core)",
  )
    .env("CPC_THREADS")
    .argParser((text) => {
      if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > mostThreads)
        throw new InvalidArgumentError(`must be a whole number from 1 to ${mostThreads}.`);
      return Number(text);
    });
}

export function removeOnExitOption(): Option {
  return new Option("--remove-on-exit", "remove shared memory and semaphores at the end")
    .env("CPC_REMOVE_ON_EXIT")
    .default(false);
}

export function unreadableOption(): Option {
  return new Option(
    "--unreadable <how>",
    "how the document shows a value that cannot be read: no entry, or an error text of type String",
  )
    .env("CPC_UNREADABLE")
    .choices(["leave-out", "text"])
    .default("leave-out");
}

export function strictJsonOption(): Option {
  return new Option("--strict-json", "write NaN and infinities as strings, so that documents are JSON by RFC 8259")
    .env("CPC_STRICT_JSON")
    .default(false);
}

export function logLevelOption(): Option {
  return new Option("--log-level <level>", "lowest level to log")
    .env("CPC_LOG_LEVEL")
    .choices(logLevels)
    .default("info");
}

export function logFormatOption(): Option {
  const format: LogFormat = isatty(2) ? "pretty" : isJournal(2) ? "journal" : "json";
  return new Option("--log-format <format>", "log as text for people, as JSON for programs, or for systemd's journal")
    .env("CPC_LOG_FORMAT")
    .choices(logFormats)
    .default(format, "pretty on a terminal, journal where systemd takes standard error, else json");
}

/** Timers count in whole milliseconds up to 2^31. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0.001 && value <= 2_000_000) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 0.001 to 2000000.");
}

const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** In seconds. */
export function duration(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text) ?? [];
  const value = Number(number) * (unitSeconds[unit] ?? Number.NaN);
  if (value > 0 && value < 1e9) return value;
  throw new InvalidArgumentError("It must be a number with s, m, h or d behind it, for example 30s, 5m or 2h.");
}

export function objectName(text: string): string {
  if (/^[\w.-]*$/.test(text) && text.length <= 100) return text;
  throw new InvalidArgumentError("It may have letters, digits, '_', '-' and '.', 100 at most.");
}

const mostBytes = 2 ** 30;
const units: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A whole number of bytes, or of KiB, MiB or GiB with K, M or G behind it. */
function sizeBytes(text: string, least: number): number {
  const [, number, unit = ""] = /^(\d+)([KMG]?)$/i.exec(text) ?? [];
  const value = Number(number) * (units[unit.toUpperCase()] ?? Number.NaN);
  if (value >= least && value <= mostBytes) return value;
  throw new InvalidArgumentError(
    `It must be a whole number of bytes from ${least} to ${mostBytes}; K, M and G stand for KiB, MiB and GiB.`,
  );
}

function consumerList(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => name !== "")) return names.map((name) => objectName(name));
  throw new InvalidArgumentError("It must be names separated by commas, for example psmo,interface.");
}
