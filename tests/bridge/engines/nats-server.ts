// nats-server with JetStream: alone, as a cluster, or as a leaf node of a hub. `scripts/test-bridge` puts the program where this looks for it.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Engine, type Ending } from "./engine.ts";
import { freePort } from "../../plant/free-port.ts";

const program =
  process.env["CPC_NATS_SERVER"] ??
  fileURLToPath(new URL("../../../node_modules/.cache/bridge-engines/nats-server", import.meta.url));

export interface NatsWishes {
  readonly port?: number;
  readonly name?: string;
  /** Of its JetStream. */
  readonly domain?: string;
  /** More lines of its configuration. */
  readonly lines?: () => readonly string[];
}

/** Not started yet. */
export async function natsServer(t: Ending, { port, name = "alone", domain, lines }: NatsWishes = {}): Promise<Engine> {
  const own = port ?? (await freePort());
  return new Engine(t, own, (folder) => {
    const file = join(folder, "server.conf");
    const configuration = [
      `server_name: ${name}`,
      `listen: 127.0.0.1:${own}`,
      `jetstream { store_dir: "${folder}/store", max_file_store: 4G, sync_interval: "2s"${domain === undefined ? "" : `, domain: ${domain}`} }`,
      ...(lines?.() ?? []),
    ];
    writeFileSync(file, configuration.join("\n"));
    return [program, "--config", file];
  });
}

export async function startNats(t: Ending, wishes: NatsWishes = {}): Promise<Engine> {
  const server = await natsServer(t, wishes);
  await server.start();
  return server;
}

/** Started, with three servers; a stream of three replicas survives one of them. */
export async function startNatsCluster(t: Ending): Promise<readonly Engine[]> {
  const routes = await Promise.all([freePort(), freePort(), freePort()]);
  const urls = routes.map((port) => `nats://127.0.0.1:${port}`).join(", ");
  const servers = await Promise.all(
    routes.map(
      async (route, index) =>
        await natsServer(t, {
          name: `node${index}`,
          lines: () => [`cluster { name: site, listen: 127.0.0.1:${route}, routes: [${urls}] }`],
        }),
    ),
  );
  await Promise.all(servers.map(async (server) => await server.start()));
  return servers;
}

export interface HubAndLeaf {
  readonly hub: Engine;
  readonly leaf: Engine;
}

/** A gateway's own server that is connected to the site's through `throughPort(hub's port)`. Both are started. */
export async function startHubAndLeaf(
  t: Ending,
  through: (leafnodePort: number) => Promise<number>,
): Promise<HubAndLeaf> {
  const leafnodes = await freePort();
  const hub = await startNats(t, {
    name: "hub",
    domain: "hub",
    // Otherwise the leaf learns the hub's own address, and finds a way around what stands between them.
    lines: () => [`leafnodes { listen: 127.0.0.1:${leafnodes}, no_advertise: true }`],
  });
  const port = await through(leafnodes);
  const leaf = await startNats(t, {
    name: "leaf",
    domain: "leaf",
    lines: () => [`leafnodes { reconnect: 1, remotes: [ { url: "nats-leaf://127.0.0.1:${port}" } ] }`],
  });
  return { hub, leaf };
}
