// Entry of the Modbus TCP service's worker thread.

import { ModbusClientManager } from "../library/modbus-client-manager.ts";
import type { ModbusOrder } from "../thread-messages.ts";
import { work } from "./service-worker.ts";

await work<ModbusOrder>((_order, log) => new ModbusClientManager({ log }));
