// Modbus TCP devices whose registers count up, and the configuration that reads them.

import type { TestContext } from "node:test";
import { modbusServersXml, type XmlModbusServer } from "./configuration-xml.ts";
import { honest, startDevice, type RogueDevice } from "./modbus-device.ts";

/** Every register counts the milliseconds; register 9 is always 42. */
export async function device(t: TestContext, port = 0): Promise<RogueDevice> {
  const started = await startDevice(
    honest((_, __, address) => (address === 9 ? 42 : Date.now() & 0xffff)),
    port,
  );
  t.after(() => started.close());
  return started;
}

export interface Server extends Omit<XmlModbusServer, "endpoints"> {
  readonly names?: readonly string[];
}

export const connectionKey = (alias: string): string => `ModbusTCP Connections:${alias}: Connection status`;

/** Each name is a holding register at its place from 0; "always 42" is at 9. */
export function modbusXml(...servers: readonly Server[]): string {
  return modbusServersXml(...servers.map(withEndpoints));
}

function withEndpoints({ names = ["zählt", "always 42"], ...server }: Server): XmlModbusServer {
  const endpoints = names.map((name, index) => ({
    name,
    address: name === "always 42" ? 9 : index,
    description: `${name} von ${server.alias}`,
  }));
  return { ...server, endpoints };
}
