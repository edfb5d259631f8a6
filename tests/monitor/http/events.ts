// A browser's stream of server-sent events, without the browser.

import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import type { TestContext } from "node:test";
import type { Changes } from "../../../packages/monitor/src/http/screen.ts";

export class Events {
  readonly #response: IncomingMessage;
  readonly seen: Changes[] = [];
  #rest = "";
  #arrived = Promise.withResolvers<void>();

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.on("error", () => {});
    response.setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.#rest + text).split("\n\n");
      this.#rest = parts.pop() ?? "";
      for (const part of parts) if (part.startsWith("data: ")) this.seen.push(JSON.parse(part.slice(6)) as Changes);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers<void>();
    });
  }

  static async open(
    t: TestContext,
    port: number,
    query: Readonly<Record<string, string>>,
    auth?: string,
  ): Promise<Events> {
    const sent = request({
      ...(auth === undefined ? {} : { auth }),
      host: "127.0.0.1",
      port,
      path: `/live?${new URLSearchParams(query).toString()}`,
      agent: false,
    });
    sent.on("error", () => {});
    sent.end();
    t.after(() => sent.destroy());
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return new Events(response);
  }

  get status(): number {
    return this.#response.statusCode ?? 0;
  }

  /** Resolves when the monitor has ended it. */
  async ended(): Promise<void> {
    if (!this.#response.destroyed) await new Promise((resolve) => this.#response.once("close", resolve));
  }

  /** The first of all messages that is what is waited for. */
  async find<Found>(wanted: (changes: Changes) => Found | undefined): Promise<Found> {
    for (let index = 0; ; index++) {
      while (index >= this.seen.length) await this.#arrived.promise;
      const found = wanted(this.seen[index] as Changes);
      if (found !== undefined) return found;
    }
  }
}
