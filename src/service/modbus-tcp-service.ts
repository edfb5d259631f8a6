// The Modbus TCP service: entry of its worker thread.

import { ModbusClientManager } from "../modbus-tcp-client/modbus-client-manager.ts";
import type { ModbusOrder } from "./service-messages.ts";
import { work } from "./service-worker.ts";

async function modbusTcpService(): Promise<void> {
  await work<ModbusOrder>((_order, log) => new ModbusClientManager({ log }));
}

await modbusTcpService();
