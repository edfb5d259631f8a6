// Modbus TCP devices whose registers count up, and the configuration that reads them.

import type { TestContext } from "node:test";
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

/** A port where nobody listens, for now. */
export async function freePort(): Promise<number> {
  const passing = await startDevice();
  await passing.close();
  return passing.port;
}

export interface Server {
  readonly alias: string;
  readonly port: number;
  readonly names?: readonly string[];
  /** Elements between the alias and the endpoints. */
  readonly settings?: string;
}

export const connectionKey = (alias: string): string => `ModbusTCP Connections:${alias}: Connection status`;

/** Each name is a holding register at its place from 0; "always 42" is at 9. */
export function modbusXml(...servers: readonly Server[]): string {
  const elements = servers.map(({ alias, port, names = ["zählt", "always 42"], settings = "" }) => {
    const endpoints = names.map(
      (name, index) => `<endpoint>
        <name>${name}</name><function>Read Holding Registers</function>
        <address>${name === "always 42" ? 9 : index}</address>
        <quantity>1</quantity><offset>-1</offset><type>register</type><description>${name} von ${alias}</description>
      </endpoint>`,
    );
    return `<server><ipaddr>127.0.0.1</ipaddr><port>${port}</port><serveralias>${alias}</serveralias>${settings}
      <endpoints>${endpoints.join("\n")}</endpoints></server>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<modbus-servers>\n${elements.join("\n")}\n</modbus-servers>\n`;
}
