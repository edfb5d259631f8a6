import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { mappedMemory } from "../../../packages/image/src/image-memory.ts";
import { healthOf } from "../../../packages/image/src/health.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import type { ServiceName } from "../../../packages/image/src/service-name.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import type { Protocol } from "../../../packages/partition/src/protocols/protocol.ts";
import { protocolNamed, protocols } from "../../../packages/partition/src/protocols/registry.ts";
import { Acquisition } from "../../../packages/partition/src/sources/acquisition.ts";
import type { ImageProvider } from "../../../packages/partition/src/sources/image-generations.ts";
import { KeyBook } from "../../../packages/partition/src/sources/key-book.ts";
import { pollGroups, type Source } from "../../../packages/partition/src/sources/source.ts";
import { pointOf } from "../../image/sample-image.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";

const log = (): void => {};

/** A protocol whose servers count: all that one needs to say to be acquired, shown and watched. */
const counting: Protocol = {
  name: "counting" as ServiceName,
  imageCode: 200,
  fileHolds: "servers that count",
  remembersNames: false,
  prepare: (configuration) => configuration,
  describe: () => [],
  loadClient: () =>
    Promise.resolve({
      prepareThread: () => {},
      sources:
        () =>
        ({ alias }) =>
          sourceOf(alias),
    }),
};

function sourceOf(alias: string): Source {
  let polls = 0;
  return {
    alias,
    connection: { key: `Counting Connections:${alias}`, description: "Connection status" },
    isInsecure: undefined,
    retryIntervalMs: 1000,
    points: [pointOf(`${alias}: polls`)],
    groups: [{ name: "", intervalMs: undefined, points: [0] }],
    facts: {},
    connect: () =>
      Promise.resolve({
        run: (reports, signal) =>
          pollGroups(reports, signal, (_group, sink) => {
            sink.setNumber(0, BuiltInType.UInt32, ++polls);
            return Promise.resolve();
          }),
        close: () => Promise.resolve(),
      }),
  };
}

/** An image in shared memory under its own name. */
function imageNamed(t: TestContext, name: string): ImageProvider {
  return {
    allocate: (imageBytes) => {
      const object = SharedMemoryObject.createExclusive(name, 0o600) ?? assert.fail(`${name} is there already`);
      t.after(() => {
        object.unlink();
        object.close();
      });
      object.reserve(imageBytes);
      return Promise.resolve(mappedMemory(object.map("read-write")));
    },
    announce: () => Promise.resolve(),
    takeJournal: () => {},
    release: () => {},
  };
}

test("a protocol that is added needs nothing of another room: registry, loops, image and status work with it", async (t) => {
  const protocol = protocolNamed("counting", [...protocols, counting]);
  const client = await protocol.loadClient();
  const makeSource = client.sources({ log, certificatesDirectory: "" });
  const name = `${ownPrefix(t)}counting_image`;
  const acquisition = await Acquisition.create({
    service: protocol.name,
    serviceCode: protocol.imageCode,
    sources: ["A", "B"].map((alias) => makeSource({ alias } as Parameters<typeof makeSource>[0])),
    intervalMs: 5,
    image: imageNamed(t, name),
    keys: new KeyBook(log),
    log,
  });
  const ended = acquisition.run();
  t.after(async () => {
    acquisition.stop();
    await ended;
  });
  const image = new OpenedImage(name);
  t.after(() => image.close());
  while ((image.current()?.view(1).reading(0).value ?? 0) === 0) await delay(1);
  const [health] = healthOf([{ name, image: image.current() ?? assert.fail(), hasWriter: true }], Date.now());
  assert.deepEqual(
    health?.servers.map(({ server, state }) => `${server} ${state}`),
    ["A connected", "B connected"],
  );
  assert.equal(image.current()?.service, "service 200");
});

const source = "packages/partition/src";
/** Whoever may name a protocol: the protocols, the library, whose names are per protocol, and the two configuration formats. */
const mayName =
  /^(?:protocols|library|configuration)\/|^commands\/(?:check|load-configurations|read-configurations|watch-configuration)\.ts$/;

test("nobody else branches on the name of a protocol", () => {
  const names = protocols.map(({ name }) => name).join("|");
  const branching = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !mayName.test(file))
    .filter((file) => new RegExp(`["'](?:${names})["']`).test(readFileSync(join(source, file), "utf8")));
  assert.deepEqual(branching, []);
});
