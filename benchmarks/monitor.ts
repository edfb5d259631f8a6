// What does the monitor cost? 10,000 points that all change ten times a second; the monitor is a process of its own, viewers read their streams as
// browsers do, and one is Debian's Chromium.
//
//   node benchmarks/monitor.ts [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";
import { planDirectory, type ServerDescription } from "../packages/image/src/directory.ts";
import { mappedMemory } from "../packages/image/src/image-memory.ts";
import { ImageWriter } from "../packages/image/src/image-writer.ts";
import { ConnectionState } from "../packages/image/src/layout.ts";
import { SharedMemoryObject } from "../packages/image/src/posix/shared-memory-object.ts";
import { ImageOwner } from "../packages/partition/src/main-thread/image-owner.ts";
import { builtPackages } from "./built-packages.ts";
import { plantMix, plantServer, prepared, setAll, twoDecimals } from "./plant-values.ts";
import { quantile, tell, type Line } from "./report.ts";

const POINTS = 10_000;
const HERTZ = 10;
const SECONDS = 10;
const MANY_VIEWERS = 50;
const MANY_SERVERS = 1000;
const SCRAPES = 40;
const { main } = builtPackages();
const ticksPerSecond = 100;

/** An image under a prefix of its own, whose groups are published at the rate that the benchmark is about. */
class Plant implements Disposable {
  readonly prefix: string;
  readonly #owner: ImageOwner;
  readonly #image: ImageWriter;
  readonly #timer: NodeJS.Timeout;
  readonly publishUs: number[] = [];

  constructor(name: string, servers: readonly ServerDescription[]) {
    this.prefix = `benchmark_${process.pid}_${name}_`;
    this.#owner = new ImageOwner(`${this.prefix}modbus_image`);
    const directory = planDirectory(servers);
    const { descriptor, sizeBytes } = this.#owner.prepare(directory.imageBytes);
    const mapping = SharedMemoryObject.fromDescriptor(descriptor, "modbus_image").map("read-write", sizeBytes);
    this.#image = new ImageWriter({ service: "modbus", intervalMs: 1000 / HERTZ }, directory, mappedMemory(mapping));
    for (const server of this.#image.blocks) server.show({ connection: ConnectionState.connected });
    this.#owner.announce();
    const values = prepared(plantMix, POINTS, twoDecimals);
    let round = 0;
    this.#timer = setInterval(() => {
      this.#image.beat();
      const begunMs = performance.now();
      round++;
      for (const { groups } of this.#image.blocks)
        for (const group of groups) {
          group.begin();
          if (servers.length === 1) setAll(group, plantMix, values, round);
          group.publish(ConnectionState.connected, 1);
        }
      this.publishUs.push((performance.now() - begunMs) * 1000);
    }, 1000 / HERTZ);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#owner.remove();
    this.#owner.close();
  }
}

