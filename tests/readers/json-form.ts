// An image and a journal as the test vectors have them (readers/vectors/README.md). The agents in the other languages print the same.

import type { Scalar, Value } from "../../packages/image/src/values/value.ts";
import type { BankReader } from "../../packages/image/src/bank-reader.ts";
import type { PlacedGroup } from "../../packages/image/src/directory.ts";
import type { ImageReader } from "../../packages/image/src/image-reader.ts";
import { bitsOfServices } from "../../packages/image/src/service-name.ts";
import type { Change, Cursor, JournalReader } from "../../packages/image/src/journal-reader.ts";
import {
  groupCounters,
  histograms,
  serverCounters,
  serviceCounters,
  type Histogram,
} from "../../packages/image/src/layout.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What a reader was overtaken at, however often it tried. */
export const overtaken = { overtaken: true } as const;

/** `bankOf` gives the poll to show of a group; undefined when the reader was overtaken. */
export function imageJson(image: ImageReader, bankOf: (groupIndex: number) => BankReader | undefined): Json {
  return {
    service: image.service,
    services: bitsOfServices(image.services),
    generation: image.generation,
    pointsSince: image.pointsSince,
    isRetired: image.isRetired,
    publications: image.publications,
    intervalMs: image.intervalMs,
    startedNs: String(image.startedNs),
    heartbeatNs: String(image.heartbeatNs),
    counters: serviceCounters.map((counter) => String(image.serviceCount(counter))),
    servers: image.directory.servers.map((server, index) => ({
      alias: server.alias,
      connectionKey: server.connection.key,
      connectionDescription: server.connection.description,
      security: server.isInsecure === undefined ? 0 : server.isInsecure ? 1 : 2,
      counters: serverCounters.map((counter) => String(image.serverCount(index, counter))),
      state: stateJson(image, index),
      groups: server.groups.map((group) => groupJson(image, group, bankOf(group.index))),
    })),
  };
}

function stateJson(image: ImageReader, index: number): Json {
  const state = image.serverState(index);
  if (state === undefined) return overtaken;
  return {
    connection: state.connection,
    changedNs: String(state.changedNs),
    error: state.error,
    errorNs: String(state.errorNs),
    certificateEndsNs: String(state.certificateEndsNs),
    ownCertificateEndsNs: String(state.ownCertificateEndsNs),
    requestLimit: state.requestLimit,
  };
}

function groupJson(image: ImageReader, group: PlacedGroup, bank: BankReader | undefined): Json {
  const counted = (name: Histogram): Json =>
    [...image.histogram(group.index, name).entries()].filter(([, count]) => count > 0);
  return {
    name: group.name,
    intervalMs: group.intervalMs,
    firstPoint: group.firstPoint,
    counters: groupCounters.map((counter) => String(image.groupCount(group.index, counter))),
    histograms: Object.fromEntries(histograms.map((name) => [name, counted(name)])),
    published: image.published(group.index),
    poll: bank === undefined ? overtaken : pollJson(bank),
  };
}

function pollJson(bank: BankReader): Json {
  const { connection, cycle, requestedNs, publishedNs, lastGoodNs, durationNs, journalPosition } = bank.state;
  return {
    connection,
    cycle: String(cycle),
    requestedNs: String(requestedNs),
    publishedNs: String(publishedNs),
    lastGoodNs: String(lastGoodNs),
    durationNs: String(durationNs),
    journalPosition: String(journalPosition),
    points: bank.points.map(({ key, description, unit, source, type, serverPosition, enumeration = "" }, index) => {
      const reading = bank.reading(index);
      const { status, sourceNs, receivedNs } = reading;
      const times = { sourceNs: String(sourceNs), receivedNs: String(receivedNs) };
      return {
        key,
        description,
        unit,
        source,
        type,
        serverPosition,
        enumeration,
        reading: { status, ...times, ...valueJson(reading) },
      };
    }),
  };
}

export function valueJson({ type, value, dimensions }: Value): { readonly [name: string]: Json } {
  const content = Array.isArray(value)
    ? value.map((element: Scalar) => scalarJson(element))
    : scalarJson(value as Scalar);
  return { type, value: content, ...(dimensions === undefined ? {} : { dimensions }) };
}

function scalarJson(value: Scalar): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0)))
    return Object.is(value, -0) ? "-0" : String(value);
  return value;
}

/** Of a reading, what a point had and not when. */
export function withoutTimes(reading: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(reading).filter(([name]) => name !== "sourceNs" && name !== "receivedNs"));
}

/** All that has changed since a cursor, however many calls that takes. */
export function journalJson(journal: JournalReader, from: Cursor): { readonly [name: string]: Json } {
  const changes: Change[] = [];
  let lost = 0n;
  let cursor = from;
  for (;;) {
    const found = journal.since(cursor);
    const isOver = found.cursor.position === cursor.position && found.changes.length === 0;
    changes.push(...found.changes);
    lost += found.lost;
    cursor = found.cursor;
    if (isOver) break;
  }
  return { lost: String(lost), cursor: cursorJson(cursor), changes: changes.map(changeJson) };
}

export function journalHeadJson(journal: JournalReader): { readonly [name: string]: Json } {
  const { service, startedNs } = journal;
  const [end, oldest] = [cursorJson(journal.end()), cursorJson(journal.oldest())];
  return { service, startedNs: String(startedNs), end, oldest };
}

export function cursorJson({ position, sequence }: Cursor): Json {
  return { position: String(position), sequence: String(sequence) };
}

function changeJson(change: Change): Json {
  const { position, sequence, point, group, generation, status, sourceNs, receivedNs, publishedNs } = change;
  const places = { position: String(position), sequence: String(sequence), point, group, generation };
  return {
    ...places,
    status,
    sourceNs: String(sourceNs),
    receivedNs: String(receivedNs),
    publishedNs: String(publishedNs),
    ...valueJson(change),
  };
}
