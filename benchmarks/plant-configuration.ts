// The configuration files of the benchmarks: one server each, as many points as wanted.

import { modbusServersXml, opcUaServersXml } from "../tests/plant/configuration-xml.ts";

export function modbusConfiguration(port: number, registers: number): string {
  const endpoints = Array.from({ length: registers }, (_, address) => ({
    name: `register ${address}`,
    address,
    description: `holding register ${address}`,
  }));
  return modbusServersXml({ alias: "plant", port, endpoints });
}

/** For benchmarks/peers/opcua-server.ts. */
export function opcUaConfiguration(port: number, nodes: number): string {
  const names = Array.from({ length: nodes }, (_, index) => `node ${index}`);
  const url = `opc.tcp://127.0.0.1:${port}`;
  return opcUaServersXml({ alias: "plant", url, nodes: names.map((name) => ({ name, description: name })) });
}
