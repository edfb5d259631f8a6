// The test vectors of readers/vectors: small images and journals as files, and what a reader must make of each. Made by the writer of the
// partition under a clock that stands still, so that they are the same bytes every time.

import { mock } from "node:test";
import { planDirectory, type ServerDescription } from "../../packages/image/src/directory.ts";
import { imageMemory, privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { ImageWriter, retireImage } from "../../packages/image/src/image-writer.ts";
import { journalHeader, markCount } from "../../packages/image/src/journal-layout.ts";
import { JournalReader, type Cursor } from "../../packages/image/src/journal-reader.ts";
import { ConnectionState, header } from "../../packages/image/src/layout.ts";
import { errno } from "../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../packages/image/src/posix/libc.ts";
import type { PointDescription } from "../../packages/image/src/point.ts";
import type { ServiceName } from "../../packages/image/src/service-name.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Timestamp } from "../../packages/image/src/values/timestamp.ts";
import { cases, setCases, type Case } from "./every-type.ts";
import { cursorJson, imageJson, journalHeadJson, journalJson, type Json } from "./json-form.ts";
import { restride, version20, version21 } from "./restride.ts";
import { clampedImage, spoiltFiles } from "./spoilt-vectors.ts";

const { Boolean: Truth, Double, Float, Int32, Int64, String: Text, UInt16 } = BuiltInType;
const smallestRing = 64 * markCount;
const uncertain = 0x40900000; // UncertainLastUsableValue

/** The clock of all vectors; the system's own is switched off meanwhile. */
const clock = { ms: 0 };

/** File name -> content. */
export function vectorFiles(): ReadonlyMap<string, string | Uint8Array> {
  injectFaults((name) => (name === "clock_gettime" ? errno.ENOSYS : undefined));
  const now = mock.method(Date, "now", () => clock.ms);
  clock.ms = Date.UTC(2026, 0, 31, 12);
  try {
    const { image: plant, journal: changes } = plantVectors();
    const images = {
      "every-type": everyType(),
      plant,
      "later-minor": restride(plant),
      "earlier-minor": restride(plant, version20),
      "minor-1": restride(plant, version21),
      retired: retired(plant),
      clamped: clampedImage(),
    };
    const journals: Readonly<Record<string, Journal>> = { changes, wrapped: wrapped(), long: longValues() };
    return new Map<string, string | Uint8Array>([
      ...Object.entries(images).flatMap(([name, bytes]) => [
        [`${name}.image`, bytes] as const,
        [`${name}.image.json`, pretty(expectedImage(bytes))] as const,
      ]),
      ...Object.entries(journals).flatMap(([name, { bytes, cursors }]) => [
        [`${name}.journal`, bytes] as const,
        [`${name}.journal.json`, pretty(expectedJournal(bytes, cursors))] as const,
      ]),
      ["spoilt.json", pretty(spoiltFiles(plant, changes.bytes))],
    ]);
  } finally {
    now.mock.restore();
    injectFaults(undefined);
  }
}

interface Journal {
  readonly bytes: Uint8Array;
  /** Where the expected content begins to read. */
  readonly cursors: readonly Cursor[];
}

const isArray = ({ given }: Case): boolean => Array.isArray(given.value);
const isCut = ({ expectedStatus }: Case): boolean => expectedStatus !== StatusCode.Good;

/** Every type with its edges; a server whose group has no points, and one without a group. */
function everyType(): Uint8Array {
  const parts: Readonly<Record<string, readonly Case[]>> = {
    scalars: cases.filter((one) => !isArray(one) && !isCut(one)),
    arrays: cases.filter((one) => isArray(one) && !isCut(one)),
    cut: cases.filter(isCut),
  };
  const servers: readonly ServerDescription[] = [
    {
      alias: "Prüfstand 🏭",
      connection: { key: "OPC UA Connections:Prüfstand 🏭", description: "Connection status to the OPC UA server" },
      isInsecure: true,
      groups: Object.entries(parts).map(([name, list], index) => ({
        name,
        intervalMs: 250 * (index + 1),
        points: list.map(({ name: key, given, capacityBytes }) => ({
          key,
          description: "Beschreibung µ",
          unit: "m³/h",
          source: "ns=2;s=Ä",
          type: given.type,
          capacityBytes,
        })),
      })),
    },
    {
      alias: "no points",
      connection: { key: "c", description: "" },
      groups: [{ name: "", intervalMs: 1, points: [] }],
    },
    { alias: "no groups", connection: { key: "d", description: "" }, groups: [] },
  ];
  const { writer, memory } = imageWriter("opcua", servers);
  const blocks = writer.blocks[0]?.groups ?? [];
  for (const [index, list] of Object.values(parts).entries()) {
    const block = blocks[index];
    block?.begin();
    if (block !== undefined) setCases(block, list);
    block?.publish(ConnectionState.connected, 12.5);
  }
  return bytesOf(memory.buffer);
}

function imageWriter(
  service: ServiceName,
  servers: readonly ServerDescription[],
  ring?: SharedArrayBuffer,
  partitionServices: readonly ServiceName[] = [],
) {
  const directory = planDirectory(servers);
  const memory = privateMemory(directory.imageBytes);
  const writer = new ImageWriter({ service, partitionServices, intervalMs: 1000 }, directory, memory);
  if (ring !== undefined) writer.startJournal(ring);
  return { writer, memory };
}

function plantPoint(key: string, capacityBytes: number, type: BuiltInType): PointDescription {
  const source = `holding register ${key.length}`; // any number will do
  return { key, description: `about ${key}`, unit: "bar", source, type, capacityBytes };
}

function ago(ageMs: number): Timestamp {
  return { unixMs: clock.ms - ageMs, subMsNs: 250_000 };
}

/** Three servers in every state, their counters and histograms, and the journal of how it came about, over two generations. */
function plantVectors(): { readonly image: Uint8Array; readonly journal: Journal } {
  const enumeration = "0=Rest\n-7=Läuft\n100000=Zu = aus";
  const plant = (textBytes: number): readonly ServerDescription[] => [
    {
      alias: "pump",
      connection: { key: "ModbusTCP Connections:pump", description: "Connection status to the Modbus server" },
      isInsecure: false,
      groups: [
        {
          name: "fast",
          intervalMs: 100,
          points: [
            { ...plantPoint("pump: pressure", 0, Double), serverPosition: 1 },
            { ...plantPoint("pump: running", 0, Truth), serverPosition: 2 },
            { ...plantPoint("pump: steps", 0, Int32), serverPosition: 5, enumeration },
          ],
        },
        {
          name: "slow",
          intervalMs: 5000,
          points: [
            { ...plantPoint("pump: name", textBytes, Text), serverPosition: 0 },
            { ...plantPoint("pump: curve", 64, Float), serverPosition: 3 },
            { ...plantPoint("pump: never", 0, UInt16), serverPosition: 4 },
          ],
        },
      ],
    },
    {
      alias: "spare",
      connection: { key: "ModbusTCP Connections:spare", description: "" },
      groups: [{ name: "", intervalMs: 1000, points: [] }],
    },
    {
      alias: "valve",
      connection: { key: "ModbusTCP Connections:valve", description: "Ventil Süd" },
      isInsecure: true,
      groups: [
        {
          name: "",
          intervalMs: 1000,
          points: [plantPoint("valve: open", 0, Truth), plantPoint("valve: total", 0, Int64)],
        },
      ],
    },
  ];
  const ring = new SharedArrayBuffer(journalHeader.bytes + 4 * smallestRing);
  const { writer } = imageWriter("modbus", plant(8), ring, ["opcua", "modbus"]);
  const groups = writer.blocks.flatMap((block) => block.groups);
  const [pump, , valve] = writer.blocks;
  const publish = (index: number, fill: (block: (typeof groups)[number]) => void, durationMs = 4): void => {
    const block = groups[index];
    block?.begin();
    clock.ms += durationMs;
    block?.responseCame();
    if (block !== undefined) fill(block);
    clock.ms += 1;
    block?.publish(ConnectionState.connected, durationMs);
  };

  for (const block of writer.blocks) block.show({ connection: ConnectionState.connecting });
  pump?.count("connects");
  pump?.show({
    connection: ConnectionState.connected,
    certificateEndsMs: Date.UTC(2027, 5, 1),
    ownCertificateEndsMs: Date.UTC(2030, 0, 1),
    requestLimit: 60,
  });
  valve?.count("connects");
  valve?.show({ connection: ConnectionState.connected });
  for (let round = 0; round < 5; round++) {
    publish(0, (block) => {
      block.setNumber(0, Double, 1.5 + Math.floor(round / 2));
      block.setValue(1, { type: Truth, value: round % 2 === 0 }, uncertain, ago(30));
      block.setNumber(2, Int32, -round);
    });
  }
  publish(1, (block) => {
    block.setValue(0, { type: Text, value: "Größe 12 and more" }, StatusCode.Good, ago(1000));
    block.setValue(1, { type: Float, value: [0.5, -0, NaN, Infinity], dimensions: [2, 2] }, StatusCode.Good);
  });
  publish(3, (block) => {
    block.setValue(0, { type: Truth, value: true }, StatusCode.Good);
    block.setValue(1, { type: Int64, value: -(2n ** 63n) }, StatusCode.Good, ago(7));
  });
  // The text had no room: a second generation has.
  const directory = planDirectory(plant(32));
  const memory = privateMemory(directory.imageBytes);
  writer.replace(directory, memory, writer.blocks);
  publish(1, (block) => {
    block.setValue(0, { type: Text, value: "Größe 12 and more" }, StatusCode.Good, ago(1000));
    block.setStatus(1, StatusCode.BadDeviceFailure);
  });
  groups[0]?.count("overruns");
  valve?.countFailure("Timeout");
  valve?.countFailure("ConnectionFailed");
  valve?.showEverywhere(
    { connection: ConnectionState.lost, error: "no answer from 192.0.2.7 within 1 s: Zeitüberschreitung" },
    StatusCode.BadNoCommunication,
  );
  writer.set("ticksMissed", 3n);
  writer.set("objectsRestored", 2n ** 53n + 1n);
  writer.set("threads", 2n);
  writer.beat();
  // The writer is in the middle of a poll: the one before is what counts.
  groups[0]?.begin();
  groups[0]?.setNumber(0, Double, 99);
  const oldest = new JournalReader(ring).oldest();
  const slowPosition = new ImageReader(memory.buffer).snapshot(1)?.state.journalPosition ?? 0n;
  const since = new JournalReader(ring)
    .since(oldest)
    .changes.find(({ position }) => position >= slowPosition)?.sequence;
  const cursors = [oldest, ...(since === undefined ? [] : [{ position: slowPosition, sequence: since }])];
  return { image: bytesOf(memory.buffer), journal: { bytes: new Uint8Array(ring).slice(), cursors } };
}

function retired(image: Uint8Array): Uint8Array {
  const buffer = Uint8Array.from(image).buffer;
  retireImage(imageMemory(buffer, () => {}));
  return new Uint8Array(buffer);
}

/** A small ring that was written seven times over, with records of many lengths. */
function wrapped(): Journal {
  const { ring, set } = smallJournal(2 * smallestRing, 96);
  for (let round = 0; round < 400; round++) set({ type: Text, value: "x".repeat(round % 90) + round });
  const reader = new JournalReader(ring);
  const oldest = reader.oldest();
  const { changes } = reader.since(oldest);
  const middle = changes[Math.floor(changes.length / 2)];
  const cursors = [
    { position: 0n, sequence: 0n },
    oldest,
    { position: middle?.position ?? 0n, sequence: middle?.sequence ?? 0n },
    reader.end(),
  ];
  return { bytes: new Uint8Array(ring).slice(), cursors };
}

/** Values that take a good part of the ring each, arrays of texts, nulls. */
function longValues(): Journal {
  const { ring, set } = smallJournal(8 * smallestRing, 12_000);
  for (const length of [11_000, 3, 9_000, 0]) set({ type: Text, value: "äöü".repeat(length / 6) });
  set({ type: Text, value: ["one", null, "", "three ".repeat(300)] });
  set({ type: Int32, value: Array.from({ length: 600 }, (_, n) => n * n), dimensions: [2, 300] });
  set({ type: BuiltInType.ByteString, value: Uint8Array.from({ length: 700 }, (_, n) => n & 0xff) });
  set({ type: Text, value: null });
  set({ type: Double, value: null });
  return {
    bytes: new Uint8Array(ring).slice(),
    cursors: [{ position: 0n, sequence: 0n }, new JournalReader(ring).oldest()],
  };
}

function smallJournal(ringBytes: number, capacityBytes: number) {
  const ring = new SharedArrayBuffer(journalHeader.bytes + ringBytes);
  const point = { key: "p", description: "", unit: "", source: "", type: Text, capacityBytes };
  const servers = [
    { alias: "s", connection: { key: "c", description: "" }, groups: [{ name: "", intervalMs: 1, points: [point] }] },
  ];
  const [block] = imageWriter("opcua", servers, ring).writer.blocks[0]?.groups ?? [];
  const set = (value: Case["given"]): void => {
    block?.begin();
    block?.setValue(0, value, StatusCode.Good, { unixMs: clock.ms++, subMsNs: 0 });
    block?.publish(ConnectionState.connected, 1);
  };
  return { ring, set };
}

/** The writer's process is another one each time. */
function bytesOf(buffer: ArrayBufferLike): Uint8Array {
  const bytes = new Uint8Array(buffer).slice();
  new DataView(bytes.buffer).setUint32(header.pid, 4242, true);
  return bytes;
}

function expectedImage(bytes: Uint8Array): Json {
  const reader = new ImageReader(Uint8Array.from(bytes).buffer);
  return imageJson(reader, (group) => reader.snapshot(group));
}

function expectedJournal(bytes: Uint8Array, cursors: readonly Cursor[]): Json {
  const reader = new JournalReader(Uint8Array.from(bytes).buffer);
  return {
    ...journalHeadJson(reader),
    reads: cursors.map((from) => ({ from: cursorJson(from), ...journalJson(reader, from) })),
  };
}

/** JSON for people too: what fits stands on one line. */
function pretty(value: Json, indent = ""): string {
  const flat = JSON.stringify(value);
  if (typeof value !== "object" || value === null || flat.length + indent.length < 200)
    return flat + (indent === "" ? "\n" : "");
  const inner = `${indent} `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((each: Json) => inner + pretty(each, inner))
    : Object.entries(value).map(
        ([name, each]: [string, Json]) => `${inner}${JSON.stringify(name)}: ${pretty(each, inner)}`,
      );
  const text = `${isList ? "[" : "{"}\n${parts.join(",\n")}\n${indent}${isList ? "]" : "}"}`;
  return indent === "" ? `${text}\n` : text;
}
