// How far an output has come in each journal, over restarts and `kill -9` of the bridge.
//
// A batch is written down before it is sent or stored: after a crash the changes up to there may have been already, and are marked as repeats, in
// whatever batches they come then. Where an output began is written down at once: what comes behind that is never passed over. The file is
// overwritten in place, in the page cache. A crash of the machine takes the journals along, so nothing would be gained by more.

import { closeSync, constants, ftruncateSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { openRegularFile } from "@cpc-partition/process/bounded-file";
import type { Log } from "@cpc-partition/process/log";
import { Troubles } from "@cpc-partition/process/troubles";
import type { JournalPlace } from "../observation/followed-service.ts";

interface Progress {
  /** Every change up to it has been delivered, or lies in the queue. */
  readonly done: JournalPlace | undefined;
  /** Changes up to it may have been delivered. */
  readonly sending: JournalPlace | undefined;
}

interface Content {
  readonly services: Partial<Record<ServiceName, Progress>>;
  /** End of the block of the queue that was sent and not yet acknowledged; 0 for none. */
  readonly historyEnd: number;
}

export class PositionsFile implements Disposable {
  readonly #descriptor: number;
  readonly #troubles: Troubles;
  readonly #path: string;
  #services: Partial<Record<ServiceName, Progress>>;
  #historyEnd: number;

  /** Throws the error of the system when the folder cannot be used, or has no room for it. Later troubles are logged: the next write may succeed. */
  constructor(folder: string, log: Log) {
    const path = join(folder, "positions.json");
    this.#troubles = new Troubles(log);
    this.#path = path;
    this.#descriptor = openRegularFile(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const bytes = Buffer.alloc(fileBytes);
    const length = readSync(this.#descriptor, bytes, 0, fileBytes, 0);
    const { services, historyEnd } = parse(bytes.toString("utf8", 0, length));
    this.#services = services;
    this.#historyEnd = historyEnd;
    this.#store();
  }

  done(service: ServiceName): JournalPlace | undefined {
    return this.#services[service]?.done;
  }

  /** Behind `done`; changes up to it may be repeats. */
  sending(service: ServiceName): JournalPlace | undefined {
    return this.#services[service]?.sending;
  }

  get historyEnd(): number {
    return this.#historyEnd;
  }

  markSending(service: ServiceName, place: JournalPlace): void {
    const before = this.sending(service);
    const sending = before !== undefined && isBehind(before, place) ? before : place;
    this.#services[service] = { done: this.done(service), sending };
    this.#write();
  }

  markDone(service: ServiceName, place: JournalPlace): void {
    const sending = this.sending(service);
    this.#services[service] = {
      done: place,
      sending: sending !== undefined && isBehind(sending, place) ? sending : undefined,
    };
    this.#write();
  }

  markHistory(end: number): void {
    this.#historyEnd = end;
    this.#write();
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #write(): void {
    this.#troubles.attempt("write", this.#path, () => this.#store());
  }

  #store(): void {
    const content: Content = { services: this.#services, historyEnd: this.#historyEnd };
    const text = `${JSON.stringify(content, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))}\n`;
    // Padded to one length: an overwritten file never ends in the remains of a longer one.
    writeSync(this.#descriptor, text.padEnd(fileBytes, " "), 0);
    ftruncateSync(this.#descriptor, fileBytes);
  }
}

function isBehind(one: JournalPlace, other: JournalPlace): boolean {
  return one.run === other.run && one.sequence > other.sequence;
}

const fileBytes = 1024;

/** What cannot be understood is as if it were not there: the bridge begins with what is in the image. */
function parse(text: string): Content {
  try {
    const { services = {}, historyEnd } = JSON.parse(text) as Record<string, unknown>;
    const entries = Object.entries(services as Record<string, Record<string, unknown>>).map(
      ([service, { done, sending }]) => [service, { done: placeOf(done), sending: placeOf(sending) }],
    );
    return { services: Object.fromEntries(entries) as Content["services"], historyEnd: Number(historyEnd) || 0 };
  } catch {
    return { services: {}, historyEnd: 0 };
  }
}

function placeOf(value: unknown): JournalPlace | undefined {
  const { run, position, sequence } = (value ?? {}) as Record<string, unknown>;
  const isWhole = [run, position, sequence].every((part) => typeof part === "string" && /^-?\d+$/.test(part));
  return isWhole
    ? { run: BigInt(run as string), position: BigInt(position as string), sequence: BigInt(sequence as string) }
    : undefined;
}
