// A connection that lasts until a counter of 32 bits is at its end: after months with many requests a second, or at once where a server does not
// begin with 1.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { opcUaServersXml } from "../../../../plant/configuration-xml.ts";
import { certificateIn, startServer } from "../../../../plant/opcua-server.ts";
import { addSettable } from "../../../../plant/subscribed.ts";
import { Sandbox } from "../../../commands/cpc.ts";

const watchdog = { timeout: 200_000 };
const lastValue = 150;
const numbers = Array.from({ length: lastValue + 1 }, (_, value) => value);

interface JournalLine {
  readonly key: string;
  readonly value: number;
  readonly status: string;
}

/** A partition on a server with a subscribed node and a polled one, whose values count: what the journal has of both. */
async function counted(t: TestContext, env: Readonly<Record<string, string>> = {}) {
  const sandbox = new Sandbox(t);
  const set: ((value: number) => void)[] = [];
  const { server, url } = await startServer({
    folder: sandbox.folder,
    certificate: await certificateIn(sandbox.folder, "server"),
    policies: [],
    build: (started) => {
      for (const name of ["subscribed", "polled"]) set.push(addSettable(started, name));
    },
  });
  t.after(() => server.shutdown(0));
  const item = "<acquisition>subscribe</acquisition><samplingInterval>0</samplingInterval><queueSize>1000</queueSize>";
  const nodes = [{ name: "subscribed", settings: item }, { name: "polled" }];
  const settings = "<retryInterval>0.1</retryInterval>";
  const file = sandbox.write("opcua.xml", opcUaServersXml({ alias: "A", url, nodes, settings }));
  const run = sandbox.runIn({ env }, "--opcua", file, "--journal-size", "16M");
  const haveBoth = (value: number) => (): boolean =>
    ["1:subscribed", "1:polled"].every((key) => sandbox.value(key, "opcua_shm") === value);
  await run.until("both have values", haveBoth(0));
  for (let value = 1; value <= lastValue; value++) {
    for (const one of set) one(value);
    await pause(20);
  }
  await run.until("both have the last value", haveBoth(lastValue));
  const { stdout } = await sandbox.command("journal", "opcua", "--json");
  const changes = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as JournalLine);
  /** One that comes back with its connection is the value from before. */
  const good = (key: string): readonly number[] =>
    changes
      .filter((change) => change.key === key && change.status === "Good")
      .map(({ value }) => value)
      .filter((value, index, all) => value !== all[index - 1]);
  const polled = good("1:polled");
  assert.deepEqual(good("1:subscribed"), numbers, "every change, once, in order");
  assert.deepEqual(
    polled,
    polled.toSorted((a, b) => a - b),
  );
  const { stderr } = await run.end();
  return { connections: run.logged(/^connected$/).length, losses: run.logged(/^connection lost/), stderr };
}

test("a connection whose requests have no more numbers is made anew once, and costs no change", watchdog, async (t) => {
  const preload = `--import=${new URL("./counters-near-end.ts", import.meta.url).href}`;
  const env = { NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${preload}` };
  const { losses, stderr } = await counted(t, env);
  assert.ok(losses.length > 0, stderr);
  for (const { msg } of losses) assert.match(String(msg), /is made anew because it has no more numbers/);
  assert.match(stderr, /took over the subscription of the connection before/);
});

/** The library counts chunks with it, and does not show it. */
interface Generator {
  next: (this: Generator) => number;
  _set: (value: number) => void;
}

test("a connection on which the server's numbers begin again lasts", watchdog, async (t) => {
  const file = "node_modules/node-opcua-secure-channel/dist/source/sequence_number_generator.js";
  const { SequenceNumberGenerator } = (await import(new URL(`../../../../../${file}`, import.meta.url).href)) as {
    readonly SequenceNumberGenerator: { readonly prototype: Generator; readonly MAXVALUE: number };
  };
  const begun = new WeakSet<Generator>();
  const { next } = SequenceNumberGenerator.prototype;
  t.mock.method(SequenceNumberGenerator.prototype, "next", function (this: Generator) {
    // The messages of a subscription are counted by the same class, and otherwise.
    const isOfChunks = !begun.has(this) && /chunk_manager/.test(new Error("where").stack ?? "");
    // oxlint-disable-next-line no-underscore-dangle -- the library has no other way to begin elsewhere
    if (isOfChunks) this._set(SequenceNumberGenerator.MAXVALUE - 60);
    begun.add(this);
    return next.call(this);
  });
  const { connections, losses } = await counted(t);
  assert.deepEqual([connections, losses], [1, []]);
});
