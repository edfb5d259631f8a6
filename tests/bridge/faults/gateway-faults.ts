// What breaks around a whole gateway: device, partition, `cpc bridge sparkplug`, mosquitto and a host, in forms as long as wished. Every answer of
// the device has numbers that no answer had before, so nothing is judged by samples.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import { SteppedClock } from "../../faults/stepped-clock.ts";
import { Sandbox } from "../../partition/commands/cpc.ts";
import { CertificateFolder, serverUse } from "../../plant/certificate-folder.ts";
import { modbusServersXml } from "../../plant/configuration-xml.ts";
import { response, startDevice } from "../../plant/modbus-device.ts";
import { TcpProxy } from "../../plant/tcp-proxy.ts";
import { until } from "../../until.ts";
import { freePort } from "../../plant/free-port.ts";
import { mosquitto, type MosquittoWishes } from "../engines/mosquitto.ts";
import { BridgeProcess, type BridgeLaunch } from "./bridge-process.ts";
import { NumberedHost } from "./numbered-host.ts";

interface Wishes {
  readonly points?: number;
  /** Of the output. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly broker?: MosquittoWishes;
  readonly launch?: BridgeLaunch;
  /** Of the partition. */
  readonly env?: Readonly<Record<string, string>>;
}

const registersPerPoint = 2;
/** Changes that the bridge sends at a time: live ones, and those of the queue. */
const mostPerBatch = 4000;
const mostPerBlock = 2000;

/** A device that counts, until it is told to stop: then it repeats its last answer about the same registers. */
async function countingDevice(t: TestContext) {
  const state = { given: 0, isCounting: true };
  const answers = new Map<number, Buffer>();
  const device = await startDevice((request) => {
    const points = request.quantity / registersPerPoint;
    const answer = answers.get(request.address);
    if (!state.isCounting && answer !== undefined) return response(request, answer);
    const bytes = Buffer.alloc(4 * points);
    for (let point = 0; point < points; point++) bytes.writeUInt32BE(++state.given, 4 * point);
    answers.set(request.address, bytes);
    return response(request, bytes);
  });
  t.after(() => device.close());
  return { port: device.port, state };
}

/** What a partition wrote down before it was killed. */
function journaledNumbers(journalName: string): readonly number[] {
  using journal = new OpenedJournal(journalName, "oldest");
  const numbers: number[] = [];
  for (let isEnd = false; !isEnd;) {
    const next = journal.next();
    ({ isEnd } = next);
    numbers.push(...next.changes.flatMap(({ value }) => (value === null ? [] : [Number(value)])));
  }
  assert.ok(numbers.length > 0, "it wrote");
  return numbers;
}

/** Everything runs, and data comes. */
async function scene(
  t: TestContext,
  { points = 10, settings = {}, broker: wishes = {}, launch = {}, env = {} }: Wishes,
) {
  const broker = await mosquitto(t, wishes);
  await broker.start();
  const line = await TcpProxy.start(broker.port);
  t.after(async () => await line.close());
  const { port, state } = await countingDevice(t);
  const sandbox = new Sandbox(t);
  const endpoints = Array.from({ length: points }, (_, point) => ({
    name: `count ${point}`,
    address: registersPerPoint * point,
    dataType: "UInt32",
  }));
  const file = sandbox.write("modbus.xml", modbusServersXml({ alias: "Counter", port, endpoints }));
  const run = () => sandbox.runIn({ env }, "--modbus", file, "--no-documents");
  let partition = run();
  const host = await NumberedHost.start(t, wishes.plainPort ?? broker.port);
  const scheme = "tls" in settings ? "mqtts" : "mqtt";
  const address = `${scheme}://127.0.0.1:${line.port}`;
  const output = { type: "sparkplug", address, group: "g", edgeNode: "e", timeout: "1s", batch: "20ms", ...settings };
  const bridge = new BridgeProcess(t, sandbox.prefix, output, launch);
  bridge.start();
  const watch = { evidence: () => `${bridge.printed}\n${partition.stderr.slice(-2000)}`, giveUpAfterMs: 120_000 };
  const hears = async (what: string): Promise<void> => {
    const before = host.last;
    await until(what, () => host.last > before, watch);
  };
  await hears("data arrives");
  const journaled = new Set<number>();
  const restart = async (): Promise<void> => {
    await partition.end("SIGKILL");
    for (const number of journaledNumbers(`${sandbox.prefix}modbus_journal`)) journaled.add(number);
    partition = run();
  };
  /** `mostLost`: numbers that the device gave, and that died with the partition that had asked for them. No journal has any of them. */
  const finish = async (mostLost = 0): Promise<string> => {
    state.isCounting = false;
    const isComplete = (): boolean => {
      const missing = host.missing(state.given);
      return missing.length <= mostLost && !missing.some((number) => journaled.has(number));
    };
    await until("every number is there", () => host.last === state.given && isComplete(), {
      ...watch,
      evidence: () =>
        `given ${state.given}, last ${host.last}, missing ${host.missing(state.given).join(" ").slice(0, 500)}\n${watch.evidence()}`,
    });
    assert.deepEqual(
      [host.unmarkedRepeats, host.disorder],
      [0, 0],
      "every repeat is marked, and live values are in order",
    );
    const lost = host.missing(state.given).length;
    return `${state.given - host.first + 1} changes, ${lost} lost, ${host.repeated} twice, ${host.historical} as history`;
  };
  return { broker, line, host, bridge, hears, restart, finish, watch, state };
}

