// A Modbus device whose values are born values, and the XML that reads it. Every point is a Double in four holding registers.

import { data, response, startDevice, type Behaviour, type RogueDevice } from "../plant/modbus-device.ts";
import type { Lifetime } from "../image/posix/own-objects.ts";
import { modbusServersXml, type XmlModbusServer } from "../plant/configuration-xml.ts";
import { bornValue, pointName } from "./born-value.ts";

const registersPerPoint = 4;

export interface BornModbusServer extends Omit<XmlModbusServer, "endpoints"> {
  /** The place of the point at address 0; the others follow. */
  readonly firstPlace: number;
  readonly points: number;
  /** Elements of each endpoint, by its number among the points. */
  readonly endpointSettings?: (point: number) => string;
}

/** All values of an answer are of one moment. `placeOf` says which point a unit id has at address 0. */
export function bornBehaviour(firstPlace: number | ((unitId: number) => number)): Behaviour {
  const first = typeof firstPlace === "number" ? () => firstPlace : firstPlace;
  return (request) => {
    const nowMs = Date.now();
    const cell = (unitId: number, _: number, address: number): number => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(bornValue(nowMs, first(unitId) + Math.floor(address / registersPerPoint)));
      return bytes.readUInt16BE(2 * (address % registersPerPoint));
    };
    return response(request, data(request, cell));
  };
}

/** `port`: for a device that comes back where it was. */
export async function startBornDevice(t: Lifetime, firstPlace: number, port = 0, host?: string): Promise<RogueDevice> {
  const device = await startDevice(bornBehaviour(firstPlace), port, host);
  t.after(() => device.close());
  return device;
}

export function bornModbusXml(...servers: readonly BornModbusServer[]): string {
  return modbusServersXml(...servers.map(withEndpoints));
}

function withEndpoints({ firstPlace, points, endpointSettings, ...server }: BornModbusServer): XmlModbusServer {
  const endpoints = Array.from({ length: points }, (_, point) => ({
    name: pointName(firstPlace + point),
    address: registersPerPoint * point,
    dataType: "Double",
    settings: endpointSettings?.(point) ?? "",
  }));
  return { ...server, endpoints };
}
