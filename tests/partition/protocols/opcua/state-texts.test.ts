// The texts of variables that have their own, at a real server.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { TranslateBrowsePathsToNodeIdsRequest } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { OpcUaSource } from "../../../../packages/partition/src/protocols/opcua/opcua-source.ts";
import type { GroupReports } from "../../../../packages/partition/src/sources/source.ts";
import { addDoubles, configuredServer, never, nodeNamed, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig } from "../../../plant/opcua-rig.ts";

function build(server: OPCUAServer): void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  const namespace = addressSpace.getOwnNamespace();
  const place = (name: string) => ({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: `s=${name}`,
    browseName: name,
  });
  addDoubles(server, ["plain"]);
  namespace.addTwoStateDiscrete({ ...place("valve"), trueState: "Open", falseState: "Closed", value: true });
  namespace.addMultiStateDiscrete({ ...place("mode"), enumStrings: ["Off", "Manual", "Automatic"], value: 1 });
  namespace.addMultiStateValueDiscrete({
    ...place("alarm"),
    enumValues: [
      { displayName: "None", value: 0 },
      { displayName: "High high", value: 400 },
    ],
    value: 400,
  });
}

const rig = new OpcUaRig({ policies: [], build });
const names = ["valve", "mode", "alarm", "plain"];
const texts = ["0=Closed\n1=Open", "0=Off\n1=Manual\n2=Automatic", "0=None\n400=High high", undefined];

/** Nothing is polled. */
const idle: GroupReports = {
  publish: () => () => true,
  wantsAgain: undefined,
  everyTick: async (_read, signal) => void (signal.aborted || (await once(signal, "abort"))),
};

function sourceOf(nodes = names): OpcUaSource {
  const configured = configuredServer(rig.url, { nodes: nodes.map((name) => nodeNamed(name)) });
  return new OpcUaSource(configured, { directory: rig.directory });
}

/** Resolves when a session has read every text. */
async function readTexts(t: TestContext, source: OpcUaSource): Promise<void> {
  const session = await source.connect(never);
  t.after(() => session.close());
  const before = source.points;
  const stop = new AbortController();
  const failures: unknown[] = [];
  const reports = {
    groups: source.groups.map(() => idle),
    alive: () => {},
    failed: (error: unknown) => failures.push(error),
  };
  const running = session.run(reports, stop.signal);
  while (source.points === before) await Promise.race([turn(), running]);
  stop.abort();
  await running;
  await session.close();
  assert.deepEqual(failures, []);
}

function textsOf(source: OpcUaSource): readonly (string | undefined)[] {
  return source.points.map(({ enumeration }) => enumeration);
}

test("a Boolean has the texts of its two states, a number those of its strings or values, and others have none", async (t) => {
  const source = sourceOf();
  await readTexts(t, source);
  assert.deepEqual(textsOf(source), texts);
});

test("the next session begins with the texts of the last one", async (t) => {
  const source = sourceOf();
  await readTexts(t, source);
  const session = await source.connect(never);
  t.after(() => session.close());
  assert.deepEqual(textsOf(source), texts);
});

test("nothing is asked about variables that cannot have texts", async (t) => {
  const source = sourceOf(["plain"]);
  let asked = 0;
  const see = (request: unknown): void =>
    void (asked += request instanceof TranslateBrowsePathsToNodeIdsRequest ? 1 : 0);
  await rig.during("request", see, async () => {
    const session = await source.connect(never);
    t.after(() => session.close());
    const stop = new AbortController();
    // What is asked beside the polls is on its way before the second of them.
    const everyTick: GroupReports["everyTick"] = async (read) => {
      for (let poll = 0; poll < 2; poll++) await read(new RecordingSink());
      stop.abort();
    };
    await session.run({ groups: [{ ...idle, everyTick }], alive: () => {}, failed: () => {} }, stop.signal);
  });
  assert.equal(asked, 0);
});
