// Ports for programs that cannot choose one themselves and tell it.

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** Different ones, which nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map(async (server) => await once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => await once(server.close(), "close")));
  return ports;
}
