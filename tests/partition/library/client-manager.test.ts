import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ClientManager } from "../../../packages/partition/src/library/client-manager.ts";
import { until as untilTrue } from "../../until.ts";
import { OwnImages, TestSource, untilAborted } from "../sources/test-source.ts";
import { ConsumerPair, openConsumerPair } from "../../../packages/documents/src/consumer-pair.ts";
import { consumerPairNames } from "../../../packages/documents/src/consumer-names.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";
import { readFileSync } from "node:fs";

interface Server {
  readonly alias: string;
  readonly port: number;
  readonly location: { readonly line: number };
}

class TestManager extends ClientManager<Server, TestSource> {
  protected readonly service = "modbus";
  readonly created: TestSource[] = [];
  prepare = (_client: TestSource): void => {};

  override setServers(servers: readonly Server[]): void {
    super.setServers(servers);
  }

  protected createClient({ alias }: Server): TestSource {
    const client = new TestSource(alias, "x");
    this.prepare(client);
    this.created.push(client);
    return client;
  }
}

const server = (alias: string, port = 502, line = 1): Server => ({ alias, port, location: { line } });
const watchdog = { timeout: 200_000 };

function setUp(t: TestContext) {
  const pairs = ConsumerPair.createAll(consumerPairNames("modbus", ["a", "b"], ownPrefix(t)), 4096);
  const halves = pairs.map((pair) => openConsumerPair(pair.handle()));
  const manager = new TestManager();
  t.after(async () => {
    await manager.stopClients();
    for (const { guard } of halves) guard.close();
    for (const pair of pairs) pair.close();
  });
  const text = (index: number): string => readFileSync(`/dev/shm/${pairs[index]!.names.segmentName}`, "utf8");
  const segments = halves.map(({ segment }) => segment);
  const guards = halves.map(({ guard }) => guard);
  return { manager, segments, guards, text };
}

async function until(condition: () => boolean): Promise<void> {
  await untilTrue(String(condition), condition, { lookAgainMs: 2 });
}

test("connections begin at once, all at the same time, and periodicRead takes them over", watchdog, async (t) => {
  const { manager, segments, guards, text } = setUp(t);
  manager.prepare = (client) => {
    if (client.alias === "hung") client.onConnect = untilAborted;
  };
  manager.setServers([server("hung"), server("A")]);
  manager.startClients();
  assert.deepEqual(
    manager.clients.map(({ events }) => events),
    [["connect"], ["connect"]],
  );
  const reading = manager.periodicRead(0.02, segments, guards);
  await until(() => [0, 1].every((index) => text(index).includes('"A: x"')));
  assert.deepEqual(manager.created[1]!.events.slice(0, 2), ["connect", "poll"]);
  await manager.stopClients();
  await reading;
  assert.match(text(0), /"Connections:A":\{"value":false/);
});

test(
  "servers whose configuration did not change keep their client, wherever they stand in the file",
  watchdog,
  async (t) => {
    const { manager, segments, guards, text } = setUp(t);
    manager.setServers([server("A"), server("B")]);
    void manager.periodicRead(0.02, segments, guards);
    await until(() => text(0).includes('"B: x"'));
    const [a, b] = manager.created;
    manager.setServers([server("B", 502, 99), server("A", 503)]);
    await until(() => manager.created[2]?.polls !== undefined && manager.created[2].polls > 1);
    assert.equal(manager.created.length, 3);
    assert.deepEqual(manager.clients, [b, manager.created[2]]);
    assert.equal(a!.events.at(-1), "disconnect");
    assert.deepEqual(
      b!.events.filter((event) => event !== "poll"),
      ["connect"],
    );
  },
);

test("servers and segments that change while the image is made are not lost", watchdog, async (t) => {
  const { manager, segments, guards, text } = setUp(t);
  const images = new OwnImages();
  const [asked, memory] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  images.before = () => {
    asked.resolve();
    return memory.promise;
  };
  manager.setServers([server("A"), server("B")]);
  manager.startClients();
  void manager.periodicRead(0.02, segments.slice(0, 1), guards.slice(0, 1), { image: images });
  await asked.promise;
  manager.setServers([server("B"), server("C")]);
  manager.setTargets(segments.slice(1), guards.slice(1));
  memory.resolve();
  await until(() => text(1).includes('"C: x"') && text(1).includes('"B: x"'));
  assert.ok(!text(1).includes('"A: x"'));
  assert.equal(manager.created[0]!.events.at(-1), "disconnect");
});

test("stopped while the image is made, it ends, with everything closed", watchdog, async (t) => {
  const { manager, segments, guards, text } = setUp(t);
  const images = new OwnImages();
  const [asked, memory] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  images.before = () => {
    asked.resolve();
    return memory.promise;
  };
  manager.setServers([server("A")]);
  manager.startClients();
  const reading = manager.periodicRead(0.02, segments, guards, { image: images });
  await asked.promise;
  const stopped = manager.stopClients();
  memory.resolve();
  await stopped;
  await reading;
  assert.match(text(0), /^\{"Connections:A":\{"value":false/);
  assert.deepEqual(manager.created[0]!.events, ["connect", "disconnect"]);
});

test("a manager that was stopped can be started again", watchdog, async (t) => {
  const { manager, segments, guards, text } = setUp(t);
  manager.setServers([server("A")]);
  for (const _ of [1, 2]) {
    manager.startClients();
    const reading = manager.periodicRead(0.02, segments, guards);
    await until(() => text(0).includes('"A: x"'));
    await manager.stopClients();
    await reading;
    assert.ok(!text(0).includes('"A: x"'));
  }
});

test("clients that were started and never read are disconnected, too", async () => {
  const manager = new TestManager();
  manager.setServers([server("A")]);
  manager.startClients();
  await manager.stopClients();
  assert.deepEqual(manager.created[0]!.events, ["connect", "disconnect"]);
});
