// What a plant's points say at a given moment: temperatures that drift, pressures that tremble, counters that count.
//
// Promises: pure functions of a point's name, unit and type and of the time: the same moment gives the same value, in every
// process, so that a test can know what it must see; everything that carries a number moves within seconds.
// Does not: simulate a process. Two points know nothing of each other.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";

/** Texts stand for themselves in every type that carries one (String, LocalizedText, QualifiedName, XmlElement ...). */
export type MovingScalar = boolean | number | bigint | string | Uint8Array;

export interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/** The line with the point's unit, or else the first one whose words are in its name, says how the point behaves. */
const behaviours: readonly { units: readonly string[]; words: RegExp; range: Range | "counter" | "hours" }[] = [
  { units: ["h"], words: /betriebsstunden|stunden|hours/i, range: "hours" },
  {
    units: ["kWh", "m³", "Stk"],
    words: /zähler|zaehler|counter|anzahl|count|energie|menge|gesamt|gefüllt/i,
    range: "counter",
  },
  { units: ["°C", "K"], words: /temp/i, range: { lowest: 18, highest: 92 } },
  { units: ["mbar", "hPa"], words: /vakuum|vacuum/i, range: { lowest: 40, highest: 320 } },
  { units: ["bar"], words: /druck|pressure/i, range: { lowest: 5.4, highest: 7.8 } },
  {
    units: ["m³/h", "Nm³/h", "l/min", "m³/min"],
    words: /volumen|durchfluss|flow/i,
    range: { lowest: 120, highest: 640 },
  },
  { units: ["1/min", "rpm", "min⁻¹"], words: /drehzahl|speed/i, range: { lowest: 900, highest: 2980 } },
  { units: ["kW", "W", "kvar", "kVA"], words: /leistung|power/i, range: { lowest: 11, highest: 90 } },
  { units: ["V"], words: /spannung|voltage/i, range: { lowest: 392, highest: 408 } },
  { units: ["A"], words: /strom|current/i, range: { lowest: 14, highest: 160 } },
  { units: ["Hz"], words: /frequenz|frequency/i, range: { lowest: 20, highest: 50 } },
  { units: ["%"], words: /feuchte|füllstand|auslastung|load|level/i, range: { lowest: 8, highest: 97 } },
];

/** Of a point that neither its unit nor its name tells of. */
export const anything: Range = { lowest: 0, highest: 100 };

const mostCounts = 1_000_000;
const mostHours = 40_000;
const stepMs = 250;
const hourMs = 3_600_000;
/** 1601-01-01 to 1970-01-01 (OPC 10000-6, 5.2.2.5). */
const unixEpochTicks = 116_444_736_000_000_000n;

/** Between what the point's value moves. */
export function rangeOf(name: string, unit: string): Range {
  const range = behaviourOf(name, unit);
  if (range === "counter") return { lowest: 0, highest: mostCounts };
  return range === "hours" ? { lowest: 0, highest: mostHours } : range;
}

function behaviourOf(name: string, unit: string): Range | "counter" | "hours" {
  const ofUnit = behaviours.find(({ units }) => units.includes(unit));
  return (ofUnit ?? behaviours.find(({ words }) => words.test(name)))?.range ?? anything;
}

/** The point's value in its engineering unit. `coarse`: only whole numbers will be seen of it, so give it something to show. */
export function movingNumber(name: string, unit: string, coarse: boolean): (atMs: number) => number {
  const range = behaviourOf(name, unit);
  const seed = hash(name);
  if (range === "hours") return (atMs) => (atMs / hourMs + (seed % 9000)) % mostHours;
  if (range === "counter") {
    const msPerCount = 300 + 1500 * fraction(seed);
    return (atMs) => Math.floor(atMs / msPerCount) % mostCounts;
  }
  return movingWithin(range, name, coarse);
}

/** As a temperature drifts and trembles, in a range that `name` has no part in. */
export function movingWithin(range: Range, name: string, coarse: boolean): (atMs: number) => number {
  const seed = hash(name);
  // A device without decimals shows 6.4 bar as 64 or 640: fixed point.
  const decimals = coarse ? Math.max(0, Math.ceil(Math.log10(60 / (range.highest - range.lowest)))) : 0;
  const factor = 10 ** decimals;
  const span = (range.highest - range.lowest) * factor;
  const middle = range.lowest * factor + span * (0.3 + 0.4 * fraction(seed));
  const periodMs = 30_000 + 90_000 * fraction(hash(`${name} period`));
  const phase = fraction(hash(`${name} phase`));
  return (atMs) => {
    const noise = fraction(mix(seed, Math.floor(atMs / stepMs))) - 0.5;
    return middle + span * (0.22 * Math.sin(2 * Math.PI * (atMs / periodMs + phase)) + 0.06 * noise);
  };
}

