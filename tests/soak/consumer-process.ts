// A consumer of the soak: `consumer-process.ts ROLE PREFIX CONSUMER SERVICE`. It reads the documents of both services under their guards and judges
// every value in them. "steady" does so about once a second until the soak is gone; the others come, do what their name says, and go.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { semaphorePath } from "../../packages/image/src/posix/object-name.ts";
import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import { birthOf, placeOf } from "../faults/born-value.ts";
import type { Visit } from "./disturbances.ts";
import { faultOf } from "./judge.ts";
import { oldestInDocumentMs, type Protocol } from "./plan.ts";
import { parseDocument } from "../documents/parse-document.ts";

export interface ConsumerReport {
  readonly kind: "documents";
  readonly read: number;
  /** Not a document, or no permit in time: no surprise where others misbehave. */
  readonly unreadable: number;
  readonly judged: number;
  readonly oldestMs: number;
  readonly wrong: readonly string[];
}

const holdMs = 300;
const guardPatienceMs = 100;
const surplusPermits = 5;
const publicationsSlept = 20;

const [role, prefix, consumer, visited] = process.argv.slice(2) as [Visit | "steady", string, string, Protocol];
const isSteady = role === "steady";
const protocols: readonly Protocol[] = ["modbus", "opcua"];
const report = { kind: "documents" as const, read: 0, unreadable: 0, judged: 0, oldestMs: 0, wrong: [] as string[] };

function namesOf(protocol: Protocol) {
  const [names] = consumerPairNames(protocol, [consumer], prefix);
  if (names === undefined) throw new RangeError(`${protocol} has no consumer ${consumer}`);
  return names;
}

async function underGuard(protocol: Protocol, action: () => void): Promise<boolean> {
  using semaphore = NamedSemaphore.openExisting(namesOf(protocol).semaphoreName);
  const giveUpMs = performance.now() + guardPatienceMs;
  while (semaphore?.tryWait() !== true) {
    if (semaphore === undefined || performance.now() > giveUpMs) return false;
    await pause(1);
  }
  try {
    action();
  } finally {
    semaphore.post();
  }
  return true;
}

async function read(protocol: Protocol): Promise<void> {
  let content = "";
  let readAtMs = 0;
  const isRead = await underGuard(protocol, () => {
    readAtMs = Date.now();
    content = readFileSync(`/dev/shm/${namesOf(protocol).segmentName}`, "utf8");
  }).catch(() => false);
  const document = isRead ? parsed(content) : undefined;
  if (document === undefined) {
    report.unreadable++;
    return;
  }
  report.read++;
  for (const [key, { value, statusCode }] of Object.entries(document)) {
    const place = placeOf(key);
    if (place === undefined || typeof value !== "number" || statusCode !== undefined) continue;
    report.judged++;
    report.oldestMs = Math.max(report.oldestMs, readAtMs - birthOf(value).atMs);
    const fault = faultOf(value, place, readAtMs, oldestInDocumentMs(protocol, !isSteady));
    if (fault !== undefined)
      report.wrong.push(`${new Date(readAtMs).toISOString()} ${key} in the document of ${consumer} ${fault}`);
  }
}

function parsed(content: string): Readonly<Record<string, { value?: unknown; statusCode?: unknown }>> | undefined {
  try {
    return parseDocument(content.replace(/\0+$/, "")) as Readonly<Record<string, { value?: unknown }>>;
  } catch {
    return undefined;
  }
}

/** The semaphore, taken; undefined when it was not to be had. */
async function taken(protocol: Protocol): Promise<NamedSemaphore | undefined> {
  const semaphore = NamedSemaphore.openExisting(namesOf(protocol).semaphoreName);
  const giveUpMs = performance.now() + guardPatienceMs;
  while (semaphore?.tryWait() === false && performance.now() < giveUpMs) await pause(1);
  return semaphore;
}

async function visit(protocol: Protocol): Promise<void> {
  const { segmentName, semaphoreName } = namesOf(protocol);
  switch (role) {
    case "sleeps on the image": {
      using image = new OpenedImage(`${prefix}${protocol}_image`);
      for (let seen = 0; seen < publicationsSlept; seen++) image.waitForPublish(1000);
      break;
    }
    case "dies holding the guard":
      await taken(protocol);
      process.kill(process.pid, "SIGKILL");
      break;
    case "dies reading":
      readFileSync(`/dev/shm/${segmentName}`);
      process.kill(process.pid, "SIGKILL");
      break;
    case "holds the guard for long": {
      const semaphore = await taken(protocol);
      await pause(holdMs);
      semaphore?.post();
      break;
    }
    case "posts too often": {
      using semaphore = NamedSemaphore.openExisting(semaphoreName);
      for (let permit = 0; permit < surplusPermits; permit++) semaphore?.post();
      break;
    }
    case "unlinks the segment":
      rmSync(`/dev/shm/${segmentName}`, { force: true });
      break;
    case "unlinks the semaphore":
      rmSync(semaphorePath(semaphoreName), { force: true });
      break;
    case "overwrites the document":
      await underGuard(protocol, () => writeFileSync(`/dev/shm/${segmentName}`, "0".repeat(32), { flag: "r+" }));
      break;
    case "reads":
    case "steady":
      break;
  }
}

async function tellAndForget(): Promise<void> {
  await new Promise((resolve) => process.send?.({ ...report }, resolve));
  Object.assign(report, { read: 0, unreadable: 0, judged: 0, wrong: [] });
}

if (isSteady) {
  process.once("disconnect", () => process.exit(0));
  process.on("message", () => {});
  for (;;) {
    for (const protocol of protocols) await read(protocol);
    await tellAndForget();
    // Not in step with the publications.
    await pause(500 + 1000 * Math.random());
  }
}
for (const protocol of protocols) await read(protocol);
await tellAndForget();
// What it came for may be gone, because another one has removed it.
await visit(visited).catch(() => undefined);
process.exit(0);
