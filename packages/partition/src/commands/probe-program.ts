// `cpc probe` on the command line: names, options, help.

import { InvalidArgumentError, Option, type Command } from "commander";
import { seconds } from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import { readHost } from "../certificates/host-name.ts";
import type { AddressRange, ProbeSettings } from "./probe.ts";

const help = `
Without a range it looks for unit ids and reads the first ten addresses of each table. Addresses count from 0, as on the wire.
Examples:
  cpc probe 192.0.2.10
  cpc probe 192.0.2.10:1502 --unit 3 --holding 100..119 --coils 0..15
Exit codes: 0 something was readable, 1 nothing was, or there is no connection.`;

const modbusPort = 502;
/** Those that devices have as they leave the factory. */
const usualUnitIds = [...Array.from({ length: 16 }, (_, at) => at + 1), 247, 255, 0];

export function addProbeCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("probe")
    .description(
      "show what a Modbus TCP device answers: unit ids, registers as every type, longest requests; reads only",
    )
    .argument("<host[:port]>", "the device; without a port 502", device)
    .addOption(
      new Option(
        "--unit <id>",
        "unit id (default: the first that gives a value or knows the request; 1 with a range)",
      ).argParser(unitId),
    )
    .addOption(
      new Option("--scan <ids>", "unit ids to look for, for example 1..247")
        .argParser(unitIds)
        .default(usualUnitIds, "1..16, 247, 255, 0"),
    )
    .addOption(new Option("--holding <range>", "holding registers, for example 100..119").argParser(range))
    .addOption(new Option("--input <range>", "input registers").argParser(range))
    .addOption(new Option("--coils <range>", "coils").argParser(range))
    .addOption(new Option("--discrete <range>", "discrete inputs").argParser(range))
    .addOption(new Option("--timeout <seconds>", "longest wait for each answer").argParser(seconds).default(1))
    .option("--json", "everything as JSON", false)
    .addHelpText("after", help)
    .action(async ({ host, port }: { host: string; port: number }, settings: ProbeSettings) => {
      const { probe } = await import("./probe.ts");
      done(await probe(host, port, settings));
    });
}

function device(text: string): { readonly host: string; readonly port: number } {
  const [, host = text, portText] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? modbusPort : Number(portText);
  const reading = readHost(host);
  if (!("host" in reading)) {
    throw new InvalidArgumentError(
      `It must be a host name or an address, with or without a port; ${JSON.stringify(host)} ${reading.because}.`,
    );
  }
  if (port < 1 || port > 65_535) throw new InvalidArgumentError("The port must be a number from 1 to 65535.");
  return { host: reading.host, port };
}

export function unitId(text: string): number {
  const id = Number(text);
  if (/^\d+$/.test(text) && id <= 255) return id;
  throw new InvalidArgumentError("It must be a whole number from 0 to 255.");
}

function unitIds(text: string): readonly number[] {
  const { first, last } = range(text);
  if (last > 255) throw new InvalidArgumentError("Unit ids are 0 to 255, for example 1..247.");
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function range(text: string): AddressRange {
  const [, from, to = from] = /^(\d{1,5})(?:\.\.(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (first <= last && last <= 65_535) return { first, last };
  throw new InvalidArgumentError(
    "It must be an address, or the first and the last one, from 0 to 65535: 100 or 100..119.",
  );
}