async function startMonitor(prefix: string) {
  const child = spawn(process.execPath, [main, "monitor", "--listen", "127.0.0.1:0", "--prefix", prefix], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const address = line.replace(/^monitor: /, "").trim();
  const pid = child.pid ?? 0;
  return {
    address,
    cpuSeconds: () => {
      // Fields 14 and 15 of proc(5); the name of the program, which may have blanks, is before the last bracket.
      const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")
        .slice(11, 13);
      return (Number(user) + Number(system)) / ticksPerSecond;
    },
    megabytes: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** A viewer whose screen shows some forty rows, each at a place of its own. */
function view(address: string, index: number): () => void {
  const sent = request(`${address}live?list=points&first=${(index * 150) % POINTS}&count=40`, { agent: false });
  sent.on("response", (response) => response.resume());
  sent.on("error", () => {});
  sent.end();
  return () => sent.destroy();
}

async function shareOfCore(monitor: Awaited<ReturnType<typeof startMonitor>>, viewers: number): Promise<number> {
  const stops = Array.from({ length: viewers }, (_, index) => view(monitor.address, index));
  await pause(3000);
  const [cpuBefore, wallBefore] = [monitor.cpuSeconds(), performance.now()];
  await pause(SECONDS * 1000);
  const share = (100 * (monitor.cpuSeconds() - cpuBefore)) / ((performance.now() - wallBefore) / 1000);
  for (const stop of stops) stop();
  return share;
}

async function inBrowser(address: string) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext();
    const paints: number[] = [];
    for (let visit = 0; visit < 5; visit++) {
      const page = await context.newPage();
      await page.goto(address);
      await page.locator("#points-grid .rows .row .value").first().waitFor();
      const paint = await page.evaluate(
        () =>
          performance
            .getEntries()
            .map(({ name, startTime }) => ({ name, startTime }))
            .find(({ name }) => name === "first-contentful-paint")?.startTime,
      );
      paints.push(paint ?? Number.NaN);
      if (visit < 4) await page.close();
      else {
        const session = await context.newCDPSession(page);
        await session.send("Performance.enable");
        const busy = async (): Promise<number> =>
          (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration")?.value ??
          0;
        const [before, wallMs] = [await busy(), performance.now()];
        await pause(SECONDS * 1000);
        return {
          paintMs: quantile(paints, 0.5),
          share: (100 * (await busy()) - 100 * before) / ((performance.now() - wallMs) / 1000),
        };
      }
    }
    throw new TypeError("no visit");
  } finally {
    await browser.close();
  }
}

async function ofManyPoints(): Promise<readonly Line[]> {
  using plant = new Plant("points", [plantServer(plantMix, POINTS)]);
  const monitor = await startMonitor(plant.prefix);
  const lines: Line[] = [];
  lines.push({ what: "nobody looks, % of a core", figure: await shareOfCore(monitor, 0) });
  plant.publishUs.length = 0;
  await pause(SECONDS * 1000);
  const alone = quantile(plant.publishUs, 0.5);
  lines.push({ what: "one viewer, % of a core", figure: await shareOfCore(monitor, 1), wanted: "less than 3" });
  plant.publishUs.length = 0;
  lines.push({
    what: `${MANY_VIEWERS} viewers, % of a core`,
    figure: await shareOfCore(monitor, MANY_VIEWERS),
    wanted: "less than 10",
  });
  lines.push({ what: "the writer's publish without viewers, median us", figure: alone });
  lines.push({
    what: `the writer's publish with ${MANY_VIEWERS} viewers, median us`,
    figure: quantile(plant.publishUs, 0.5),
    wanted: "the same",
  });
  lines.push({ what: "memory afterwards, MB", figure: monitor.megabytes(), wanted: "less than 120" });
  const { paintMs, share } = await inBrowser(monitor.address);
  lines.push({ what: "first contentful paint, median ms", figure: paintMs, wanted: "less than 300" });
  lines.push({ what: "the browser's page, % of a core", figure: share, wanted: "less than 20" });
  await monitor.stop();
  return lines;
}

async function ofManyServers(): Promise<readonly Line[]> {
  const servers = Array.from({ length: MANY_SERVERS }, (_, index) => ({
    ...plantServer(plantMix, 10),
    alias: `server ${index}`,
  }));
  using plant = new Plant("servers", servers);
  const monitor = await startMonitor(plant.prefix);
  const samples: number[] = [];
  let bytes = 0;
  const cpuBefore = monitor.cpuSeconds();
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    await pause(300); // what was worked out for the scrape before is not fresh any more
    const begunMs = performance.now();
    bytes = (await (await fetch(`${monitor.address}metrics`)).text()).length;
    samples.push(performance.now() - begunMs);
  }
  const cpuMs = (1000 * (monitor.cpuSeconds() - cpuBefore)) / SCRAPES;
  await monitor.stop();
  return [
    {
      what: `processor time of a scrape with ${MANY_SERVERS} servers, mean ms`,
      figure: cpuMs,
      wanted: "less than 50",
    },
    { what: `a scrape with ${MANY_SERVERS} servers, median ms`, figure: quantile(samples, 0.5) },
    { what: "its size, kB", figure: bytes / 1000 },
  ];
}

tell({
  question: "What does the monitor cost?",
  lines: [...(await ofManyPoints()), ...(await ofManyServers())],
  remarks: [
    `${POINTS} points, all of which change ${HERTZ} times a second; each viewer looks at 40 of them, at a place of its own`,
    "the figures of the monitor are its process's time in /proc; the browser's are what its page was busy (TaskDuration), without painting",
    "the monitor runs as it is built and installed",
  ],
});