/** Faults come now and then and go by themselves; running machines run most of the time; everything else changes every few seconds. */
export function movingBit(name: string): (atMs: number) => boolean {
  const seed = hash(name);
  const fault = /stör|stoer|fehler|fault|alarm|warnung|über|niedrig|fällig/i.test(name);
  const running = /betrieb|läuft|laeuft|running|bereit/i.test(name);
  const periodMs = (fault ? 45_000 : 8_000) + 20_000 * fraction(seed);
  const share = fault ? 0.12 : running ? 0.8 : 0.5;
  const phase = fraction(hash(`${name} phase`));
  return (atMs) => (atMs / periodMs + phase) % 1 < share;
}

const states = ["Bereit", "Anlauf", "Lastlauf", "Leerlauf", "Nachlauf", "Störung quittiert"] as const;

export function movingText(name: string): (atMs: number) => string {
  const seed = hash(name);
  return (atMs) => states[mix(seed, Math.floor(atMs / 3000)) % states.length] ?? states[0];
}

/** One value of a built-in type; whole numbers are wrapped into the type's range, as a register that overflows does. */
export function movingScalar(name: string, unit: string, type: BuiltInType): (atMs: number) => MovingScalar {
  switch (type) {
    case BuiltInType.Boolean:
      return movingBit(name);
    case BuiltInType.SByte:
    case BuiltInType.Byte:
    case BuiltInType.Int16:
    case BuiltInType.UInt16:
    case BuiltInType.Int32:
    case BuiltInType.UInt32: {
      const number = movingNumber(name, unit, true);
      return (atMs) => wrap(type, number(atMs));
    }
    case BuiltInType.Int64:
    case BuiltInType.UInt64: {
      const number = movingNumber(name, unit, true);
      return (atMs) => BigInt(Math.round(number(atMs)));
    }
    case BuiltInType.Null:
    case BuiltInType.Double:
      return movingNumber(name, unit, false);
    case BuiltInType.Float: {
      const number = movingNumber(name, unit, false);
      return (atMs) => Math.fround(number(atMs));
    }
    case BuiltInType.DateTime:
      return (atMs) => unixEpochTicks + BigInt(Math.floor(atMs)) * 10_000n;
    case BuiltInType.StatusCode:
      return () => 0;
    case BuiltInType.Guid: {
      const seed = hash(name);
      return (atMs) => guid(seed, Math.floor(atMs / 1000));
    }
    case BuiltInType.ByteString: {
      const seed = hash(name);
      return (atMs) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setUint32(4, mix(seed, Math.floor(atMs / 1000)));
        return bytes;
      };
    }
    case BuiltInType.XmlElement: {
      const text = movingText(name);
      return (atMs) => `<Zustand>${text(atMs)}</Zustand>`;
    }
    case BuiltInType.String:
    case BuiltInType.NodeId:
    case BuiltInType.ExpandedNodeId:
    case BuiltInType.QualifiedName:
    case BuiltInType.LocalizedText:
    case BuiltInType.ExtensionObject:
    case BuiltInType.DataValue:
    case BuiltInType.Variant:
    case BuiltInType.DiagnosticInfo:
    default:
      return movingText(name);
  }
}

/** Rounds to a whole number and takes the bits that an integer type has; another type's value stays what it is. */
export function wrap(type: BuiltInType, value: number): number {
  return wraps.get(type)?.(Math.round(value)) ?? value;
}

const wraps: ReadonlyMap<BuiltInType, (whole: number) => number> = new Map([
  [BuiltInType.SByte, (whole: number) => (whole << 24) >> 24],
  [BuiltInType.Byte, (whole: number) => whole & 0xff],
  [BuiltInType.Int16, (whole: number) => (whole << 16) >> 16],
  [BuiltInType.UInt16, (whole: number) => whole & 0xffff],
  [BuiltInType.Int32, (whole: number) => whole | 0],
  [BuiltInType.UInt32, (whole: number) => whole >>> 0],
]);

/** FNV-1a over UTF-16 code units, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return mix(value, 0);
}

/** 32 well-stirred bits of two numbers (the finaliser of MurmurHash3). */
function mix(seed: number, step: number): number {
  let value = Math.imul(seed ^ (step | 0), 0x85ebca6b) ^ Math.floor(step / 2 ** 32);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

function fraction(bits: number): number {
  return (bits >>> 0) / 2 ** 32;
}

function guid(seed: number, step: number): string {
  const hex = [0, 1, 2, 3]
    .map((n) =>
      mix(seed + n, step)
        .toString(16)
        .padStart(8, "0"),
    )
    .join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)]
    .join("-")
    .toUpperCase();
}