/** At random moments. Nobody but the host listens meanwhile: what a broker takes without a listener is nobody's. */
export async function brokerKilled(t: TestContext, times: number): Promise<void> {
  const { broker, line, host, hears, finish, watch } = await scene(t, {});
  for (let kill = 0; kill < times; kill++) {
    await pause(Math.random() * 300);
    line.faults.refuseAll = true;
    await broker.kill();
    await pause(Math.random() * 100);
    await broker.start();
    await until("the host is back", () => host.isListening, watch);
    line.mend();
    await hears("data comes again");
  }
  t.diagnostic(`broker killed ${times} times: ${await finish()}`);
}

/**
 * What the device told a partition that died before it wrote it down is lost: two answers at most. What it wrote down is not, also when the bridge
 * had not read it yet: every other time it stands still until another journal has the name.
 */
export async function partitionKilled(t: TestContext, times: number): Promise<void> {
  const { bridge, restart, hears, finish, host, state, watch } = await scene(t, {});
  const reads = async (what: string): Promise<void> => {
    const { given } = state;
    await until(what, () => state.given >= given + 50, watch);
  };
  for (let kill = 0; kill < times; kill++) {
    await pause(Math.random() * 300);
    if (kill % 2 === 0) await restart();
    else {
      process.kill(bridge.pid, "SIGSTOP");
      await reads("the journal has news for the bridge");
      await restart();
      await reads("another journal has the name");
      process.kill(bridge.pid, "SIGCONT");
    }
    await hears("data comes again");
  }
  const figures = await finish(20 * times);
  t.diagnostic(`partition killed ${times} times: ${figures}; no journal had what is lost`);
  assert.ok(
    host.lives.filter((life) => life.startsWith("DDEATH")).length >= times / 2,
    "the host heard of each that the bridge saw",
  );
}

export async function bridgeKilled(t: TestContext, times: number): Promise<void> {
  const { bridge, hears, finish } = await scene(t, {});
  for (let kill = 0; kill < times; kill++) {
    await pause(Math.random() * 300);
    await bridge.end("SIGKILL");
    await pause(Math.random() * 100);
    bridge.start();
    await hears("data comes again");
  }
  t.diagnostic(`bridge killed ${times} times: ${await finish()}`);
}

/** While the largest batch that there is is on its way: the host gets it, the proof comes too late. */
export async function bridgeKilledInLargeBatch(t: TestContext): Promise<void> {
  const { bridge, line, host, hears, finish, watch, state } = await scene(t, {
    points: 400,
    settings: { timeout: "60s" },
  });
  process.kill(bridge.pid, "SIGSTOP");
  const atStop = state.given;
  await until("more waits than one batch has", () => state.given > atStop + mostPerBatch + 1000, watch);
  line.faults.delayMs = 3000;
  process.kill(bridge.pid, "SIGCONT");
  await until("the host has much of a large batch", () => host.last > atStop + mostPerBatch / 2, watch);
  await bridge.end("SIGKILL");
  line.mend();
  bridge.start();
  await hears("data comes again");
  t.diagnostic(`bridge killed in a large batch: ${await finish()}`);
  assert.ok(host.repeated > mostPerBatch / 4, `${host.repeated} repeats: a large batch was under way`);
  assert.ok(
    host.repeated <= mostPerBatch + mostPerBlock,
    `${host.repeated} repeats: one live and one history batch at most`,
  );
}

/** The network forwards nothing any more and says nothing. */
export async function halfOpen(t: TestContext, times: number): Promise<void> {
  const { line, hears, finish, watch } = await scene(t, {});
  for (let turn = 0; turn < times; turn++) {
    const before = line.connections;
    line.faults.drop = new Set(turn % 2 === 0 ? ["to client", "to server"] : ["to client"]);
    await until("the bridge gives the connection up and tries another", () => line.connections > before, watch);
    line.mend();
    line.cut("reset");
    await hears("data comes again");
  }
  t.diagnostic(`half-open ${times} times: ${await finish()}`);
}

