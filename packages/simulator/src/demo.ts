// `cpc demo`: a simulated plant on loopback, and the real partition on it, with the real names. On a terminal a live table.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { shippedFile } from "cpc-partition/configuration/shipped-files";
import { createLogUpdate } from "log-update";
import { defaultJournalBytes } from "@cpc-partition/process/command-options";
import type { Log, LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { ForkedMonitor } from "./forked-monitor.ts";
import { forkSimulatedPlant } from "./forked-plant.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { loadConfigurations } from "cpc-partition/commands/load-configurations";
import { rowsOf, takeBanks, type PointRow, type TakenBank } from "cpc-partition/commands/point-rows";
import { runPartition } from "cpc-partition/commands/run";
import { terminalText } from "@cpc-partition/process/terminal-text";
import { stopSignal } from "@cpc-partition/process/signals";
import { connectionTable, pointTable } from "cpc-partition/commands/value-table";

export interface DemoSettings {
  /** Seconds; undefined: until a signal. */
  readonly duration: number | undefined;
  readonly interval: number;
  readonly prefix: string;
  readonly unreadable: "leave-out" | "text";
  readonly strictJson: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
}

const shipped = {
  opcua: shippedFile("opcua-endpoints.xml"),
  modbus: shippedFile("modbustcp-endpoints_ecotec.xml"),
};
const refreshMs = 250;
/** A plant that does not come up must not make `--duration` last for ever. */
const longestStartMs = 60_000;

export async function demo(settings: DemoSettings): Promise<ExitCode> {
  const { opcua, modbus } = await loadConfigurations({ ...shipped, certificatesDirectory: "certificates" });
  if (opcua === undefined || modbus === undefined) throw new TypeError("the shipped configuration is incomplete");
  const isLive = process.stdout.isTTY;
  const logLevel = isLive ? "error" : settings.logLevel;
  const log = createLog({ level: logLevel, format: settings.logFormat });
  const stopped = endOf(settings);
  const directory = mkdtempSync(join(tmpdir(), "cpc-demo-"));
  try {
    log("info", "starting the simulated plant");
    const plant = await forkSimulatedPlant({ opcua, modbus, directory });
    try {
      const { prefix, unreadable, strictJson, logFormat } = settings;
      const monitor = new ForkedMonitor(prefix);
      void announce(monitor, log);
      const show = isLive ? showTable(prefix, monitor) : showLines(prefix, log);
      const run = runPartition(
        {
          opcua: plant.opcua,
          modbus: plant.modbus,
          intervalMs: settings.interval * 1000,
          prefix,
          journalBytes: defaultJournalBytes,
          documents: {
            consumers: [],
            segmentBytes: undefined,
            document: { unreadable, strictJson },
            logLevel,
            logFormat,
          },
          certificatesDirectory: plant.securityDirectory,
          removeOnExit: true,
          log,
        },
        stopped,
      );
      try {
        await run;
      } finally {
        show();
        await monitor.stop();
      }
    } finally {
      await plant.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return ExitCode.fine;
}

async function announce(monitor: ForkedMonitor, log: Log): Promise<void> {
  const address = await monitor.listening;
  if (address !== undefined) log("info", `the monitor shows a page at ${address}`);
}

async function endOf({ duration, prefix }: DemoSettings): Promise<void> {
  const signal = stopSignal("SIGHUP");
  const over = new AbortController();
  const time = duration === undefined ? [] : [durationOver(duration * 1000, prefix, over.signal)];
  await Promise.race([signal, ...time]);
  over.abort();
}

/** Counted from the first values of every server: until then there is nothing to see. */
async function durationOver(durationMs: number, prefix: string, signal: AbortSignal): Promise<void> {
  const images = openImages(prefix);
  const begunNs = BigInt(Date.now()) * 1_000_000n;
  try {
    const giveUpMs = performance.now() + longestStartMs;
    while (performance.now() < giveUpMs && !haveValues(images, begunNs)) await delay(refreshMs, undefined, { signal });
    await delay(durationMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const image of images) image.close();
  }
}

/** An image from before is a killed run's. */
function haveValues(images: readonly OpenedImage[], begunNs: bigint): boolean {
  return images.every((image) => {
    const current = image.current();
    return (
      current !== undefined &&
      current.startedNs >= begunNs &&
      takeBanks([current]).every(({ bank }) => bank.state.lastGoodNs > 0n)
    );
  });
}

/** Returns what ends it. */
function showTable(prefix: string, monitor: ForkedMonitor): () => void {
  const images = openImages(prefix);
  const update = createLogUpdate(process.stdout);
  const timer = setInterval(() => {
    const { columns, rows } = process.stdout;
    const banks = takeBanks(images.flatMap((image) => image.current() ?? []));
    const title = `simulated plant -> cpc-partition -> /dev/shm    ${monitor.address ?? ""}    Ctrl+C ends`;
    const points = pointTable(firstRows(banks, rows - banks.length - 6), columns);
    update(terminalText(`${title.slice(0, columns)}\n\n${connectionTable(banks, columns)}\n\n${points}`));
  }, refreshMs);
  return () => {
    clearInterval(timer);
    update.done();
    for (const image of images) image.close();
  };
}

/** Every server gets its share of the lines; what one does not need the next may use. */
function firstRows(banks: readonly TakenBank[], lines: number): readonly PointRow[] {
  const nowMs = Date.now();
  let left = Math.max(banks.length, lines);
  return banks.flatMap(({ bank }, index) => {
    const rows = rowsOf(bank, nowMs).slice(0, Math.ceil(left / (banks.length - index)));
    left -= rows.length;
    return rows;
  });
}

/** Without a terminal: one record a second and server, with its cycle and first values. */
function showLines(prefix: string, log: Log): () => void {
  const images = openImages(prefix);
  const timer = setInterval(() => {
    for (const { bank } of takeBanks(images.flatMap((image) => image.current() ?? []))) {
      const { cycle, durationNs } = bank.state;
      const values = rowsOf(bank, Date.now())
        .slice(0, 5)
        .map(({ point, value }) => [point, value]);
      const pollMs = Math.round(Number(durationNs) / 1e4) / 100;
      log("info", "values", { server: bank.server.alias, cycle: Number(cycle), pollMs, ...Object.fromEntries(values) });
    }
  }, 1000);
  return () => {
    clearInterval(timer);
    for (const image of images) image.close();
  };
}

function openImages(prefix: string): readonly OpenedImage[] {
  return [new OpenedImage(`${prefix}opcua_image`), new OpenedImage(`${prefix}modbus_image`)];
}
