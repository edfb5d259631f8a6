// The Modbus TCP service: entry of its worker thread.

import { ModbusClientManager } from "../modbus-tcp-client/modbus-client-manager.ts";
import type { ModbusOrder } from "./service-messages.ts";
import { work } from "./service-worker.ts";

async function modbusTcpService(): Promise<void> {
  await work<ModbusOrder>((order, log) => {
    const manager = new ModbusClientManager({ log });
    manager.createClients(order.configuration);
    return manager;
  });
}

await modbusTcpService();
