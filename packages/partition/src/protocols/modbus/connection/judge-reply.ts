// Does a frame answer a request of ours? Everything in it is held against the request; nothing is taken on trust.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { unitIsAbsent } from "../exception-status.ts";
import { foreignPeer } from "./foreign-peer.ts";
import type { Frame, Malformed } from "../framing/mbap.ts";
import { decodeResponse, type ExceptionResponse, type ResponseData } from "../pdu.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transactions.ts";

/** A request that is waited for, with the transaction id it was sent with. */
export interface Due {
  readonly transaction: Transaction;
  readonly id: number;
}

const LATE = { kind: "late" } as const;

/** "late": to a request that nobody waits for any more. */
export function judgeReply(
  { transactions, acquaintance }: Session,
  due: Due | undefined,
  bytes: DataView,
  frame: Frame,
): ResponseData | ExceptionResponse | typeof LATE | Malformed {
  const isDue = due !== undefined && frame.transactionId === due.id;
  const transaction = isDue ? due.transaction : transactions.takeAbandoned(frame.transactionId);
  if (transaction === undefined) {
    const expected = due === undefined ? "none (nothing was asked)" : String(due.id);
    return { kind: "malformed", field: "transaction id", expected, actual: frame.transactionId };
  }
  if (frame.unitId !== transaction.unitId) {
    return { kind: "malformed", field: "unit id", expected: String(transaction.unitId), actual: frame.unitId };
  }
  const response = decodeResponse(bytes, frame.pduOffset, frame.pduEndOffset, transaction);
  if (response.kind === "malformed") return response;
  acquaintance.timeouts.replied(frame.unitId);
  // A gateway that has given up, be it later than we did, does not stop the device behind it from answering: once, or it could flood us.
  if (response.kind === "exception" && unitIsAbsent(response.code) && transaction.isLastAnswer !== true) {
    const { unitId, functionCode, address, quantity } = transaction;
    transactions.abandon(frame.transactionId, { unitId, functionCode, address, quantity, isLastAnswer: true });
  }
  return isDue ? response : LATE;
}

/** Bytes that belong to no reply that could still come. */
export function surplus({ frames, transactions }: Session, isReplyDue: boolean): Malformed | undefined {
  if (frames.pendingBytes === 0 || isReplyDue || transactions.isAnyAbandoned) return undefined;
  return { kind: "malformed", field: "trailing bytes", expected: "0", actual: frames.pendingBytes };
}

export function violation({ field, actual, expected, begins }: Malformed, asked: Transaction | undefined) {
  const peer = begins === undefined ? undefined : foreignPeer(begins, asked);
  const wrong = `a reply had ${field} ${actual} where ${expected} was due`;
  const code: FailureKind = "ProtocolViolation";
  return { code, because: peer === undefined ? wrong : `${wrong}; ${peer}` };
}
