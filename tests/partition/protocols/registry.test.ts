import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { mappedMemory } from "../../../packages/image/src/image-memory.ts";
import { healthOf } from "../../../packages/image/src/health.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import type { ServiceName } from "../../../packages/image/src/service-name.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import type { Hangups } from "../../../packages/process/src/signals.ts";
import { checkConfigurations } from "../../../packages/partition/src/commands/check-configurations.ts";
import {
  readConfigurations,
  type ConfigurationPaths,
} from "../../../packages/partition/src/commands/read-configurations.ts";
import { ConfigurationWatch } from "../../../packages/partition/src/commands/watch-configuration.ts";
import type { ServiceConfiguration } from "../../../packages/partition/src/configuration/configuration.ts";
import { ConfigurationError } from "../../../packages/partition/src/configuration/problem.ts";
import {
  noCertificates,
  type ConfigurationFormat,
} from "../../../packages/partition/src/protocols/configuration-format.ts";
import type { Protocol } from "../../../packages/partition/src/protocols/protocol.ts";
import { protocolNamed, protocols } from "../../../packages/partition/src/protocols/registry.ts";
import { Acquisition } from "../../../packages/partition/src/sources/acquisition.ts";
import type { ImageProvider } from "../../../packages/partition/src/sources/image-generations.ts";
import { KeyBook } from "../../../packages/partition/src/sources/key-book.ts";
import { pollGroups, type Source } from "../../../packages/partition/src/sources/source.ts";
import { pointOf } from "../../image/sample-image.ts";
import { until } from "../../until.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";

const log = (): void => {};

/** A file of counting servers names one on each line. */
const format: ConfigurationFormat = {
  read: (files) => {
    const servers = files.flatMap((file) => {
      const aliases = readFileSync(file, "utf8").split("\n").slice(1, -1);
      const line = aliases.indexOf("") + 2;
      if (line > 1) throw new ConfigurationError([{ file, line, message: "a server has no name; name it" }]);
      return aliases.map((alias) => ({ alias, location: { file, line: 1 } }));
    });
    return { configuration: { servers }, warnings: [] };
  },
  certificateFindings: () => Promise.resolve(noCertificates),
  plan: ({ servers }) => ({ tables: [{ head: ["counter"], rows: servers.map(({ alias }) => [alias]) }], hints: [] }),
  keys: () => ({ contested: [], expected: 0 }),
  points: ({ servers }) =>
    servers.map(({ alias }) => ({
      server: alias,
      key: `${alias}: polls`,
      request: "count",
      source: "counter",
      type: "UInt32",
      unit: "",
      intervalMs: undefined,
    })),
};

/** A protocol whose servers count: all that one needs to say to be acquired, shown and watched. */
const counting: Protocol = {
  name: "counting" as ServiceName,
  imageCode: 200,
  fileHolds: "servers that count",
  rootElement: "counting-servers",
  remembersNames: false,
  prepare: (server) => server,
  polled: (configuration) => configuration,
  oddValueAdvice: "count again",
  describe: ({ servers }) =>
    servers.map(({ alias }) => ({ alias, connection: sourceOf(alias).connection, groups: [] })),
  loadFormat: () => Promise.resolve(format),
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
  const makeSource = client.sources({ log, certificatesDirectory: "", namesFile: undefined });
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

test("its configuration files are checked, several of them as one, and each mistake is told with its file", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "1.xml"), "<counting-servers>\nA\nB\n");
  writeFileSync(join(folder, "2.xml"), "<counting-servers>\nC\n");
  const asked = { points: true, intervalMs: 1000, configurations: true };
  const order = { paths: [folder], namesFile: join(folder, "names"), ...asked, certificatesDirectory: folder };
  const report = await checkConfigurations(order, () => {}, [...protocols, counting]);
  assert.deepEqual(report.problems, []);
  assert.deepEqual(
    report.services.map(({ service, points }) => [service, points.map(({ key }) => key)]),
    [["counting", ["A: polls", "B: polls", "C: polls"]]],
  );
  assert.match(report.services[0]?.plan.join("\n") ?? "", /counter[^]* A [^]* C [^]*document up to about/);
  const wrong = join(folder, "2.xml");
  writeFileSync(wrong, "<counting-servers>\nC\n\n");
  const { problems, validFiles } = await checkConfigurations(order, () => {}, [...protocols, counting]);
  assert.deepEqual(problems, [{ file: wrong, line: 3, message: "a server has no name; name it" }]);
  assert.deepEqual(validFiles, [join(folder, "1.xml")]);
});

test("its configuration is read again when a file comes into its directory, and an invalid one is refused", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "1.xml"), "<counting-servers>\nA\n");
  const files = { paths: { counting: [folder] } as ConfigurationPaths, certificatesDirectory: folder };
  const watch = await ConfigurationWatch.of(files, (order) => readConfigurations(order, () => {}, [counting]));
  const aliases: string[] = [];
  const said: string[] = [];
  const hangups = { listen: () => {}, ignore: () => {} } as unknown as Hangups;
  const end = watch.start(
    hangups,
    (_level, message) => said.push(message),
    ({ services }) => {
      const configured = Object.values(services as Record<string, ServiceConfiguration>);
      aliases.push(configured.flatMap(({ servers }) => servers.map(({ alias }) => alias)).join());
    },
  );
  t.after(end);
  writeFileSync(join(folder, "2.xml"), "<counting-servers>\nB\n");
  await until("both files are read", () => aliases.at(-1) === "A,B");
  writeFileSync(join(folder, "3.xml"), "<counting-servers>\n\n");
  await until("the third is refused", () => said.some((message) => /3\.xml:2: a server has no name/.test(message)));
  assert.equal(aliases.at(-1), "A,B");
  rmSync(join(folder, "3.xml"));
  rmSync(join(folder, "2.xml"));
  await until("what is gone is read no more", () => aliases.at(-1) === "A");
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const source = "packages/partition/src";
/** Whoever may name a protocol: the protocols, the library, whose names are per protocol, and what other programs configure. */
const mayName = /^(?:protocols|library|import)\/|^commands\/import\.ts$/;

test("nobody else branches on the name of a protocol", () => {
  const names = protocols.map(({ name }) => name).join("|");
  const branching = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !mayName.test(file))
    .filter((file) => new RegExp(`["'](?:${names})["']`).test(readFileSync(join(source, file), "utf8")));
  assert.deepEqual(branching, []);
});
