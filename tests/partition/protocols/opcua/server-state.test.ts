import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { DataType, DataValue, ReadRequest, ServerState, StatusCodes, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import { requireRunning } from "../../../../packages/partition/src/protocols/opcua/server-state.ts";
import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import {
  addDoubles,
  certificateIn,
  configuredServer,
  never,
  nodeNamed,
  RecordingSink,
  startServer,
  temporaryFolder,
} from "../../../plant/opcua-server.ts";

const names = Array.from({ length: 7 }, (_, i) => `n${i}`);
const silent = [
  ServerState.Failed,
  ServerState.NoConfiguration,
  ServerState.Suspended,
  ServerState.Shutdown,
  ServerState.Test,
  ServerState.Unknown,
];

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
    build: (started) => addDoubles(started, names),
  }));
});

after(async () => {
  await server.shutdown(0);
  await folder.remove();
});

afterEach(async () => {
  server.engine.setServerState(ServerState.Running);
  maxNodesPerRead(1000);
  await client?.disconnect();
});

function maxNodesPerRead(value: number): void {
  server.engine.serverCapabilities.operationLimits.maxNodesPerRead = value;
}

function clientOf(nodes: readonly string[]): OpcUaClient {
  const configured = configuredServer(url, { nodes: nodes.map((name) => nodeNamed(name)) });
  client = new OpcUaClient(configured, { directory: join(folder.path, "certificates") });
  return client;
}

function saysThatItIs(state: string) {
  return (error: ServerError): boolean =>
    error.code === "ServiceFault" &&
    error.message.endsWith(`the server says that it is ${state}: its values are not taken`);
}

async function requestsWhile(body: () => Promise<void>): Promise<number> {
  let requests = 0;
  const onRequest = (request: unknown): void => void (request instanceof ReadRequest && requests++);
  server.on("request", onRequest);
  await body();
  server.off("request", onRequest);
  return requests;
}

describe("a server that does not run", () => {
  test("is not polled, not connected to and not asked for a single value, whatever its state is called", async () => {
    const of = clientOf(names);
    await of.connect(never);
    for (const state of silent) {
      server.engine.setServerState(state);
      const isExpected = saysThatItIs(ServerState[state]);
      await assert.rejects(of.poll(new RecordingSink(), never), isExpected);
      await assert.rejects(of.readValue("ns=1;s=n3"), isExpected);
      await assert.rejects(clientOf(names).connect(never), isExpected);
    }
    server.engine.setServerState(ServerState.Running);
    const sink = new RecordingSink();
    await of.poll(sink, never);
    assert.equal(sink.values.size, names.length);
    await of.disconnect();
  });

  test("is asked with the values: no request more", async () => {
    const of = clientOf(names);
    await of.connect(never);
    assert.equal(await requestsWhile(() => of.poll(new RecordingSink(), never)), 1);
  });

  test("is found within ten polls where every request is full already", async () => {
    for (const limit of [1, 7]) {
      maxNodesPerRead(limit);
      const of = clientOf(names);
      await of.connect(never);
      const polls = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) await of.poll(new RecordingSink(), never);
      };
      assert.equal(await requestsWhile(() => polls(10)), (10 * names.length) / limit + 1);
      server.engine.setServerState(ServerState.Suspended);
      await assert.rejects(polls(10), saysThatItIs("Suspended"));
      server.engine.setServerState(ServerState.Running);
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
