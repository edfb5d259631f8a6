// A device that somebody looks at before it is configured: single questions, each with an answer in words. Unlike a poll, nothing ends
// because one question had no answer: the connection is opened again for the next.

import { setTimeout as delay } from "node:timers/promises";

import { ServerError } from "../../../sources/server-error.ts";
import { FirstAnswer } from "../connection/first-answer.ts";
import type { Requester } from "../connection/exchange.ts";
import { ModbusConnection } from "../connection/modbus-connection.ts";
import { exceptionText, unitIsAbsent } from "../exception-status.ts";
import { readsBits, type ReadRange } from "../pdu.ts";

export type ProbeAnswer =
  /** Registers of 16 bits, or 0 and 1 for coils and discrete inputs. */
  | { readonly kind: "values"; readonly values: readonly number[] }
  /** `because` continues "is not readable: ". */
  | { readonly kind: "exception"; readonly code: number; readonly because: string }
  | { readonly kind: "silence"; readonly because: string }
  /** The device closed the connection, or sent what is no reply. */
  | { readonly kind: "failure"; readonly because: string };

/** A device with room for one connection may need a moment until it has noticed the end of the last one. */
const attemptsToReopen = 5;
const pauseBeforeReopeningMs = 300;

export class ProbedDevice {
  readonly #connection: ModbusConnection;
  readonly #requester: Requester;
  #wasOpen = false;

  /** `timeoutMs`: longest wait for a connection and for each answer. */
  constructor(host: string, port: number, timeoutMs: number) {
    this.#connection = new ModbusConnection({ host, port, tls: undefined }, new FirstAnswer());
    this.#requester = { server: host, timeoutMs, pauseBetweenRequestsMs: 0 };
  }

  /** Rejects with a ServerError when there is no connection. */
  async ask(unitId: number, range: ReadRange): Promise<ProbeAnswer> {
    await this.#open();
    const values: number[] = [];
    try {
      const answer = await this.#connection.request(this.#requester, unitId, range, (bytes, dataOffset) => {
        for (let at = 0; at < range.quantity; at++) values.push(valueAt(bytes, dataOffset, at, range));
      });
      switch (answer.kind) {
        case "data":
          return { kind: "values", values };
        case "exception":
          return { kind: "exception", code: answer.code, because: exceptionText(answer.code) };
        case "timeout":
          return this.#silence();
        default:
          return answer satisfies never;
      }
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (error.code === "Timeout") return this.#silence();
      if (error.code === "Stopped") throw error;
      return { kind: "failure", because: error.message.replace(/^cannot read from .*? because /, "") };
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #open(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#connection.open(this.#requester);
        this.#wasOpen = true;
        return;
      } catch (error) {
        if (!this.#wasOpen || attempt === attemptsToReopen) throw error;
        await delay(pauseBeforeReopeningMs);
      }
    }
  }

  #silence(): ProbeAnswer {
    return { kind: "silence", because: `no answer within ${this.#requester.timeoutMs / 1000} s` };
  }
}

/** True when whoever has this unit id has said anything; a gateway that speaks for an absent device does not count. */
export function isPresent(answer: ProbeAnswer): boolean {
  return answer.kind === "values" || (answer.kind === "exception" && !unitIsAbsent(answer.code));
}

function valueAt(bytes: DataView, dataOffset: number, at: number, { functionCode }: ReadRange): number {
  if (readsBits(functionCode)) return (bytes.getUint8(dataOffset + (at >> 3)) >> (at & 7)) & 1;
  return bytes.getUint16(dataOffset + at * 2);
}
