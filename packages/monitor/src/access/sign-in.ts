// Who may look: user and password of HTTP Basic authentication, which browsers, Prometheus and curl all know, over TLS.
//
// A password costs 32 MiB and some 60 ms to check, on purpose. So each one that was right is remembered, and guesses wait in one short queue:
// they can neither occupy the machine nor be made quickly. One address has a few places in the queue, so that there are some for others.

import { createHmac, randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { CommandError } from "@cpc-partition/process/command-error";
import type { Log } from "@cpc-partition/process/log";
import { hashPassword, isPasswordOf } from "./password-hash.ts";
import { AddressPlaces } from "./address-places.ts";
import { readUsers, type Users } from "./users-file.ts";

export type SignIn = "Welcome" | "Refused" | "Busy";

export interface QueueLimits {
  readonly mostWaiting: number;
  readonly mostWaitingOfAddress: number;
  /** After a wrong password the queue stands still for as long. */
  readonly pauseMs: number;
}

export interface DeskOptions {
  readonly limits?: QueueLimits;
  readonly log?: Log;
}

const usualLimits: QueueLimits = { mostWaiting: 16, mostWaitingOfAddress: 4, pauseMs: 500 };
const mostRemembered = 256;

export class SignInDesk {
  readonly #path: string;
  readonly #limits: QueueLimits;
  readonly #log: Log;
  readonly #key = randomBytes(32);
  readonly #remembered = new Set<string>();
  readonly #places: AddressPlaces;
  #users: Users;
  #version: string;
  #waiting = 0;
  #queue: Promise<unknown> = Promise.resolve();
  /** For names that there are not, so that they take as long. */
  #nobody: string | undefined;
  failures = 0;

  /** Throws a CommandError when the file cannot be used. */
  constructor(path: string, { limits = usualLimits, log = () => {} }: DeskOptions = {}) {
    this.#path = path;
    this.#limits = limits;
    this.#log = log;
    this.#places = new AddressPlaces(limits.mostWaitingOfAddress);
    this.#users = readUsers(path);
    this.#version = versionOf(path);
  }

  /** Another one when the file of users has changed: what was begun before has to sign in again. */
  get version(): string {
    this.#look();
    return this.#version;
  }

  /** `address`: of whom it is; undefined when that is not known. */
  async judge(authorization: string | undefined, address?: string): Promise<SignIn> {
    const [, encoded] = /^Basic ([\w+/=-]{1,1000})$/i.exec(authorization ?? "") ?? [];
    if (encoded === undefined) return "Refused";
    this.#look();
    const fingerprint = createHmac("sha256", this.#key).update(encoded).digest("base64");
    if (this.#remembered.has(fingerprint)) return "Welcome";
    if (this.#waiting >= this.#limits.mostWaiting) return "Busy";
    if (address !== undefined && !this.#places.take(address)) return "Busy";
    this.#waiting++;
    const version = this.#version;
    const answer = this.#queue.then(async () => await this.#check(encoded));
    this.#queue = answer.catch(() => {});
    try {
      if (!(await answer)) return "Refused";
    } finally {
      this.#waiting--;
      if (address !== undefined) this.#places.leave(address);
    }
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    if (version === this.#version) this.#remembered.add(fingerprint);
    return "Welcome";
  }

  async #check(encoded: string): Promise<boolean> {
    const [, name = "", password = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8")) ?? [];
    this.#nobody ??= await hashPassword(randomBytes(16).toString("hex"));
    const hash = this.#users.get(name);
    const isRight = await isPasswordOf(hash ?? this.#nobody, password);
    if (isRight && hash !== undefined) return true;
    this.failures++;
    await delay(this.#limits.pauseMs);
    return false;
  }

  /** A file that was changed counts from the next request on; one that cannot be read any more lets nobody in. */
  #look(): void {
    const version = versionOf(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    this.#remembered.clear();
    try {
      this.#users = readUsers(this.#path);
    } catch (error) {
      this.#users = new Map();
      if (!(error instanceof CommandError)) throw error;
      this.#log("error", `${error.message}; nobody can sign in until that is done`);
    }
  }
}

/** The time of the last change, also one of owner or mode: a file that was refused for them is read again. */
function versionOf(path: string): string {
  try {
    const { ctimeMs, mode, size, ino } = statSync(path);
    return `${ctimeMs} ${mode} ${size} ${ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
