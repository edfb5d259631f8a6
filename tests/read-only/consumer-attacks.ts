// What a consumer that means harm can do to the objects that it may write to.

import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync, truncateSync, writeSync } from "node:fs";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import type { Sandbox } from "../partition/commands/cpc.ts";

export const services = ["opcua", "modbus"] as const;

/** Bytes that differ at every place, and are no JSON. */
const noise = createHash("shake256", { outputLength: 200_000 }).update("scribble").digest();

type Attack = (sandbox: Sandbox, service: (typeof services)[number]) => void;

function withSemaphore(sandbox: Sandbox, service: string, act: (semaphore: NamedSemaphore) => void): void {
  const semaphore = NamedSemaphore.openExisting(`${sandbox.prefix}${service}_semaphore`);
  if (semaphore === undefined) return; // removed by an attack before, and not there again yet
  act(semaphore);
  semaphore.close();
}

function withSegment(sandbox: Sandbox, service: string, act: (path: string) => void): void {
  try {
    act(sandbox.path(`${service}_shm`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

export const attacks: Readonly<Record<string, Attack>> = {
  "posts 1000 times": (sandbox, service) =>
    withSemaphore(sandbox, service, (semaphore) => {
      for (let count = 0; count < 1000; count++) semaphore.post();
    }),
  "takes and never gives back": (sandbox, service) =>
    withSemaphore(sandbox, service, (semaphore) => {
      while (semaphore.tryWait());
    }),
  "scribbles over the segment": (sandbox, service) =>
    withSegment(sandbox, service, (path) => {
      const descriptor = openSync(path, "r+");
      writeSync(descriptor, noise, 0, noise.length, 0);
      closeSync(descriptor);
    }),
  "scribbles what looks like an order": (sandbox, service) =>
    withSegment(sandbox, service, (path) => {
      const descriptor = openSync(path, "r+");
      writeSync(descriptor, JSON.stringify({ write: { "Ecotec: Sollwert": { value: 99, varType: "UInt16" } } }), 0);
      closeSync(descriptor);
    }),
  "truncates the segment": (sandbox, service) => withSegment(sandbox, service, (path) => truncateSync(path, 0)),
  "unlinks the segment": (sandbox, service) => rmSync(sandbox.path(`${service}_shm`), { force: true }),
  "unlinks the semaphore": (sandbox, service) => rmSync(sandbox.semaphorePath(`${service}_semaphore`), { force: true }),
  "scribbles over the semaphore": (sandbox, service) => {
    try {
      const descriptor = openSync(sandbox.semaphorePath(`${service}_semaphore`), "r+");
      writeSync(descriptor, noise, 0, 32, 0);
      closeSync(descriptor);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  },
};
