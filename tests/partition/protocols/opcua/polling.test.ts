import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OPCUAServer } from "node-opcua-server";
import { DataType, ReadRequest, ReadResponse, StatusCodes, Variant } from "node-opcua-client";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import { addConstant, addDoubles, never, nodeNamed, portOf, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";

type ReadStatus = (typeof StatusCodes)["BadNotReadable"];

const names = Array.from({ length: 25 }, (_, i) => `n${i}`);
const uris = ["urn:plant:one", "urn:plant:two"];

const rig = new OpcUaRig({
  policies: [],
  maxNodesPerRead: 10,
  build: (started) => {
    addDoubles(started, names);
    addLevels(started, uris);
  },
  client: { nodes: [] },
});

/** Namespaces in this order, each with a level that tells which one it is. */
function addLevels(server: OPCUAServer, inOrder: readonly string[]): void {
  for (const uri of inOrder) server.engine.addressSpace?.registerNamespace(uri);
  for (const uri of uris) addConstant(server, "level", text(uri), indexOf(server, uri));
}

function text(value: string): Variant {
  return new Variant({ dataType: DataType.String, value });
}

function indexOf({ engine }: OPCUAServer, uri: string): number {
  return engine.addressSpace?.getNamespaceIndex(uri) ?? -1;
}

/** Sizes of the Read requests that the server sees while `body` runs. */
async function readSizes(body: () => Promise<void>): Promise<number[]> {
  const sizes: number[] = [];
  const onRequest = (request: unknown): void => {
    if (request instanceof ReadRequest) sizes.push(request.nodesToRead?.length ?? 0);
  };
  await rig.during("request", onRequest, body);
  return sizes;
}

function withResponses<T>(change: (response: ReadResponse) => void, body: () => Promise<T>): Promise<T> {
  return rig.during("response", (response) => void (response instanceof ReadResponse && change(response)), body);
}

const twentyFive = { nodes: names.map((name) => nodeNamed(name)) };

describe("a poll", () => {
  test("brings every value to its own point, in batches that the server allows", async () => {
    const of = await rig.connected(twentyFive);
    let sink = new RecordingSink();
    const sizes = await readSizes(async () => {
      sink = await polled(of);
    });
    assert.deepEqual(sizes, [10, 10, 6], "the server's state beside the last five");
    names.forEach((_, i) => assert.deepEqual(sink.values.get(i), { type: BuiltInType.Double, value: i }));
    assert.ok((sink.timestamps.get(0)?.unixMs ?? 0) > 0, "source timestamps are asked for");
  });

  test("of several intervals has a Read for each, and every value comes to its own point", async () => {
    rig.maxNodesPerRead(0);
    try {
      const nodes = names.map((name, i) => ({ ...nodeNamed(name), intervalMs: i % 5 === 0 ? 100 : undefined }));
      const of = await rig.connected({
        nodes: [...nodes, { ...nodeNamed("none"), intervalMs: 100 }],
        intervalMs: 5000,
      });
      let sink = new RecordingSink();
      const sizes = await readSizes(async () => {
        sink = await polled(of);
      });
      assert.deepEqual(sizes, [7, 21], "each with the server's state");
      names.forEach((_, i) => assert.deepEqual(sink.values.get(i), { type: BuiltInType.Double, value: i }));
      assert.equal(sink.status(names.length), StatusCode.BadNodeIdUnknown);
    } finally {
      rig.maxNodesPerRead(10);
    }
  });

  test("halves its batches when the server takes less than it says, and remembers it", async () => {
    const of = await rig.connected(twentyFive);
    rig.maxNodesPerRead(3);
    try {
      let sink = new RecordingSink();
      const first = await readSizes(async () => {
        sink = await polled(of);
      });
      assert.deepEqual(first.slice(0, 3), [10, 5, 3]);
      names.forEach((_, i) => assert.deepEqual(sink.values.get(i), { type: BuiltInType.Double, value: i }));
      const second = await readSizes(async () => void (await polled(of)));
      assert.deepEqual(second, [3, 3, 3, 3, 3, 3, 3, 3, 2]);
    } finally {
      rig.maxNodesPerRead(10);
    }
  });

  test("leaves the neighbours of a missing node alone", async () => {
    const sink = await polled(await rig.connected({ nodes: [nodeNamed("n1"), nodeNamed("gone"), nodeNamed("n2")] }));
    assert.deepEqual(
      [0, 1, 2].map((i) => sink.values.get(i)?.value),
      [1, undefined, 2],
    );
    assert.equal(sink.statuses.get(1), StatusCode.BadNodeIdUnknown);
  });

  test("tells of nodes that the server refuses, once, when three polls in a row did", async () => {
    const absent = Array.from({ length: 12 }, (_, index) => nodeNamed(`gone${index}`));
    const elsewhere = nodeNamed("level", { namespace: { uri: "urn:plant:none" } });
    const of = await rig.connected({ nodes: [nodeNamed("n1"), ...absent, elsewhere] });
    const refusals = (): string[] => rig.logged.filter((line) => line.includes("refuses the values"));
    await polled(of);
    await polled(of);
    assert.deepEqual(refusals(), []);
    for (let round = 0; round < 5; round++) await polled(of);
    await of.connect(never);
    for (let round = 0; round < 5; round++) await polled(of);
    const [first, ...more] = refusals();
    assert.deepEqual(more, []);
    assert.match(first ?? "", /^warn the server refuses the values of .*ns=\d;s=gone0 "/);
    assert.match(first ?? "", / and 2 others: BadNodeIdUnknown, the server has no such node; check <Identifier>/);
    assert.match(first ?? "", /nsu=urn:plant:none;s=level ".*": the server has no namespace with this URI/);
  });

  test("a node that is refused now and then is not told of, nor one that is bad for the plant's reasons", async () => {
    const of = await rig.connected({ nodes: [nodeNamed("n1")] });
    rig.logged.length = 0;
    const answering = (status: ReadStatus, rounds: number): Promise<void> =>
      withResponses(
        ({ results }) => {
          for (const result of results ?? []) result.statusCode = status;
        },
        async () => {
          for (let round = 0; round < rounds; round++) await polled(of);
        },
      );
    for (let round = 0; round < 3; round++) {
      await answering(StatusCodes.BadNodeIdUnknown, 2);
      await polled(of);
    }
    await answering(StatusCodes.BadSensorFailure, 5);
    assert.deepEqual(rig.logged, []);
    await answering(StatusCodes.BadNotReadable, 3);
    assert.match(
      rig.logged.join(),
      /^warn the server refuses the values of .*: BadNotReadable, the server lets nobody read/,
    );
  });

  test("passes statuses and timestamps on", async () => {
    const of = await rig.connected({ nodes: [nodeNamed("n1"), nodeNamed("n2"), nodeNamed("n3")] });
    let sink = new RecordingSink();
    await withResponses(
      ({ results }) => {
        const [uncertain, bad, good] = results ?? [];
        if (uncertain === undefined || bad === undefined || good === undefined) return;
        uncertain.statusCode = StatusCodes.UncertainLastUsableValue;
        bad.statusCode = StatusCodes.BadSensorFailure;
        good.sourceTimestamp = new Date(1234);
        good.sourcePicoseconds = 567_800_000;
      },
      async () => {
        sink = await polled(of);
      },
    );
    assert.deepEqual(sink.values.get(0), { type: BuiltInType.Double, value: 1 });
    assert.equal(sink.statuses.get(0), StatusCodes.UncertainLastUsableValue.value);
    assert.equal(sink.values.get(1), undefined);
    assert.equal(sink.statuses.get(1), StatusCodes.BadSensorFailure.value);
    assert.deepEqual(sink.timestamps.get(2), { unixMs: 1234, subMsNs: 567_800 });
  });

  test("never shifts values when the server answers too few results", async () => {
    const of = await rig.connected(twentyFive);
    const sink = new RecordingSink();
    await withResponses(
      (response) => void response.results?.shift(),
      () => assert.rejects(of.poll(sink, never), (error: ServerError) => error.code === "ProtocolViolation"),
    );
    assert.equal(sink.values.size, 0);
  });

  test("takes a fault of the server for one request as an answer about its points", async () => {
    const of = await rig.connected(twentyFive);
    let reads = 0;
    let sink = new RecordingSink();
    await withResponses(
      (response) => {
        if (++reads === 2) response.responseHeader.serviceResult = StatusCodes.BadOutOfService;
      },
      async () => {
        sink = await polled(of);
      },
    );
    names.forEach((_, i) => {
      const isFaulted = i >= 10 && i < 20;
      assert.equal(sink.statuses.get(i), isFaulted ? StatusCode.BadOutOfService : 0);
    });
  });

  test("rejects when the server has closed the session, and no new session is opened behind our back", async () => {
    const of = await rig.connected(twentyFive);
    const opened = rig.server.engine.cumulatedSessionCount;
    for (const session of rig.server.engine.getSessions())
      rig.server.engine.closeSession(session.authenticationToken, true, "Terminated");
    await assert.rejects(
      of.poll(new RecordingSink(), never),
      (error: ServerError) => error.code === "ConnectionFailed",
    );
    assert.equal(rig.server.engine.cumulatedSessionCount, opened);
    await of.connect(never);
    assert.equal((await polled(of)).values.size, 25);
  });

  test("rejects when there is no connection", async () => {
    const unconnected = rig.client();
    await assert.rejects(
      unconnected.poll(new RecordingSink(), never),
      (error: ServerError) => error.code === "ConnectionFailed",
    );
  });
});

describe("a session", () => {
  test("teaches keys, types and room; a node without a browse name keeps its display name", async () => {
    const of = await rig.connected({
      nodes: [nodeNamed("n1"), nodeNamed("gone"), nodeNamed("n2", { type: BuiltInType.Float })],
    });
    assert.deepEqual(
      of.points.map(({ key }) => key),
      ["1:n1", "1:Display gone", "1:n2"],
    );
    assert.equal(of.points[2]?.type, BuiltInType.Float, "BaseDataType teaches nothing");
    const before = of.points;
    await of.connect(never);
    assert.equal(of.points, before, "nothing new: the same list");
  });

  test("finds namespaces by URI, again at every connect", async () => {
    const nodes = uris.map((uri) => nodeNamed("level", { namespace: { uri } }));
    const unknown = nodeNamed("level", { namespace: { uri: "urn:plant:none" } });
    const first = await rig.connected({ nodes: [...nodes, unknown] });
    const sink = await polled(first);
    assert.deepEqual(
      [0, 1].map((i) => sink.values.get(i)?.value),
      uris,
    );
    assert.equal(sink.statuses.get(2), StatusCode.BadNodeIdUnknown);
    assert.deepEqual(
      first.points.map(({ key }) => key),
      [...uris.map((uri) => `${indexOf(rig.server, uri)}:level`), "urn:plant:none:Display level"],
    );
    const build = (started: OPCUAServer): void => addLevels(started, uris.toReversed());
    const other = await rig.another({ policies: [], build });
    let target = portOf(rig.url);
    const proxy = await rig.proxy(() => target);
    const moved = await rig.connected({ nodes }, proxy.url);
    const keysBefore = moved.points.map(({ key }) => key);
    await moved.disconnect();
    target = portOf(other.url);
    await moved.connect(never);
    const values = (await polled(moved)).values;
    assert.deepEqual(
      [0, 1].map((i) => values.get(i)?.value),
      uris,
    );
    assert.deepEqual(
      moved.points.map(({ key }) => key),
      keysBefore.toReversed(),
    );
  });

  test("reads a single node on demand", async () => {
    const of = await rig.connected({});
    assert.deepEqual((await of.readValue("ns=1;s=n7")).value, { type: BuiltInType.Double, value: 7 });
    assert.equal((await of.readValue("ns=1;s=gone")).status, StatusCode.BadNodeIdUnknown);
    await assert.rejects(of.readValue("nonsense"), (error: ServerError) => /not a node id/.test(error.message));
  });
});
