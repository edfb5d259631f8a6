// A value as JSON: `value`, `varType` and `description` as in the documents of the partition, with status and times.
//
// At many changes a second this text is most of what the bridge costs. So what a point says about itself is made once for each point, and a time
// once for all changes of a poll.

import { builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { valueNs, type ObservedPoint, type PointChange } from "../observation/observed-change.ts";

const historicalMark = ',"historical":true';
const repeatMark = ',"possibleRepeat":true';
export const mostMarkBytes = markBytes("history", true);

/** What the marks of a change take in its text. */
export function markBytes(kind: "live" | "history", isRepeat: boolean): number {
  return (kind === "history" ? historicalMark.length : 0) + (isRepeat ? repeatMark.length : 0);
}

/** `hasKey`: where the topic does not say which point it is. A bad value is null: nobody takes it for a good one. */
export function changeJson(change: PointChange, kind: "live" | "history", isRepeat: boolean, hasKey = false): string {
  const { point, type, status } = change;
  const { key, about } = textsOf(point);
  const value = isBad(status) ? "null" : valueToJson(change);
  const quality = isGood(status) ? "" : `,"statusCode":${status},"status":${JSON.stringify(statusName(status))}`;
  const marks = (kind === "history" ? historicalMark : "") + (isRepeat ? repeatMark : "");
  const time = timeOf(valueNs(change));
  return `{${hasKey ? key : ""}"value":${value},"varType":"${builtInTypeName(type)}","time":"${time}"${quality}${about}${marks}}`;
}

interface PointTexts {
  readonly key: string;
  readonly about: string;
}

const texts = new WeakMap<ObservedPoint, PointTexts>();

function textsOf(point: ObservedPoint): PointTexts {
  let known = texts.get(point);
  if (known === undefined) {
    const { key, unit, description } = point;
    const about =
      (unit === "" ? "" : `,"unit":${JSON.stringify(unit)}`) +
      (description === "" ? "" : `,"description":${JSON.stringify(description)}`);
    known = { key: `"key":${JSON.stringify(key)},`, about };
    texts.set(point, known);
  }
  return known;
}

let lastTime = { us: -1n, text: "" };

/** To the microsecond: JSON's readers know no finer one. */
function timeOf(ns: bigint): string {
  const us = ns / 1000n;
  if (us !== lastTime.us) {
    const beginning = new Date(Number(us / 1000n)).toISOString().slice(0, -1);
    lastTime = { us, text: `${beginning}${String(us % 1000n).padStart(3, "0")}Z` };
  }
  return lastTime.text;
}
