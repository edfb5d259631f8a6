// The monitor's server in this process, on a free port, beside real images.

import { request, type IncomingMessage, type RequestOptions } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { ServerDescription } from "../../../packages/image/src/directory.ts";
import { LiveStreams } from "../../../packages/monitor/src/http/live-streams.ts";
import { openServer, type ServerParts } from "../../../packages/monitor/src/http/server.ts";
import { exposition } from "../../../packages/monitor/src/metrics/exposition.ts";
import { seriesOf } from "../../../packages/monitor/src/metrics/series.ts";
import { WholeHistograms } from "../../../packages/monitor/src/observation/whole-histograms.ts";
import { observedPlant } from "../observed-plant.ts";

export async function served(
  t: TestContext,
  servers: readonly ServerDescription[],
  changes: Partial<ServerParts> = {},
) {
  const plant = observedPlant(t, ...servers);
  const { observed } = plant;
  const live = new LiveStreams(observed, () => changes.desk?.version ?? "");
  const histograms = new WholeHistograms();
  const server = await openServer({
    observe: () => observed.observe(),
    metricsText: (format) =>
      exposition(seriesOf(observed.observe(), { viewers: live.viewers, signInFailures: 0 }, histograms), format),
    live,
    desk: undefined,
    certificate: undefined,
    trustProxy: [],
    ...changes,
  });
  await server.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    live[Symbol.dispose]();
    await server.close();
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    ...plant,
    port,
    live,
    ask: async (path: string, options: RequestOptions = {}) => await ask(port, path, options),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** The path goes out as it stands: nothing in it is resolved. */
async function ask(port: number, path: string, options: RequestOptions): Promise<Answer> {
  const sent = request({ host: "127.0.0.1", port, path, agent: false, ...options });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}
