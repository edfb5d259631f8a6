import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { DataType, DataValue, ReadRequest, ServerState, StatusCodes, Variant } from "node-opcua-client";
import { requireRunning } from "../../../../packages/partition/src/protocols/opcua/server-state.ts";
import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { addDoubles, never, nodeNamed, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";

const names = Array.from({ length: 7 }, (_, i) => `n${i}`);
const silent = [
  ServerState.Failed,
  ServerState.NoConfiguration,
  ServerState.Suspended,
  ServerState.Shutdown,
  ServerState.Test,
  ServerState.Unknown,
];

const rig = new OpcUaRig({
  policies: [],
  build: (started) => addDoubles(started, names),
  client: { nodes: names.map((name) => nodeNamed(name)) },
});

afterEach(() => {
  rig.server.engine.setServerState(ServerState.Running);
  rig.maxNodesPerRead(1000);
});

function saysThatItIs(state: string) {
  return (error: ServerError): boolean =>
    error.code === "ServiceFault" &&
    error.message.endsWith(`the server says that it is ${state}: its values are not taken`);
}

async function requestsWhile(body: () => Promise<void>): Promise<number> {
  let requests = 0;
  await rig.during("request", (request) => void (request instanceof ReadRequest && requests++), body);
  return requests;
}

describe("a server that does not run", () => {
  test("is not polled, not connected to and not asked for a single value, whatever its state is called", async () => {
    const of = await rig.connected();
    for (const state of silent) {
      rig.server.engine.setServerState(state);
      const isExpected = saysThatItIs(ServerState[state]);
      await assert.rejects(of.poll(new RecordingSink(), never), isExpected);
      await assert.rejects(of.readValue("ns=1;s=n3"), isExpected);
      await assert.rejects(rig.client().connect(never), isExpected);
    }
    rig.server.engine.setServerState(ServerState.Running);
    const sink = await polled(of);
    assert.equal(sink.values.size, names.length);
    await of.disconnect();
  });

  test("is asked with the values: no request more", async () => {
    const of = await rig.connected();
    assert.equal(await requestsWhile(() => of.poll(new RecordingSink(), never)), 1);
  });

  test("is found within ten polls where every request is full already", async () => {
    for (const limit of [1, 7]) {
      rig.maxNodesPerRead(limit);
      const of = await rig.connected();
      const polls = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) await of.poll(new RecordingSink(), never);
      };
      assert.equal(await requestsWhile(() => polls(10)), (10 * names.length) / limit + 1);
      rig.server.engine.setServerState(ServerState.Suspended);
      await assert.rejects(polls(10), saysThatItIs("Suspended"));
      rig.server.engine.setServerState(ServerState.Running);
      await of.disconnect();
    }
  });
});

function stateOf(value: Partial<Variant>, statusCode = StatusCodes.Good): DataValue {
  const state = new DataValue({ statusCode });
  state.value = new Variant(value);
  return state;
}

test("a server runs that has lost devices only, was not asked, does not have the node or answers no state", () => {
  const address = { alias: "Server", endpointUrl: "opc.tcp://127.0.0.1:1" };
  for (const state of [
    undefined,
    stateOf({ dataType: DataType.Int32, value: ServerState.Running }),
    stateOf({ dataType: DataType.Int32, value: ServerState.CommunicationFault }),
    stateOf({ dataType: DataType.Int32, value: ServerState.Failed }, StatusCodes.BadNodeIdUnknown),
    stateOf({ dataType: DataType.Int32, value: ServerState.Failed }, StatusCodes.BadUserAccessDenied),
    stateOf({ dataType: DataType.Null }),
    stateOf({ dataType: DataType.String, value: "Failed" }),
  ])
    requireRunning(state, address);
  const unknown = stateOf({ dataType: DataType.Int32, value: 99 });
  assert.throws(() => requireRunning(unknown, address), saysThatItIs("in the unknown state 99"));
});
