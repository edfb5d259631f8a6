// OPC UA servers that are read by several threads: what a polling thread reads looks in image and journal as if the service's own had read it. The
// servers of these tests are one, by several aliases: each has a connection, and so a thread, of its own.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { DataType, StatusCodes, Variant } from "node-opcua-client";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import type { ImageReader } from "../../../packages/image/src/image-reader.ts";
import { isGood, StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { createOwnCertificate } from "../../../packages/partition/src/certificates/own-certificate-files.ts";
import { Partition, type PartitionOptions } from "../../../packages/partition/src/main-thread/partition.ts";
import type {
  OpcUaNode,
  OpcUaServer,
} from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { filesOf, ownPrefix } from "../../image/posix/own-objects.ts";
import { addConstant, configuredServer, nodeNamed } from "../../plant/opcua-server.ts";
import { CountedChanges } from "../../plant/counted-changes.ts";
import { OpcUaRig } from "../../plant/opcua-rig.ts";
import { addMotorTypes, motorBody, structureOfType } from "../../plant/opcua-structures.ts";
import { addSettable, subscribedNode, subscribedServer } from "../../plant/subscribed.ts";
import { until } from "../../until.ts";
import { sampleVariants } from "../protocols/opcua/every-variant.ts";
import { recordingLog } from "../sources/test-source.ts";

/** Two threads load a protocol stack and a thread serves it: a busy machine takes its time. */
const giveUpAfterMs = 200_000;
const watchdog = { timeout: 2 * giveUpAfterMs };
const samples = sampleVariants();
const everyChange = { samplingIntervalMs: 0, queueSize: 1000 };

const set = new Map<string, (value: number) => void>();
const rig = new OpcUaRig({
  policies: ["Basic256Sha256"],
  build: (server) => {
    for (const name of ["a", "b"]) set.set(name, addSettable(server, name));
    samples.forEach((variant, index) => addConstant(server, `v${index}`, variant));
    addConstant(server, "long", new Variant({ dataType: DataType.String, value: "Grüße ".repeat(500) }));
    addConstant(server, "motor", structureOfType(addMotorTypes(server).motor, motorBody(50)));
    const { addressSpace } = server.engine;
    addressSpace?.getOwnNamespace().addVariable({
      organizedBy: addressSpace.rootFolder.objects,
      nodeId: "s=mode",
      browseName: "mode",
      dataType: addressSpace.getOwnNamespace().addEnumerationType({ browseName: "Modes", enumeration: ["Off", "On"] }),
      value: new Variant({ dataType: DataType.Int32, value: 1 }),
    });
  },
});

const member: OpcUaNode["member"] = { owner: 0, path: "Drive.Hours", steps: ["Drive", "Hours"] };
/** Something of everything that a server can have. */
const everything: readonly OpcUaNode[] = [
  nodeNamed("motor"),
  nodeNamed("motor", { displayName: "Hours", member }),
  nodeNamed("long"),
  nodeNamed("mode"),
  nodeNamed("gone"),
  ...samples.map((_, index) => nodeNamed(`v${index}`)),
];

/** Servers by these names, all of them the one of the rig: the first is read by the service's own thread, the second by another one. */
function aliases(names: readonly string[], change: Partial<OpcUaServer>): readonly OpcUaServer[] {
  return names.map((alias) => ({
    ...configuredServer(rig.url, { retryIntervalMs: 100, ...change, timeoutMs: 30_000 }),
    alias,
  }));
}

function readingA(names: readonly string[]): readonly OpcUaServer[] {
  return aliases(names, { nodes: [nodeNamed("a")] });
}

function packed(servers: readonly OpcUaServer[]) {
  return { modbus: undefined, ...packConfigurations({ opcua: { servers } }) };
}

async function running(t: TestContext, servers: readonly OpcUaServer[], changes: Partial<PartitionOptions> = {}) {
  const { prefix = ownPrefix(t) } = changes;
  const { lines, log } = recordingLog();
  const partition = new Partition({
    ...packed(servers),
    intervalMs: 50,
    prefix,
    journalBytes: 2 ** 20,
    certificatesDirectory: rig.directory,
    removeOnExit: true,
    threads: 2,
    log,
    ...changes,
  });
  partition.start();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= partition.stop());
  t.after(stop);
  const image = new OpenedImage(`${prefix}opcua_image`);
  t.after(() => image.close());
  /** That servers of one address space ask for the same keys is no news. */
  const warnings = (): readonly string[] =>
    lines
      .filter(({ level, message }) => (level === "error" || level === "warn") && !message.includes("plain key"))
      .map(({ message }) => message);
  const shown = (what: string, condition: () => boolean): Promise<void> =>
    until(what, condition, {
      giveUpAfterMs,
      evidence: () =>
        lines.map(({ level, message, fields }) => `${level} ${message} ${JSON.stringify(fields)}`).join("\n"),
    });
  return { prefix, lines, partition, stop, image, warnings, shown };
}

