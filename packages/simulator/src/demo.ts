// `cpc demo`: a simulated plant on loopback, and the real partition on it, with the real names. On a terminal a live table; without one the
// address of the monitor and one table, of the first values.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { defaultJournalBytes } from "@cpc-partition/process/command-options";
import type { LogFormat, LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { serviceNames } from "@cpc-partition/image/service-name";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { AnotherWriterError, hasWriter } from "@cpc-partition/image/posix/single-writer";
import { configuredPlant, shippedPaths } from "./configured-plant.ts";
import { ForkedMonitor } from "./forked-monitor.ts";
import { forkSimulatedPlant } from "./forked-plant.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { unpackConfigurations } from "cpc-partition/configuration/packed-configuration";
import { packConfigurations } from "cpc-partition/commands/pack-configurations";
import { loadConfigurations } from "cpc-partition/commands/load-configurations";
import { valuesText } from "cpc-partition/commands/dump-image";
import { takeBanks } from "cpc-partition/commands/point-rows";
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

const refreshMs = 250;
/** A plant that does not come up must not make `--duration` last for ever. */
const longestStartMs = 60_000;

export async function demo(settings: DemoSettings): Promise<ExitCode> {
  // Before anything is shown: the values of another partition are not those of this plant.
  for (const name of imageNames(settings.prefix)) if (hasWriter(name)) throw new AnotherWriterError(name);
  const { services } = await loadConfigurations({ paths: shippedPaths, certificatesDirectory: "certificates" });
  const isLive = process.stdout.isTTY;
  const logLevel = isLive ? "error" : settings.logLevel;
  const log = createLog({ level: logLevel, format: settings.logFormat });
  const { prefix, unreadable, strictJson, logFormat } = settings;
  let isStopping = false;
  let monitor: ForkedMonitor | undefined;
  using shown = isLive
    ? new LiveView({
        prefix,
        filter: "",
        sort: "configuration",
        title: () => monitor?.address ?? "",
        waitingFor: () => (isStopping ? "Stopping ..." : "Starting the simulated plant and the partition ..."),
      })
    : undefined;
  const values = new FirstValues(prefix);
  const stopped = endOf(settings, values, shown?.quit).then(() => void (isStopping = true));
  const directory = mkdtempSync(join(tmpdir(), "cpc-demo-"));
  try {
    log("info", "starting the simulated plant");
    const plant = await forkSimulatedPlant({ ...configuredPlant(unpackConfigurations(services)), directory }).catch(
      (error: unknown) => {
        if (!isStopping) throw error;
      },
    );
    // Ctrl+C reaches the whole process group: it ends a plant that has no handler yet.
    if (plant === undefined) return ExitCode.fine;
    try {
      monitor = new ForkedMonitor(prefix);
      if (!isLive) void printOnce(monitor, values);
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

async function printOnce(monitor: ForkedMonitor, values: FirstValues): Promise<void> {
  const address = await monitor.listening;
  if (address !== undefined) print(address);
  const text = await values.text;
  if (text !== undefined) print(`${text}\n\nThese were the first values. Ctrl+C stops.`);
}

async function endOf({ duration }: DemoSettings, values: FirstValues, quit: Promise<void> | undefined): Promise<void> {
  const signal = stopSignal("SIGHUP");
  const time =
    duration === undefined ? [] : [values.text.then(() => delay(duration * 1000, undefined, { ref: false }))];
  await Promise.race([signal, ...time, ...(quit === undefined ? [] : [quit])]);
  values.giveUp();
}

/** Counted from the first values of every server: until then there is nothing to see. */
class FirstValues {
  readonly #images: readonly OpenedImage[];
  readonly #over = new AbortController();
  /** The values, once every server has given some; undefined when it took too long, or nobody waits any more. */
  readonly text: Promise<string | undefined>;

  constructor(prefix: string) {
    this.#images = imageNames(prefix).map((name) => new OpenedImage(name));
    this.text = this.#wait();
  }

  giveUp(): void {
    this.#over.abort();
  }

  async #wait(): Promise<string | undefined> {
    const begunNs = BigInt(Date.now()) * 1_000_000n;
    const giveUpMs = performance.now() + longestStartMs;
    try {
      while (performance.now() < giveUpMs) {
        if (haveValues(this.#images, begunNs))
          return valuesText(this.#images.flatMap((image) => image.current() ?? []));
        await delay(refreshMs, undefined, { signal: this.#over.signal, ref: false });
      }
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    } finally {
      for (const image of this.#images) image.close();
    }
    return undefined;
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

function imageNames(prefix: string): readonly string[] {
  return serviceNames.map((service) => `${prefix}${service}_image`);
}
