// A value and an image as text, in which two readers agree to the last bit or not at all. The agents in C and Python print the same.
//
//   null  true  -5  f80000000  d8000000000000000  NaN  x4142 (bytes, texts as UTF-8)  [1,2]  (2,3)[1,2,3,4,5,6]

import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { Scalar, Value } from "../../packages/image/src/values/value.ts";
import type { BankReader } from "../../packages/image/src/bank-reader.ts";
import type { PlacedServer } from "../../packages/image/src/directory.ts";
import type { ImageReader, ServerState } from "../../packages/image/src/image-reader.ts";

export function canonicalValue({ type, value, dimensions }: Value): string {
  if (!Array.isArray(value)) return scalar(type, value as Scalar);
  const shape = dimensions === undefined ? "" : `(${dimensions.join()})`;
  return `${shape}[${value.map((element: Scalar) => scalar(type, element)).join()}]`;
}

function scalar(type: BuiltInType, value: Scalar): string {
  if (value === null) return "null";
  if (value instanceof Uint8Array || typeof value === "string") return `x${Buffer.from(value).toString("hex")}`;
  if (Number.isNaN(value)) return "NaN";
  const bits = Buffer.alloc(8);
  if (type === BuiltInType.Float) {
    bits.writeFloatBE(Number(value));
    return `f${bits.toString("hex", 0, 4)}`;
  }
  if (type === BuiltInType.Double) {
    bits.writeDoubleBE(Number(value));
    return `d${bits.toString("hex")}`;
  }
  return String(value);
}

/** `bankOf` gives the poll to show of a server; undefined when the reader was overtaken. */
export function canonicalImage(
  image: ImageReader,
  bankOf: (groupIndex: number) => BankReader | undefined,
): readonly string[] {
  return [
    ["image", image.service, image.directory.servers.length].join("\t"),
    ...image.directory.servers.flatMap((server, index) => [
      canonicalServer(server, image.serverState(index)),
      ...server.groups.flatMap((group) => canonicalBank(bankOf(group.index))),
    ]),
  ];
}

function canonicalServer(server: PlacedServer, state: ServerState | undefined): string {
  if (state === undefined) return "lapped";
  const names = [server.alias, server.connection.key, server.connection.description];
  const times = [state.changedNs, state.errorNs, state.certificateEndsNs, state.ownCertificateEndsNs];
  const error = Buffer.from(state.error).toString("hex");
  return ["server", ...names, state.connection, ...times, error].join("\t");
}

function canonicalBank(bank: BankReader | undefined): readonly string[] {
  if (bank === undefined) return ["lapped"];
  const { group, state } = bank;
  const times = [state.requestedNs, state.publishedNs, state.lastGoodNs, state.durationNs, state.journalPosition];
  return [
    ["group", group.name, group.intervalMs, state.connection, state.cycle, ...times].join("\t"),
    ...bank.points.map((point, index) => {
      const reading = bank.reading(index);
      const status = reading.status.toString(16).padStart(8, "0");
      const constant = [point.key, point.description, point.unit, point.source, point.type];
      const value = [reading.type, status, reading.sourceNs, reading.receivedNs, canonicalValue(reading)];
      return ["point", ...constant, ...value].join("\t");
    }),
  ];
}