/** The points of a group, as a reader sees them; their keys differ, for two servers cannot have the same ones. */
function readings(current: ImageReader, group: number) {
  const snapshot = current.snapshot(group)!;
  return current.directory.groups[group]!.points.map(({ type, enumeration }, index) => {
    const { value, status, dimensions, sourceNs, ...rest } = snapshot.reading(index);
    return { enumeration, described: type, type: rest.type, value, status, dimensions, sourceNs };
  });
}

function statusOf(image: OpenedImage, group: number, index = 0): number | undefined {
  return image.current()?.snapshot(group)?.reading(index).status;
}

/** The first point of each of so many groups. */
function areGood(image: OpenedImage, groups: number): boolean {
  return Array.from({ length: groups }, (_, group) => statusOf(image, group)).every(
    (status) => status !== undefined && isGood(status),
  );
}

function isShown(image: OpenedImage, groups: number, points: number): boolean {
  const all = Array.from({ length: groups }, (_, group) => group);
  return all.every((group) => Array.from({ length: points }, (_, at) => statusOf(image, group, at)).every(isNoWait));
}

function isNoWait(status: number | undefined): boolean {
  return (
    status !== undefined &&
    status !== StatusCode.BadWaitingForInitialData &&
    status !== StatusCode.BadEncodingLimitsExceeded
  );
}

test(
  "every value, type, status, time and text is the same from both threads, and none waits for the next poll",
  watchdog,
  async (t) => {
    // A poll an hour: keys that are confirmed and room that is made ask for values again.
    const servers = aliases(["one", "other"], { nodes: everything, intervalMs: 3_600_000 });
    const { image, lines, shown } = await running(t, servers);
    await shown("all values are shown", () => isShown(image, 2, everything.length));
    await shown("texts are known", () => image.current()!.directory.groups[1]!.points[3]!.enumeration !== undefined);
    await shown("it is well", () => image.current()?.serverState(1)?.connection === ConnectionState.connected);
    await shown("all values are shown", () => isShown(image, 2, everything.length));
    const current = image.current()!;
    const [own, polled] = [readings(current, 0), readings(current, 1)];
    assert.deepEqual(polled, own);
    assert.equal(own[1]!.value, 0x7fff_ffff_ffff_ffffn);
    assert.equal(own[2]!.value, "Grüße ".repeat(500));
    assert.equal(own[3]!.enumeration, "0=Off\n1=On");
    assert.equal(own[4]!.status, StatusCodes.BadNodeIdUnknown.value);
    assert.ok(own.filter(({ status }) => isGood(status)).length > samples.length);
    assert.equal(current.serviceCount("threads"), 2n);
    const told = lines.find(({ message }) => message.includes("threads"));
    assert.equal(told?.fields?.["threads"], 2);
  },
);

test("changes that a polling thread is sent are all in the journal, in order", watchdog, async (t) => {
  set.get("a")?.(0);
  const servers = aliases(["one", "other"], {
    ...subscribedServer(rig.url),
    nodes: [subscribedNode("a", everyChange)],
  });
  const { prefix, image, warnings, shown } = await running(t, servers);
  await shown("they are good", () => areGood(image, 2));
  using journal = new OpenedJournal(`${prefix}opcua_journal`);
  const positions = [0, 1].map((group) => image.current()!.snapshot(group)!.state.journalPosition);
  assert.ok(journal.seek(positions.reduce((one, other) => (other < one ? other : one))));
  for (let value = 1; value <= 100; value++) {
    set.get("a")?.(value);
    await pause(2); // so that the server finds each of them
  }
  const found: unknown[][] = [[], []];
  await shown("the last came", () => {
    for (const { group, position, value } of journal.next().changes)
      if (position >= positions[group]!) found[group]!.push(value);
    return found.every((values) => values.at(-1) === 100);
  });
  const upTo100 = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.deepEqual(found, [upTo100, upTo100]);
  assert.deepEqual(warnings(), []);
});

