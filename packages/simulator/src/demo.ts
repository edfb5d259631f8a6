// `cpc demo`: a simulated plant on loopback, and the real partition on it, with the real names. On a terminal a live table.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { shippedFile } from "cpc-partition/configuration/shipped-files";
import { defaultJournalBytes } from "@cpc-partition/process/command-options";
import type { Log, LogFormat, LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { serviceNames } from "@cpc-partition/image/service-name";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { configuredPlant } from "./configured-plant.ts";
import { ForkedMonitor } from "./forked-monitor.ts";
import { forkSimulatedPlant } from "./forked-plant.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { unpackConfigurations } from "cpc-partition/configuration/packed-configuration";
import { packConfigurations } from "cpc-partition/commands/pack-configurations";
import { loadConfigurations } from "cpc-partition/commands/load-configurations";
import { rowsOf, takeBanks } from "cpc-partition/commands/point-rows";
import { runPartition } from "cpc-partition/commands/run";
import { stopSignal } from "@cpc-partition/process/signals";
import { LiveView } from "cpc-partition/commands/watch/live-view";

export interface DemoSettings {
  /** Seconds; undefined: until a signal. */
  readonly duration: number | undefined;
  readonly interval: number;
  readonly prefix: string;
  readonly unreadable: "leave-out" | "text";
  readonly strictJson: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

const shipped = {
  opcua: [shippedFile("opcua-endpoints.xml")],
  modbus: [shippedFile("modbustcp-endpoints_ecotec.xml")],
};
const refreshMs = 250;
/** A plant that does not come up must not make `--duration` last for ever. */
const longestStartMs = 60_000;

export async function demo(settings: DemoSettings): Promise<ExitCode> {
  const { services } = await loadConfigurations({ paths: shipped, certificatesDirectory: "certificates" });
  const isLive = process.stdout.isTTY;
  const logLevel = isLive ? "error" : settings.logLevel;
  const log = createLog({ level: logLevel, format: settings.logFormat });
  const { prefix, unreadable, strictJson, logFormat } = settings;
  let doing = "Starting the simulated plant and the partition ...";
  let monitor: ForkedMonitor | undefined;
  using shown = isLive
    ? new LiveView({
        prefix,
        filter: "",
        sort: "configuration",
        title: () => monitor?.address ?? "",
        waitingFor: () => doing,
      })
    : new ValueLines(prefix, log);
  const stopped = endOf(settings, shown.quit).then(() => void (doing = "Stopping ..."));
  const directory = mkdtempSync(join(tmpdir(), "cpc-demo-"));
  try {
    log("info", "starting the simulated plant");
    const plant = await forkSimulatedPlant({ ...configuredPlant(unpackConfigurations(services)), directory });
    try {
      monitor = new ForkedMonitor(prefix);
      void announce(monitor, log);
      const run = runPartition(
        {
          ...packConfigurations({ opcua: plant.opcua, modbus: plant.modbus }),
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

async function endOf({ duration, prefix }: DemoSettings, quit: Promise<void> | undefined): Promise<void> {
  const signal = stopSignal("SIGHUP");
  const over = new AbortController();
  const time = duration === undefined ? [] : [durationOver(duration * 1000, prefix, over.signal)];
  await Promise.race([signal, ...time, ...(quit === undefined ? [] : [quit])]);
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

/** Without a terminal: one record a second and server, with its cycle and first values. */
class ValueLines implements Disposable {
  readonly quit = undefined;
  readonly #images: readonly OpenedImage[];
  readonly #timer: NodeJS.Timeout;

  constructor(prefix: string, log: Log) {
    this.#images = openImages(prefix);
    this.#timer = setInterval(() => {
      for (const { bank } of takeBanks(this.#images.flatMap((image) => image.current() ?? []))) {
        const { cycle, durationNs } = bank.state;
        const values = rowsOf(bank, Date.now())
          .slice(0, 5)
          .map(({ point, value }) => [point, value]);
        const pollMs = Math.round(Number(durationNs) / 1e4) / 100;
        log("info", "values", {
          server: bank.server.alias,
          cycle: Number(cycle),
          pollMs,
          ...Object.fromEntries(values),
        });
      }
    }, 1000);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const image of this.#images) image.close();
  }
}

function openImages(prefix: string): readonly OpenedImage[] {
  return serviceNames.map((service) => new OpenedImage(`${prefix}${service}_image`));
}
