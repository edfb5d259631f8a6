// What the managers' `periodicRead` does: a loop for each server, one publish clock, one image. Ends when the signal aborts, with
// every connection shown as closed in a last document, and the connections really closed.

import type { Log } from "../logging/log.ts";
import type { ServerClient } from "../point/server-client.ts";
import type { ServiceName } from "../point/service-name.ts";
import { ImageGenerations, type ImageProvider } from "./image-generations.ts";
import { PollsInFlight } from "./polls-in-flight.ts";
import { Publisher, type DocumentTarget } from "./publisher.ts";
import { Grid, monotonicMs } from "./schedule.ts";
import { ServerLoop } from "./server-loop.ts";

export interface PeriodicRead {
  readonly service: ServiceName;
  readonly clients: readonly ServerClient[];
  readonly intervalMs: number;
  readonly targets: readonly DocumentTarget[];
  readonly image: ImageProvider;
  /** A first connection attempt already under way, by client. */
  readonly started?: ReadonlyMap<ServerClient, Promise<void>>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export async function periodicRead(options: PeriodicRead): Promise<void> {
  const { service, clients, intervalMs, log, signal } = options;
  const around = {
    service,
    grid: new Grid(monotonicMs(), intervalMs),
    clock: monotonicMs,
    pollsInFlight: new PollsInFlight(),
    log,
  };
  const generations = await ImageGenerations.create({ service, intervalMs }, clients, options.image, log);
  const publisher = new Publisher(generations, options.targets, around);
  const loops = clients.map((client, index) => {
    const block = generations.image.blocks[index];
    if (block === undefined) throw new RangeError(`no block for server ${client.alias}`);
    const grid = new Grid(around.grid.startMs, client.intervalMs ?? intervalMs);
    return new ServerLoop(
      client,
      block,
      { ...around, grid, changed: () => publisher.request() },
      options.started?.get(client),
    );
  });
  const stop = (): void => {
    for (const loop of loops) loop.stop();
    publisher.stop();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  const ended = Promise.all(loops.map((loop) => loop.run()));
  await publisher.run();
  generations.image.retire();
  await ended;
}