test(
  "no change is missing in the journals while the partition is restarted again and again, whichever thread was subscribed",
  watchdog,
  async (t) => {
    for (const change of set.values()) change(0);
    const state = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
    t.after(() => rmSync(state, { recursive: true }));
    const prefix = ownPrefix(t);
    const subscription = { publishingIntervalMs: 5, quietCheckMs: 60_000 };
    const servers = ["a", "b"].map((alias) =>
      subscribedServer(rig.url, {
        alias,
        timeoutMs: 30_000,
        subscription,
        nodes: [subscribedNode(alias, { samplingIntervalMs: 0, queueSize: 5000 })],
      }),
    );
    const start = async () => {
      const run = await running(t, servers, { prefix, namesFile: join(state, "names.json"), removeOnExit: false });
      await run.shown("they are good", () => run.image.hasWriter() && areGood(run.image, 2));
      return run;
    };
    let run = await start();
    const changes = new CountedChanges(t, `${prefix}opcua_journal`, [set.get("a")!, set.get("b")!], 10);
    for (let restarts = 0; restarts < 2; restarts++) {
      const { last } = changes;
      await run.shown("it goes on", () => changes.last > last + 50);
      await run.stop();
      run = await start();
    }
    changes.stop();
    await run.shown("they have the last", () => changes.isComplete);
    changes.judge();
    assert.deepEqual(run.warnings(), []);
    // Before the folder is removed: it is written to until then.
    await run.stop();
  },
);

test(
  "one server has one thread; a reload leaves sessions that stay undisturbed; every thread ends in time, and leaves nothing",
  watchdog,
  async (t) => {
    const before = rig.server.engine.cumulatedSessionCount;
    const { prefix, partition, image, lines, warnings, shown, stop } = await running(t, readingA(["one"]));
    const threads = (): readonly unknown[] =>
      lines.filter(({ message }) => message.includes("threads")).map(({ fields }) => fields?.["threads"]);
    await shown("it is good", () => areGood(image, 1));
    assert.equal(image.current()!.serviceCount("threads"), 1n);
    assert.deepEqual(threads(), []);
    for (const names of [
      ["one", "other", "third", "fourth"],
      ["fourth", "third", "new"],
      ["other", "fourth", "third"],
    ]) {
      partition.reconfigure(packed(readingA(names)));
      await shown(`they are ${names.join()}`, () => {
        const servers = image
          .current()
          ?.directory.servers.map(({ alias }) => alias)
          .join();
        return servers === names.join() && areGood(image, names.length);
      });
      await shown("the others are closed", () => rig.server.engine.currentSessionCount === names.length);
    }
    assert.equal(rig.server.engine.cumulatedSessionCount - before, 6);
    const last = image.current()!;
    assert.equal(last.serviceCount("threads"), 2n);
    assert.deepEqual(threads(), [2]);
    await stop();
    assert.equal(last.isRetired, true);
    for (const group of [0, 1, 2]) assert.equal(last.snapshot(group)!.reading(0).status, StatusCode.BadShutdown);
    assert.equal(rig.server.engine.currentSessionCount, 0);
    assert.deepEqual(filesOf(prefix), []);
    assert.deepEqual(warnings(), []);
  },
);

test("a polling thread shows what it knows of a server: certificates, refusals and losses", watchdog, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
  t.after(() => rmSync(directory, { recursive: true }));
  const { certificateFile } = rig.certificate;
  const secured = { policy: "Basic256Sha256", mode: "SignAndEncrypt", serverCertificateFile: certificateFile } as const;
  // Both threads need the certificate of the same application at once, and there is none yet.
  const servers = aliases(["one", "other"], { nodes: [nodeNamed("a")], ...secured });
  const { image, stop, shown } = await running(t, servers, { certificatesDirectory: directory });
  const stateOf = (server: number) => image.current()?.serverState(server);
  await shown("they are good", () => areGood(image, 2));
  for (const field of ["certificateEndsNs", "ownCertificateEndsNs"] as const) {
    assert.ok(stateOf(1)![field] > 0n, field);
    assert.equal(stateOf(1)![field], stateOf(0)![field], field);
  }
  assert.equal(readdirSync(join(directory, "own", "certs")).length, 1);
  const last = image.current()!;
  await stop();
  assert.equal(last.snapshot(1)!.reading(0).status, StatusCode.BadShutdown);
});

test("the end of a certificate is told once, however many threads use it", watchdog, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
  t.after(() => rmSync(directory, { recursive: true }));
  const applicationUri = "urn:cpc-partition:short-lived";
  await createOwnCertificate(directory, { applicationUri, hostNames: [], validDays: 5 });
  const { certificateFile } = rig.certificate;
  const secured = { policy: "Basic256Sha256", mode: "SignAndEncrypt", serverCertificateFile: certificateFile } as const;
  const names = ["A", "B", "C"];
  const servers = aliases(names, { nodes: [nodeNamed("a")], ...secured, applicationUri });
  const { image, warnings, shown, stop } = await running(t, servers, { threads: 3, certificatesDirectory: directory });
  await shown("values of all", () => areGood(image, names.length));
  await stop();
  assert.deepEqual(
    warnings().flatMap((line) => (line.includes("ends in") ? [line.replace(/, at .*/, "")] : [])),
    ["the own certificate ends in 4 days"],
  );
});
