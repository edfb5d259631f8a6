import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CreateSessionRequest, ReadRequest } from "node-opcua-client";
import { SessionKeepAlive } from "../../../../packages/partition/src/protocols/opcua/session-keep-alive.ts";
import { sessionTimeoutMs } from "../../../../packages/partition/src/protocols/opcua/session-options.ts";
import { addDoubles, configuredServer, never, nodeNamed, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";

/** What this server grants, whatever is asked for. A busy machine needs less to begin the session. */
const grantedMs = 4000;

const rig = new OpcUaRig({
  policies: [],
  build: (built) => {
    addDoubles(built, ["a"]);
    built.on("request", (request) => {
      if (request instanceof CreateSessionRequest) request.requestedSessionTimeout = grantedMs;
    });
  },
  client: { intervalMs: 60_000, timeoutMs: 3000 },
});

describe("a session of which the server expects more requests than there are polls", () => {
  test("is kept by cheap reads of the server's state", async () => {
    const of = await rig.connected();
    const outcome = Promise.withResolvers<string>();
    const asked: string[][] = [];
    const onRequest = (request: unknown): void => {
      if (!(request instanceof ReadRequest)) return;
      asked.push((request.nodesToRead ?? []).map(({ nodeId }) => String(nodeId)));
      if (asked.length === 3) outcome.resolve("kept");
    };
    const onEnd = (): void => outcome.resolve("ended");
    rig.server.on("request", onRequest);
    rig.server.on("session_closed", onEnd);
    // Three halves: longer than the server waits for a request.
    assert.equal(await outcome.promise, "kept");
    rig.server.off("request", onRequest);
    rig.server.off("session_closed", onEnd);
    assert.deepEqual(new Set(asked.flat()), new Set(["ns=0;i=2259"]));
    const sink = await polled(of);
    assert.equal(sink.values.get(0)?.value, 0);
  });

  test("that is lost meanwhile is noticed by the next poll at once", async () => {
    const proxy = await rig.proxy();
    const of = await rig.connected({}, proxy.url);
    proxy.cut();
    await assert.rejects(of.poll(new RecordingSink(), never), { code: "ConnectionFailed" });
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

function serverAt(intervalMs: number | undefined, ...own: readonly (number | undefined)[]) {
  const nodes = own.map((nodeMs) => Object.assign({}, nodeNamed("a"), { intervalMs: nodeMs }));
  return configuredServer("opc.tcp://127.0.0.1:1", { intervalMs, timeoutMs: 5000, nodes });
}

test("a session is asked to live for several polls of the fastest nodes", () => {
  assert.equal(sessionTimeoutMs(serverAt(20_000, undefined)), 85_000);
  assert.equal(sessionTimeoutMs(serverAt(3_600_000, undefined, 20_000)), 85_000);
  assert.equal(sessionTimeoutMs(serverAt(1000, 100)), 10_000);
  assert.equal(sessionTimeoutMs(serverAt(undefined, undefined)), 60_000);
});
