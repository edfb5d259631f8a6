import assert from "node:assert/strict";
import { afterEach, before, describe, test } from "node:test";
import type { OPCUAServer } from "node-opcua-server";
import type { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import { ReadSize, trialAfterMs } from "../../../../packages/partition/src/protocols/opcua/read-size.ts";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { addDoubles, never, nodeNamed, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig } from "../../../plant/opcua-rig.ts";

const names = Array.from({ length: 125 }, (_, i) => `n${i}`);
/** Name, data type and rank of each, and the server's state. */
const questions = 3 * names.length + 1;

/** Connects and polls again after each failure, as the server's loop does; the failures. */
async function reach(of: OpcUaClient, wanted = names): Promise<readonly ServerError[]> {
  const failures: ServerError[] = [];
  for (;;) {
    try {
      await of.connect(never);
      const sink = new RecordingSink();
      await of.poll(sink, never);
      assert.deepEqual(
        wanted.map((_, index) => sink.values.get(index)?.value),
        wanted.map((_, index) => index),
      );
      return failures;
    } catch (error) {
      failures.push(error as ServerError);
      assert.ok(failures.length < 12, (error as Error).message);
      assert.equal(of.retryIntervalMs, 1000, "it will be asked for less, and soon");
    }
  }
}

test("of several requests in which a connection dies the largest counts, once", () => {
  const size = new ReadSize(undefined);
  for (const asked of [20, 200, 20]) size.sent(asked);
  size.ended(20);
  assert.equal(size.takeDeadly(), 200);
  assert.equal(size.takeDeadly(), undefined);
  size.ended(20);
  size.sent(7);
  assert.equal(size.takeDeadly(), 7);
});

describe("a server that does not say when a request is too large", () => {
  const nodes = names.map((name) => nodeNamed(name));
  const build = (built: OPCUAServer): void => addDoubles(built, names);
  const rig = new OpcUaRig({ policies: [], maxNodesPerRead: 0, build, client: { nodes } });
  let bears = Infinity;
  let reaction: "closes" | "is silent" = "closes";
  let asked: number[] = [];

  before(() => {
    const { engine } = rig.server;
    const read = engine.read.bind(engine);
    engine.read = async (context, request) => {
      const count = request.nodesToRead?.length ?? 0;
      asked.push(count);
      if (count > bears && reaction === "is silent") await new Promise(() => undefined);
      if (count > bears) for (const endpoint of rig.server.endpoints) endpoint.abruptlyInterruptChannels();
      return read(context, request);
    };
  });

  afterEach(() => {
    asked = [];
    bears = Infinity;
  });

  for (const [what, code] of [
    ["closes", "ConnectionFailed"],
    ["is silent", "Timeout"],
  ] as const) {
    test(`and ${what} is asked for less until it answers, also after the next connect`, async () => {
      [reaction, bears] = [what, 100];
      const of = rig.client({ timeoutMs: 1000 });
      const failures = await reach(of);
      assert.deepEqual(
        failures.map((failure) => failure.code),
        [questions, 188, 126].map(() => code),
      );
      assert.match(
        failures[0]?.message ?? "",
        /asked for 376 nodes at once, and will be for 188 at most; <maxNodesPerRead>/,
      );
      assert.equal(of.requestLimit, 63, "what status shows");
      await of.disconnect();
      asked = [];
      assert.deepEqual(await reach(of), []);
      assert.ok(Math.max(...asked) <= 100, String(asked));
    });
  }

  test("is asked for no more than <maxNodesPerRead> from the start", async () => {
    [reaction, bears] = ["closes", 60];
    assert.deepEqual(await reach(rig.client({ maxNodesPerRead: 60 })), []);
    assert.equal(Math.max(...asked), 60);
    asked = [];
    const few = names.slice(0, 10);
    assert.deepEqual(await reach(rig.client({ maxNodesPerRead: 1, nodes: nodes.slice(0, 10) }), few), []);
    assert.equal(Math.max(...asked), 1);
  });

  test("and closes between two polls has not refused anything", async () => {
    const of = await rig.connected();
    await of.poll(new RecordingSink(), never);
    for (let times = 0; times < 3; times++) {
      for (const endpoint of rig.server.endpoints) endpoint.abruptlyInterruptChannels();
      await assert.rejects(of.readValue("ns=1;s=n0"), { code: "ConnectionFailed" });
      await assert.rejects(of.poll(new RecordingSink(), never), { code: "ConnectionFailed" });
      await of.connect(never);
    }
    asked = [];
    await of.poll(new RecordingSink(), never);
    assert.deepEqual(asked, [names.length + 1]);
  });
});

describe("how many nodes are asked for", () => {
  let nowMs = 0;
  const sizeOf = (configured?: number): ReadSize => new ReadSize(configured, () => nowMs);

  test("is halved at once where so many were never answered", () => {
    const size = sizeOf();
    assert.deepEqual([size.nodes, size.died(1001), size.nodes], [1001, true, 501]);
    assert.deepEqual([size.died(501), size.nodes, size.halvings], [true, 251, 2]);
  });

  test("is halved for a number that was answered only when the connection dies in it twice in a row", () => {
    const size = sizeOf();
    for (let times = 0; times < 5; times++) {
      size.answered(1001);
      size.answered(3);
      assert.deepEqual([size.died(1001), size.nodes], [false, 1001]);
      size.answered(3);
    }
    assert.deepEqual([size.died(1001), size.nodes], [true, 501]);
  });

  test("is tried doubled after a while, until it is as before", () => {
    const size = sizeOf();
    size.died(1001);
    size.died(501);
    size.answered(251);
    assert.equal(size.nodes, 251);
    nowMs += trialAfterMs;
    size.answered(250);
    assert.equal(size.nodes, 251, "nothing was asked that shows whether more would be borne");
    size.answered(251);
    assert.equal(size.nodes, 502);
    size.answered(502);
    assert.equal(size.nodes, 502);
    nowMs += trialAfterMs;
    size.answered(502);
    assert.equal(size.nodes, 1001);
    size.answered(1001);
    assert.deepEqual([size.died(1001), size.nodes], [false, 1001]);
  });

  test("is settled when the trial ends the connection, too", () => {
    const size = sizeOf();
    size.died(1001);
    size.answered(501);
    nowMs += trialAfterMs;
    size.answered(501);
    assert.deepEqual([size.nodes, size.died(1001), size.nodes], [1001, true, 501]);
    for (let times = 0; times < 3; times++) {
      nowMs += trialAfterMs;
      size.answered(501);
    }
    assert.equal(size.nodes, 501);
  });

  test("is never more than the site and the server of this session allow, and never none", () => {
    const size = sizeOf(60);
    size.begin(7);
    assert.equal(size.nodes, 7);
    assert.equal(size.requestLimit, undefined, "nothing of that was learned");
    size.refused(7);
    assert.deepEqual([size.nodes, size.requestLimit], [4, 4]);
    size.begin(0);
    assert.deepEqual([size.nodes, size.requestLimit], [60, undefined]);
    const least = sizeOf();
    least.died(4);
    least.died(2);
    assert.equal(least.nodes, 2, "a server that does not bear three nodes is not reached in any case");
  });
});
