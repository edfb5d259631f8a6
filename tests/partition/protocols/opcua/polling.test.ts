import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { DataType, ReadRequest, ReadResponse, StatusCodes, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type { OpcUaServer } from "../../../../packages/partition/src/configuration/configuration.ts";
import { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import {
  addConstant,
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
import type { CertificateFiles } from "../../../plant/opcua-server.ts";

type ReadStatus = (typeof StatusCodes)["BadNotReadable"];

const names = Array.from({ length: 25 }, (_, i) => `n${i}`);
const uris = ["urn:plant:one", "urn:plant:two"];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let certificate: CertificateFiles;
let server: OPCUAServer;
let url: string;
const clients: OpcUaClient[] = [];

before(async () => {
  folder = await temporaryFolder();
  certificate = await certificateIn(folder.path, "server");
  ({ server, url } = await startServer({
    folder: join(folder.path, "server"),
    certificate,
    policies: [],
    maxNodesPerRead: 10,
    build: (started) => {
      addDoubles(started, names);
      for (const uri of uris) started.engine.addressSpace?.registerNamespace(uri);
      for (const uri of uris) addConstant(started, "level", text(uri), indexOf(started, uri));
    },
  }));
});

after(async () => {
  await server.shutdown(0);
  await folder.remove();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.disconnect();
});

function text(value: string): Variant {
  return new Variant({ dataType: DataType.String, value });
}

function indexOf({ engine }: OPCUAServer, uri: string): number {
  return engine.addressSpace?.getNamespaceIndex(uri) ?? -1;
}

async function connected(change: Partial<OpcUaServer>, address = url, logged: string[] = []): Promise<OpcUaClient> {
  const client = new OpcUaClient(configuredServer(address, change), {
    directory: join(folder.path, "certificates"),
    log: (level, message) => void logged.push(`${level} ${message}`),
  });
  clients.push(client);
  await client.connect(never);
  return client;
}

async function polled(of: OpcUaClient): Promise<RecordingSink> {
  const sink = new RecordingSink();
  await of.poll(sink, never);
  return sink;
}

/** Sizes of the Read requests that the server sees while `body` runs. */
async function readSizes(body: () => Promise<void>): Promise<number[]> {
  const sizes: number[] = [];
  const onRequest = (request: unknown): void => {
    if (request instanceof ReadRequest) sizes.push(request.nodesToRead?.length ?? 0);
  };
  server.on("request", onRequest);
  try {
    await body();
  } finally {
    server.off("request", onRequest);
  }
  return sizes;
}

async function withResponses(change: (response: ReadResponse) => void, body: () => Promise<void>): Promise<void> {
  const onResponse = (response: unknown): void => {
    if (response instanceof ReadResponse) change(response);
  };
  server.on("response", onResponse);
  try {
    await body();
  } finally {
    server.off("response", onResponse);
  }
}

function maxNodesPerRead(value: number): void {
  server.engine.serverCapabilities.operationLimits.maxNodesPerRead = value;
}

const twentyFive = { nodes: names.map((name) => nodeNamed(name)) };

describe("a poll", () => {
  test("brings every value to its own point, in batches that the server allows", async () => {
    const of = await connected(twentyFive);
    let sink = new RecordingSink();
    const sizes = await readSizes(async () => {
      sink = await polled(of);
    });
    assert.deepEqual(sizes, [10, 10, 6], "the server's state beside the last five");
    names.forEach((_, i) => assert.deepEqual(sink.values.get(i), { type: BuiltInType.Double, value: i }));
    assert.ok((sink.timestamps.get(0)?.unixMs ?? 0) > 0, "source timestamps are asked for");
  });

  test("halves its batches when the server takes less than it says, and remembers it", async () => {
    const of = await connected(twentyFive);
    maxNodesPerRead(3);
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
      maxNodesPerRead(10);
    }
  });

  test("leaves the neighbours of a missing node alone", async () => {
    const sink = await polled(await connected({ nodes: [nodeNamed("n1"), nodeNamed("gone"), nodeNamed("n2")] }));
    assert.deepEqual(
      [0, 1, 2].map((i) => sink.values.get(i)?.value),
      [1, undefined, 2],
    );
    assert.equal(sink.statuses.get(1), StatusCode.BadNodeIdUnknown);
  });

  test("tells of nodes that the server refuses, once, when three polls in a row did", async () => {
    const logged: string[] = [];
    const absent = Array.from({ length: 12 }, (_, index) => nodeNamed(`gone${index}`));
    const elsewhere = nodeNamed("level", { namespace: { uri: "urn:plant:none" } });
    const of = await connected({ nodes: [nodeNamed("n1"), ...absent, elsewhere] }, url, logged);
    const refusals = (): string[] => logged.filter((line) => line.includes("refuses the values"));
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
    const logged: string[] = [];
    const of = await connected({ nodes: [nodeNamed("n1")] }, url, logged);
    logged.length = 0;
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
    assert.deepEqual(logged, []);
    await answering(StatusCodes.BadNotReadable, 3);
    assert.match(
      logged.join(),
      /^warn the server refuses the values of .*: BadNotReadable, the server lets nobody read/,
    );
  });

  test("passes statuses and timestamps on", async () => {
    const of = await connected({ nodes: [nodeNamed("n1"), nodeNamed("n2"), nodeNamed("n3")] });
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
    const of = await connected(twentyFive);
    const sink = new RecordingSink();
    await withResponses(
      (response) => void response.results?.shift(),
      () => assert.rejects(of.poll(sink, never), (error: ServerError) => error.code === "ProtocolViolation"),
    );
    assert.equal(sink.values.size, 0);
  });

  test("takes a fault of the server for one request as an answer about its points", async () => {
    const of = await connected(twentyFive);
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
    const of = await connected(twentyFive);
    const opened = server.engine.cumulatedSessionCount;
    for (const session of server.engine.getSessions())
      server.engine.closeSession(session.authenticationToken, true, "Terminated");
    await assert.rejects(
      of.poll(new RecordingSink(), never),
      (error: ServerError) => error.code === "ConnectionFailed",
    );
    assert.equal(server.engine.cumulatedSessionCount, opened);
    await of.connect(never);
    assert.equal((await polled(of)).values.size, 25);
  });

  test("rejects when there is no connection", async () => {
    const unconnected = new OpcUaClient(configuredServer(url), { directory: folder.path });
    await assert.rejects(
      unconnected.poll(new RecordingSink(), never),
      (error: ServerError) => error.code === "ConnectionFailed",
    );
  });
});

describe("a session", () => {
  test("teaches keys, types and room; a node without a browse name keeps its display name", async () => {
    const of = await connected({
      nodes: [nodeNamed("n1"), nodeNamed("gone"), nodeNamed("n2", { type: BuiltInType.Float })],
    });
    assert.deepEqual(
      of.points.map(({ key }) => key),
      ["1:n1", "1:Display gone", "1:n2"],
    );
    assert.equal(of.points[2]?.type, BuiltInType.Float, "BaseDataType teaches nothing");
    const learned = of.points;
    await of.connect(never);
    assert.equal(of.points, learned, "nothing new: the same list");
  });

  test("finds namespaces by URI, again at every connect", async () => {
    const nodes = uris.map((uri) => nodeNamed("level", { namespace: { uri } }));
    const unknown = nodeNamed("level", { namespace: { uri: "urn:plant:none" } });
    const first = await connected({ nodes: [...nodes, unknown] });
    const sink = await polled(first);
    assert.deepEqual(
      [0, 1].map((i) => sink.values.get(i)?.value),
      uris,
    );
    assert.equal(sink.statuses.get(2), StatusCode.BadNodeIdUnknown);
    assert.deepEqual(
      first.points.map(({ key }) => key),
      [...uris.map((uri) => `${indexOf(server, uri)}:level`), "urn:plant:none:Display level"],
    );
    const other = await startServer({
      folder: join(folder.path, "other"),
      certificate,
      policies: [],
      build: (started) => {
        for (const uri of uris.toReversed()) started.engine.addressSpace?.registerNamespace(uri);
        for (const uri of uris) addConstant(started, "level", text(uri), indexOf(started, uri));
      },
    });
    let target = portOf(url);
    const proxy = await TcpProxy.start(() => target);
    try {
      const moved = await connected({ nodes }, proxy.url);
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
      await moved.disconnect();
    } finally {
      await proxy.close();
      await other.server.shutdown(0);
    }
  });

  test("reads a single node on demand", async () => {
    const of = await connected({});
    assert.deepEqual((await of.readValue("ns=1;s=n7")).value, { type: BuiltInType.Double, value: 7 });
    assert.equal((await of.readValue("ns=1;s=gone")).status, StatusCode.BadNodeIdUnknown);
    await assert.rejects(of.readValue("nonsense"), (error: ServerError) => /not a node id/.test(error.message));
  });
});
