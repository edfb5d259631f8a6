// Entry of the Modbus TCP service's worker thread.

import { ModbusClientManager } from "../modbus-tcp-client/modbus-client-manager.ts";
import type { ModbusOrder } from "./service-messages.ts";
import { work } from "./service-worker.ts";

await work<ModbusOrder>((_order, log) => new ModbusClientManager({ log }));