/** Of partition and bridge. */
export async function clockStepped(t: TestContext, steps: readonly string[]): Promise<void> {
  const clock = SteppedClock.of(t);
  if (clock === undefined) return;
  const { bridge, hears, finish } = await scene(t, { env: clock.env, launch: { env: clock.env } });
  const { connections } = bridge;
  for (const step of steps) {
    clock.set(step);
    await hears(`data goes on ${step}`);
  }
  t.diagnostic(`clock set ${steps.join(", ")}: ${await finish()}`);
  assert.equal(bridge.connections, connections, "no connection is lost by that");
}

/** The broker forgets the password; later somebody gives the bridge the new one. */
export async function credentialsRevoked(t: TestContext): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [accounts, password] = [join(folder, "accounts"), join(folder, "password")];
  const allow = (secret: string): void => {
    writeFileSync(accounts, `gateway:${secret}\n`, { mode: 0o600 });
    assert.equal(spawnSync("mosquitto_passwd", ["-U", accounts]).status, 0);
  };
  allow("first");
  writeFileSync(password, "first\n", { mode: 0o600 });
  const plainPort = await freePort();
  const { broker, bridge, hears, finish, watch } = await scene(t, {
    settings: { user: "gateway", password: `\${file:${password}}` },
    broker: { lines: [`password_file ${accounts}`], plainPort },
  });
  allow("second");
  broker.signal("SIGHUP");
  await until("the bridge says why", () => bridge.printed.includes("does not permit this user"), watch);
  writeFileSync(password, "second\n", { mode: 0o600 });
  await hears("data comes again with the new password");
  t.diagnostic(`password revoked, and given again: ${await finish()}`);
}

/** The broker comes back with the certificate of another authority; later somebody gives the bridge that. */
export async function certificatesChanged(t: TestContext): Promise<void> {
  const folder = new CertificateFolder();
  t.after(() => folder.remove());
  const made = async (name: string) => {
    const authority = await folder.make(`${name} authority`, { isAuthority: true });
    const server = await folder.make(`${name} server`, { issuer: authority, names: ["127.0.0.1"], usage: serverUse });
    return { authority, server };
  };
  const [before, after] = [await made("first"), await made("second")];
  const [certificate, key, ca] = ["certificate.pem", "key.pem", "ca.pem"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  copyFileSync(before.server.certificateFile, certificate);
  copyFileSync(before.server.keyFile, key);
  copyFileSync(before.authority.certificateFile, ca);
  const plainPort = await freePort();
  const { broker, bridge, hears, finish, watch } = await scene(t, {
    settings: { tls: { ca } },
    broker: { lines: [`certfile ${certificate}`, `keyfile ${key}`], plainPort },
  });
  await broker.kill();
  copyFileSync(after.server.certificateFile, certificate);
  copyFileSync(after.server.keyFile, key);
  await broker.start();
  await until("the bridge says why", () => bridge.printed.includes("because TLS failed"), watch);
  copyFileSync(after.authority.certificateFile, ca);
  await hears("data comes again with the new authority");
  t.diagnostic(`certificates changed on both sides: ${await finish()}`);
}

function withSmallDisk(folder: string): readonly string[] {
  const mounted = `mkdir -p ${folder}/state && mount -t tmpfs -o size=256k tmpfs ${folder}/state && exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", mounted, "sh"];
}

/** While the broker is away, what waits fills a disk of its own. What is lost is counted, and is the oldest. */
export async function diskFull(t: TestContext): Promise<void> {
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) {
    t.skip("mounts of its own are not permitted here: it takes root, or CAP_SYS_ADMIN");
    return;
  }
  const { line, bridge, host, hears, finish, watch, state } = await scene(t, {
    points: 100,
    launch: { wrapper: withSmallDisk },
  });
  line.faults.refuseAll = true;
  line.cut("reset");
  await until("the bridge says so", () => bridge.printed.includes("the disk took no more"), watch);
  const atFull = state.given;
  await until("more is dropped", () => state.given > atFull + 10_000, watch);
  line.mend();
  await hears("data comes again");
  await until("the queue is empty", () => bridge.printed.includes("the queue is empty again"), watch);
  await until("the host was told", () => host.dropped > 0 && host.queued === 0, watch);
  const figures = await finish(Number.MAX_SAFE_INTEGER);
  const missing = host.missing(state.given);
  // A batch that the host had, unproven, may be among those that were dropped.
  const droppedRepeats = host.dropped - missing.length;
  assert.ok(droppedRepeats >= 0 && droppedRepeats <= 1000, `${host.dropped} told, ${missing.length} missing`);
  assert.equal((missing.at(-1) ?? 0) - (missing[0] ?? 0) + 1, missing.length, "the oldest, in one piece");
  t.diagnostic(`disk full: ${figures}; the host was told of ${host.dropped}`);
}
