import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import {
  loadConfigurations,
  type ReadingBounds,
} from "../../../packages/partition/src/commands/load-configurations.ts";
import { ConfigurationError } from "../../../packages/partition/src/configuration/problem.ts";
import type { ModbusConfiguration } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { unpackConfigurations } from "../../../packages/partition/src/configuration/packed-configuration.ts";
import { modbusXml } from "../../plant/modbus-plant.ts";

const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const watchdog = { timeout: 200_000 };
const usual: ReadingBounds = { processorMs: 50_000, standstillMs: 50_000, heapMegabytes: 512 };
const xml = modbusXml({ alias: "A", port: 502 });

async function load(content: string, bounds: Partial<ReadingBounds> = {}, signal?: AbortSignal) {
  const file = join(folder, "modbus.xml");
  writeFileSync(file, content);
  const files = { paths: { modbus: [file] }, certificatesDirectory: folder };
  return await loadConfigurations(files, signal, { ...usual, ...bounds });
}

async function problemsOf(loading: Promise<unknown>): Promise<readonly string[]> {
  try {
    await loading;
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ message }) => message);
  }
}

/** Before the server's first element. */
const within = (text: string): string => xml.replace("<ipaddr>", `${text}<ipaddr>`);

test("the thread that asks stays free while the files are read, and gets plain data", watchdog, async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const { services, warnings } = await load(within("<?a?>".repeat(200_000)));
  clearInterval(timer);
  assert.ok(turns > 10, String(turns));
  const { servers } = unpackConfigurations(services).modbus as ModbusConfiguration;
  assert.equal(servers[0]?.points.length, 2);
  assert.deepEqual([Object.keys(services), warnings], [["modbus"], []]);
});

// Each took minutes, or ended in a stack overflow.
const careless: Readonly<Record<string, readonly [string, RegExp | undefined]>> = {
  "6 MB of processing instructions": [within("<?a?>".repeat(1.2e6)), undefined],
  "5 MB of comments that are not closed": [within("<!--".repeat(1.2e6)), /a comment/],
  "100,000 attributes": [
    xml.replace("<server>", `<server ${Array.from({ length: 1e5 }, (_, at) => `a${at}="1"`).join(" ")}>`),
    /has an attribute a0/,
  ],
  "150,000 elements with an attribute": [
    xml.replace("<server>", '<server a="1">\n' + '<b a="1"/>\n'.repeat(150_000)),
    /<b> is not an element/,
  ],
  "100,000 elements in one another": [within("<a>".repeat(1e5) + "</a>".repeat(1e5)), /nested more than 256 deep/],
  "entities in entities": [
    xml.replace("<modbus-servers>", `<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><modbus-servers>`),
    /DOCTYPE, which is refused/,
  ],
};

for (const [name, [content, wanted]] of Object.entries(careless)) {
  test(`${name}: an answer in words, soon`, watchdog, async () => {
    const problems = await problemsOf(load(content));
    if (wanted === undefined) assert.deepEqual(problems, []);
    else
      assert.ok(
        problems.some((problem) => wanted.test(problem)),
        problems.slice(0, 3).join("\n"),
      );
    assert.ok(problems.length <= 1001);
  });
}

test("of more than a thousand problems the number is told", watchdog, async () => {
  const problems = await problemsOf(load(within("<b/>\n".repeat(3000))));
  assert.equal(problems.length, 1001);
  assert.match(problems.at(-1) ?? "", /^at least \d+ more errors are not listed; correct these first$/);
});

test("what takes too long, or too much memory, is refused with a remedy", watchdog, async () => {
  const slow = within("<?a?>".repeat(200_000));
  const [late] = await problemsOf(load(slow, { processorMs: 10 }));
  assert.match(late ?? "", /^reading the file takes more than 0\.01 s of processor time; split it/);
  const [stuck] = await problemsOf(load(slow, { standstillMs: 1 }));
  assert.match(
    stuck ?? "",
    /^reading the file has come to a standstill for 0\.001 s; look whether its file system answers/,
  );
  const [large] = await problemsOf(load(within("<b/>\n".repeat(200_000)), { heapMegabytes: 16 }));
  assert.match(large ?? "", /^reading the file takes more than 16 MB of memory; split it/);
});

test("the reading ends when nobody wants it any more", watchdog, async () => {
  const stop = new AbortController();
  const loading = load(within("<b/>\n".repeat(100_000)), {}, stop.signal);
  stop.abort();
  await assert.rejects(loading, { name: "AbortError" });
});

test("a file whose pauses leave no time for its polls is refused", watchdog, async () => {
  const hurried = "<interval>0.1</interval><pauseBetweenRequests>0.2</pauseBetweenRequests>";
  const [problem, ...others] = await problemsOf(load(modbusXml({ alias: "A", port: 502, settings: hurried })));
  assert.deepEqual(others, []);
  assert.match(problem ?? "", /pauses alone take 400 % of its time .*increase <interval>/);
});
