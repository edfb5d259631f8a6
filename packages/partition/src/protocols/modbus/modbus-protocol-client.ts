// The half of Modbus TCP that a worker thread loads.

import { monotonicMs } from "@cpc-partition/process/schedule";
import type { ModbusServer } from "./configuration/modbus-server.ts";
import type { ProtocolClient } from "../protocol.ts";
import { ModbusConnections } from "./connection/modbus-connections.ts";
import { ModbusSource } from "./modbus-source.ts";

export const modbusClient: ProtocolClient = {
  prepareThread: () => {},
  sources: ({ log }) => {
    const connections = new ModbusConnections();
    return (server) => new ModbusSource(server as ModbusServer, connections, monotonicMs, log);
  },
};
