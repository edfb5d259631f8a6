// Does a frame answer a request of ours? Everything in it is held against the request; nothing is taken on trust.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { Tolerance } from "../configuration/modbus-server.ts";
import type { Frame, Malformed } from "../framing/framing.ts";
import { decodeResponse, EXCEPTION_FLAG, type ExceptionResponse, type ResponseData } from "../pdu.ts";
import { foreignPeer } from "./foreign-peer.ts";
import type { Transaction } from "./transaction-ids.ts";

/** `asked`: the request that the frame's transaction id belongs to. */
export function judgeReply(
  asked: Transaction,
  bytes: DataView,
  frame: Frame,
  tolerates: readonly Tolerance[],
): ResponseData | ExceptionResponse | Malformed {
  if (frame.unitId !== asked.unitId && !tolerates.includes("unitId")) {
    return { kind: "malformed", field: "unit id", expected: String(asked.unitId), actual: frame.unitId };
  }
  return decodeResponse(bytes, frame.pduOffset, frame.pduEndOffset, asked, tolerates.includes("byteCount"));
}

const toleranceOf: ReadonlyMap<string, Tolerance> = new Map([
  ["unit id", "unitId"],
  ["transaction id", "transactionId"],
  ["byte count", "byteCount"],
]);

/** A reply that belongs to no request; `due`: the ids of those that are waited for. */
export function unasked(due: readonly number[], { transactionId = 0 }: Frame): Malformed {
  const expected = due.length === 0 ? "none (nothing was asked)" : due.join(" or ");
  return { kind: "malformed", field: "transaction id", expected, actual: transactionId };
}

export function violation({ field, actual, expected, begins }: Malformed, asked: Transaction | undefined) {
  const peer = begins === undefined ? undefined : foreignPeer(begins, asked);
  const tolerance = toleranceOf.get(field);
  const remedy =
    tolerance !== undefined
      ? `; if it always answers so, add <tolerate>${tolerance}</tolerate>`
      : field === "function code" && actual >= EXCEPTION_FLAG
        ? "; some devices answer so for a unit id that they do not have: check <unitId>"
        : "";
  const wrong = `a reply had ${field} ${actual} where ${expected} was due${remedy}`;
  const code: FailureKind = "ProtocolViolation";
  return { code, because: peer === undefined ? wrong : `${wrong}; ${peer}` };
}
