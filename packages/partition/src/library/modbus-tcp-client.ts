// One Modbus TCP server of the configuration as a program uses it, with the four reading functions.

import { setTimeout as delay } from "node:timers/promises";

import type { ModbusServer, ReadFunction } from "../protocols/modbus/configuration/modbus-server.ts";
import type { Log } from "@cpc-partition/process/log";
import type { Consume } from "../protocols/modbus/connection/exchange.ts";
import type { ModbusConnections } from "../protocols/modbus/connection/modbus-connections.ts";
import { ModbusSource, type ModbusSession } from "../protocols/modbus/modbus-source.ts";
import { errorOf } from "../protocols/modbus/reading/group-reader.ts";
import { ServerError } from "../sources/server-error.ts";
import { ServerClient } from "./server-client.ts";

/** The answer to one reading function: the values from the first address on, or the device's exception. */
export type ReadAnswer<T> =
  | { readonly kind: "data"; readonly values: readonly T[] }
  /** MODBUS Application Protocol V1.1b3, 7; 0 to 255. */
  | { readonly kind: "exception"; readonly code: number };

/** Unit id of the four reading functions when the configuration names none. */
const DEFAULT_UNIT_ID = 1;

export class ModbusTcpClient extends ServerClient<ModbusSession> {
  readonly #server: ModbusServer;

  /** `clock` is monotonic, in milliseconds. */
  constructor(
    server: ModbusServer,
    connections: ModbusConnections,
    clock: () => number = () => performance.now(),
    log: Log = () => {},
  ) {
    super(new ModbusSource(server, connections, clock, log));
    this.#server = server;
  }

  /** Connects anew, trying every `retryIntervalMs` until it succeeds. Rejects with a ServerError "Stopped" when the signal aborts. */
  async retryConnection(signal: AbortSignal = new AbortController().signal): Promise<void> {
    for (;;) {
      try {
        await this.connect(signal);
        return;
      } catch (error) {
        if (!(error instanceof ServerError) || error.code === "Stopped") throw error;
      }
      // An abort ends the pause, and `connect` then says so.
      await delay(this.retryIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** FC01, MODBUS Application Protocol V1.1b3, 6.1. 1 to 2000 coils. Rejects with a ServerError when there is no answer. */
  fc01ReadCoilStatus(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<boolean>> {
    return this.#readBits(1, address, quantity, unitId);
  }

  /** FC02, 6.2. 1 to 2000 discrete inputs. */
  fc02ReadDiscreteInputs(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<boolean>> {
    return this.#readBits(2, address, quantity, unitId);
  }

  /** FC03, 6.3. 1 to 125 registers, each 0 to 65535. */
  fc03ReadHoldingRegisters(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<number>> {
    return this.#readRegisters(3, address, quantity, unitId);
  }

  /** FC04, 6.4. 1 to 125 registers, each 0 to 65535. */
  fc04ReadInputRegisters(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<number>> {
    return this.#readRegisters(4, address, quantity, unitId);
  }

  protected override notConnected(): ServerError {
    return errorOf(this.#server, "ConnectionFailed", "it is not connected");
  }

  async #readBits(
    functionCode: 1 | 2,
    address: number,
    quantity: number,
    unitId: number | undefined,
  ): Promise<ReadAnswer<boolean>> {
    return this.#readOnce(functionCode, address, quantity, unitId, (bytes, dataOffset, distance) => {
      return ((bytes.getUint8(dataOffset + (distance >> 3)) >> (distance & 7)) & 1) === 1;
    });
  }

  async #readRegisters(
    functionCode: 3 | 4,
    address: number,
    quantity: number,
    unitId: number | undefined,
  ): Promise<ReadAnswer<number>> {
    return this.#readOnce(functionCode, address, quantity, unitId, (bytes, dataOffset, distance) => {
      return bytes.getUint16(dataOffset + 2 * distance);
    });
  }

  async #readOnce<T>(
    functionCode: ReadFunction,
    address: number,
    quantity: number,
    unitId: number | undefined,
    element: (bytes: DataView, dataOffset: number, distance: number) => T,
  ): Promise<ReadAnswer<T>> {
    let values: readonly T[] = [];
    const consume: Consume = (bytes, dataOffset) => {
      values = Array.from({ length: quantity }, (_, distance) => element(bytes, dataOffset, distance));
    };
    const unit = unitId ?? this.#server.points[0]?.unitId ?? DEFAULT_UNIT_ID;
    const answer = await this.opened.request(unit, { functionCode, address, quantity }, consume);
    if (answer.kind === "timeout") {
      throw errorOf(this.#server, "Timeout", `unit id ${unit} did not answer within ${this.#server.timeoutMs} ms`);
    }
    return answer.kind === "data" ? { kind: "data", values } : answer;
  }
}
