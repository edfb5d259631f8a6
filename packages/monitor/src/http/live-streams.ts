// All streams of server-sent events, one for each browser. One clock for all: every half second each viewer gets what changed on its screen.
//
// A browser that reads slowly is left out until it has read what it was sent; one that reads nothing for long is gone.

import type { ServerResponse } from "node:http";
import { GrowthWatch } from "../observation/growth-watch.ts";
import type { Observation, ObservedPartition } from "../observation/observed-partition.ts";
import { PointCatalog } from "../observation/point-catalog.ts";
import { problemsOf, type Problem } from "../observation/problems.ts";
import { Trends } from "../observation/trends.ts";
import { Screen, type Scene } from "./screen.ts";
import { parseView, type QueryFields } from "./view.ts";

const tickMs = 500;
const mostViewers = 200;
const longestBlockMs = 20_000;
const idleTicks = 4;

interface Viewer {
  readonly screen: Screen;
  /** Of the users when it signed in. */
  readonly users: string;
  readonly response: ServerResponse;
  blockedSinceMs: number | undefined;
}

export class LiveStreams implements Disposable {
  readonly #observed: ObservedPartition;
  readonly #users: () => string;
  readonly #watch = new GrowthWatch();
  readonly #trends: Trends;
  readonly #viewers = new Set<Viewer>();
  #catalog = new PointCatalog([]);
  #problems: readonly Problem[] = [];
  #last: Observation | undefined;
  #ticks = 0;
  readonly #timer: NodeJS.Timeout;

  /** `users`: another text when they have changed; then every stream ends, and a browser that may still look opens another. */
  constructor(observed: ObservedPartition, users: () => string = () => "") {
    this.#observed = observed;
    this.#users = users;
    this.#trends = new Trends(observed.prefix);
    this.#look();
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  hasRoom(): boolean {
    return this.#viewers.size < mostViewers;
  }

  add(query: QueryFields, response: ServerResponse): void {
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const screen = new Screen(parseView(query));
    const viewer: Viewer = { screen, users: this.#users(), response, blockedSinceMs: undefined };
    this.#viewers.add(viewer);
    response.on("close", () => {
      this.#viewers.delete(viewer);
      viewer.screen.close();
    });
    response.on("error", () => response.destroy());
    response.write("retry: 1000\n\n");
    this.#show(viewer, this.#scene());
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const { response } of this.#viewers) response.destroy();
    this.#trends.close();
  }

  #tick(): void {
    this.#ticks++;
    if (this.#viewers.size === 0) {
      // Problems are watched also while nobody looks, since they have a beginning.
      if (this.#ticks % idleTicks === 0) this.#look();
      return;
    }
    const scene = this.#scene();
    const users = this.#users();
    this.#trends.follow();
    for (const viewer of this.#viewers)
      if (viewer.users === users) this.#show(viewer, scene);
      else viewer.response.destroy();
  }

  #look(): Observation {
    const observation = this.#observed.observe();
    if (observation !== this.#last) this.#problems = problemsOf(observation, this.#watch);
    this.#last = observation;
    return observation;
  }

  #scene(): Scene {
    const observation = this.#look();
    const { images } = this.#observed.images();
    if (!this.#catalog.isOf(images)) this.#catalog = new PointCatalog(images);
    this.#catalog.nextTick(images);
    const [problems, catalog, trends] = [this.#problems, this.#catalog, this.#trends];
    return { nowMs: Date.now(), observation, images, problems, catalog, trends };
  }

  #show(viewer: Viewer, scene: Scene): void {
    const { response, screen } = viewer;
    if (response.writableNeedDrain) {
      viewer.blockedSinceMs ??= scene.nowMs;
      if (scene.nowMs - viewer.blockedSinceMs > longestBlockMs) response.destroy();
      return;
    }
    viewer.blockedSinceMs = undefined;
    response.write(`data: ${JSON.stringify(screen.changes(scene))}\n\n`);
  }
}
