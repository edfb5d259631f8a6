// Ports for programs that must be told one, and of servers that are not there.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** The system gives others to whoever listens on any port (ip_local_port_range): of those, another test could have it before it is used. */
const [lowest, highest] = [20_000, 32_767];
const given = new Set<number>();

/** One on which nobody listens, and which no test of this process was given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest + 1);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue; // somebody listens there
    }
    await once(server.close(), "close");
    return port;
  }
}
