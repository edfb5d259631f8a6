// Debian's mosquitto. Its package starts one as a service; this one has a port and a folder of its own.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine, type Ending } from "./engine.ts";
import { freePort } from "../../plant/free-port.ts";

export interface MosquittoWishes {
  /** More lines for its port. */
  readonly lines?: readonly string[];
  /** A second port, for who is no part of the test: without those lines. */
  readonly plainPort?: number;
}

/** Not started yet. */
export async function mosquitto(t: Ending, { lines = [], plainPort }: MosquittoWishes = {}): Promise<Engine> {
  const port = await freePort();
  return new Engine(t, port, (folder) => {
    const file = join(folder, "mosquitto.conf");
    const plain = plainPort === undefined ? [] : [`listener ${plainPort} 127.0.0.1`];
    // As root it reads the files of a test again when it is told to.
    const general = ["allow_anonymous true", "persistence false", "user root"];
    writeFileSync(file, [...general, `listener ${port} 127.0.0.1`, ...lines, ...plain, ""].join("\n"));
    return ["/usr/sbin/mosquitto", "-c", file];
  });
}
