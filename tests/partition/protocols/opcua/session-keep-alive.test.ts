import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { CreateSessionRequest, ReadRequest } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import { SessionKeepAlive } from "../../../../packages/partition/src/protocols/opcua/session-keep-alive.ts";
import {
  addDoubles,
  certificateIn,
  configuredServer,
  never,
  nodeNamed,
  portOf,
  RecordingSink,
  startServer,
  temporaryFolder,
} from "../../../plant/opcua-server.ts";
import { TcpProxy } from "../../../plant/tcp-proxy.ts";

/** What this server grants, whatever is asked for. */
const grantedMs = 600;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: OPCUAServer;
let url: string;
let client: OpcUaClient | undefined;

before(async () => {
  folder = await temporaryFolder();
  ({ server, url } = await startServer({
    folder: join(folder.path, "server"),
    certificate: await certificateIn(folder.path, "server"),
    policies: [],
    build: (built) => addDoubles(built, ["a"]),
  }));
  server.on("request", (request) => {
    if (request instanceof CreateSessionRequest) request.requestedSessionTimeout = grantedMs;
  });
});

after(async () => {
  await server.shutdown(0);
  await folder.remove();
});

afterEach(async () => {
  await client?.disconnect();
});

function clientOf(address: string): OpcUaClient {
  const configured = configuredServer(address, { nodes: [nodeNamed("a")], intervalMs: 60_000, timeoutMs: 3000 });
  client = new OpcUaClient(configured, { directory: join(folder.path, "certificates") });
  return client;
}

describe("a session of which the server expects more requests than there are polls", () => {
  test("is kept by cheap reads of the server's state", async () => {
    const of = clientOf(url);
    await of.connect(never);
    const outcome = Promise.withResolvers<string>();
    const asked: string[][] = [];
    const onRequest = (request: unknown): void => {
      if (!(request instanceof ReadRequest)) return;
      asked.push((request.nodesToRead ?? []).map(({ nodeId }) => String(nodeId)));
      if (asked.length === 6) outcome.resolve("kept");
    };
    const onEnd = (): void => outcome.resolve("ended");
    server.on("request", onRequest);
    server.on("session_closed", onEnd);
    // Six halves: three times as long as the server waits for a request.
    assert.equal(await outcome.promise, "kept");
    server.off("request", onRequest);
    server.off("session_closed", onEnd);
    assert.deepEqual(new Set(asked.flat()), new Set(["ns=0;i=2259"]));
    const sink = new RecordingSink();
    await of.poll(sink, never);
    assert.equal(sink.values.get(0)?.value, 0);
  });

  test("that is lost meanwhile is noticed by the next poll at once", async () => {
    const proxy = await TcpProxy.start(portOf(url));
    try {
      const of = clientOf(proxy.url);
      await of.connect(never);
      proxy.cut();
      await assert.rejects(of.poll(new RecordingSink(), never), { code: "ConnectionFailed" });
    } finally {
      await client?.disconnect();
      await proxy.close();
    }
  });
});

test("whatever a server says of its time-out, it is asked neither without a pause nor never", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let requests = 0;
  const within = (revisedMs: number, waitMs: number): number => {
    requests = 0;
    const keepAlive = new SessionKeepAlive(async () => void requests++);
    keepAlive.start(revisedMs, 60_000);
    t.mock.timers.tick(waitMs);
    keepAlive.stop();
    return requests;
  };
  for (const revisedMs of [NaN, 0, -1, Infinity]) {
    assert.deepEqual([within(revisedMs, 29_999), within(revisedMs, 30_000)], [0, 1], String(revisedMs));
  }
  assert.deepEqual([within(1, 249), within(1, 250)], [0, 1]);
  assert.deepEqual([within(30_000, 14_999), within(30_000, 15_000)], [0, 1]);
  assert.equal(within(1e300, 100_000_000), 0);
});
