// The readers in Node, Python and C against one writer: they agree to the last bit, sleep on read-only memory, notice when they were
// overtaken, and live through the writer's death. Needs gcc and python3.

import assert from "node:assert/strict";
import { execFileSync, fork, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { AgentProcess, languages, runExample } from "./agents/agent-process.ts";
import { imageJson, withoutTimes, type Json } from "./json-form.ts";
import { cases, numbersServer, servers, setEveryCase } from "./every-type.ts";
import { restride } from "./restride.ts";
import { TestWriter, uniqueName } from "./test-writer.ts";

/** What the writer itself sees in its memory. */
function truth(writer: TestWriter): Json {
  const reader = new ImageReader(writer.image.memory.buffer);
  return JSON.parse(JSON.stringify(imageJson(reader, (group) => reader.view(group)))) as Json;
}

interface Dump {
  readonly servers: readonly {
    readonly alias: string;
    readonly groups: readonly {
      readonly poll: { readonly points: readonly { readonly reading: Readonly<Record<string, Json>> }[] };
    }[];
  }[];
}

function valuesIn(dump: unknown): readonly Json[] {
  const points = (dump as Dump).servers[0]?.groups[0]?.poll.points ?? [];
  return points.map(({ reading }) => withoutTimes(reading));
}

const readersInC = fileURLToPath(new URL("../../readers/c", import.meta.url));

const expectedValues = cases.map(({ expected, expectedStatus }) => Object.assign({ status: expectedStatus }, expected));

test("the header for C is clean as C11 and as C++", () => {
  execFileSync("make", ["--silent", "-C", readersInC, "check"]);
});

for (const [what, flags, source, reason] of [
  ["features that were chosen before", ["-std=c11"], "#include <stdio.h>", "_GNU_SOURCE"],
  ["a language that is too old", ["-std=c99"], "", "C11"],
  [
    "a machine with 32 bits",
    ["-std=c11", "-UUINTPTR_MAX", "-U__BYTE_ORDER__", "-D__BYTE_ORDER__=1"],
    "",
    "little-endian",
  ],
  ["another system", ["-std=c11", "-U__linux__"], "", "Linux"],
] as const) {
  test(`the header for C says what it misses: ${what}`, () => {
    const compiled = spawnSync("gcc", [...flags, "-I", readersInC, "-fsyntax-only", "-x", "c", "-"], {
      input: `${source}\n#include "cpc_image.h"\n`,
      encoding: "utf8",
    });
    assert.notEqual(compiled.status, 0);
    assert.match(compiled.stderr, new RegExp(`#error "cpc_image.h needs .*${reason}`));
  });
}

test("the header for C: a value of any time has an age", () => {
  const source = `#include "cpc_image.h"
    int main(void) {
      cpc_value value = {0};
      value.received_ns = INT64_MIN;
      return cpc_age_ns(&value) == 0;
    }`;
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  try {
    const program = join(folder, "age");
    const flags = ["-std=c11", "-fsanitize=undefined", "-fno-sanitize-recover=undefined", "-I", readersInC];
    execFileSync("gcc", [...flags, "-o", program, "-x", "c", "-"], { input: source });
    execFileSync(program);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

class WriterProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#ended = once(child, "exit");
  }

  static async start(name: string): Promise<WriterProcess> {
    const child = fork(fileURLToPath(new URL("writer-process.ts", import.meta.url)), [name]);
    const writer = new WriterProcess(child);
    await once(child, "message");
    return writer;
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }
}

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await setImmediate();
}

for (const language of languages) {
  void suite(`the reader in ${language}`, { timeout: 120_000 }, () => {
    test("reads every type, at its edges and cut, as the writer wrote it", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      for (let round = 0; round < 3; round++) {
        writer.publish(0, setEveryCase);
        const dump = await agent.askJson("dump");
        assert.deepEqual(dump, truth(writer));
        assert.deepEqual(valuesIn(dump), expectedValues);
      }
    });

    test("reads an image of a later minor version, whose entries and records are longer", async () => {
      using writer = new TestWriter(servers);
      writer.publish(0, setEveryCase);
      const name = uniqueName();
      writeFileSync(`/dev/shm/${name}`, restride(writer.bytes), { mode: 0o640 });
      try {
        await using agent = new AgentProcess(language, name);
        const { servers: seen } = (await agent.askJson("dump")) as Dump;
        assert.deepEqual(seen, (truth(writer) as unknown as Dump).servers);
      } finally {
        rmSync(`/dev/shm/${name}`);
      }
    });

    test("does not read another major version, a cut image, a link, or one that is no image", async () => {
      using writer = new TestWriter(servers);
      const name = uniqueName();
      const spoilt = [
        () => {
          const image = Uint8Array.from(writer.bytes);
          new DataView(image.buffer).setUint32(8, 3 << 16, true);
          return image;
        },
        () => writer.bytes.slice(0, writer.bytes.length - 4096),
        () => writer.bytes.slice(0, 100),
        () => new Uint8Array(5000),
        () => Uint8Array.of(),
      ];
      try {
        await using agent = new AgentProcess(language, name);
        assert.deepEqual(await agent.askJson("dump"), "none");
        for (const spoil of spoilt) {
          writeFileSync(`/dev/shm/${name}`, spoil(), { mode: 0o640 });
          assert.deepEqual(await agent.askJson("dump"), "none");
          assert.deepEqual(await agent.ask("wait 0"), ["0"]);
        }
        rmSync(`/dev/shm/${name}`);
        // Node's reader throws and says that somebody put a link there.
        if (language !== "Node") {
          symlinkSync(writer.name, `/dev/shm/${name}`);
          assert.deepEqual(await agent.askJson("dump"), "none");
          assert.deepEqual(await agent.ask("wait 0"), ["0"]);
          rmSync(`/dev/shm/${name}`);
        }
        writeFileSync(`/dev/shm/${name}`, writer.bytes);
        assert.deepEqual(await agent.askJson("dump"), truth(writer));
      } finally {
        rmSync(`/dev/shm/${name}`, { force: true });
      }
    });

    test("sleeps on the word of a read-only mapping and is woken by a publication of any server", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      assert.deepEqual(await agent.ask("wait 0"), ["1"], "what is there is news");
      assert.deepEqual(await agent.ask("wait 1"), ["0"], "and then no more");
      for (let round = 0; round < 20; round++) {
        const woken = agent.ask("wait 60000");
        await until(() => writer.sleepers() === 1);
        // Being counted woke it for nothing: let it fall asleep again.
        for (let turn = 0; turn < 200; turn++) await setImmediate();
        writer.publish(round % 3);
        assert.equal(writer.sleepers(), 0, "nobody sleeps on: the publication itself woke the reader");
        assert.deepEqual(await woken, ["1"]);
      }
      assert.deepEqual(new Set(agent.permissions(writer.name)), new Set(["r--s"]));
    });

    test("misses no publication between two sleeps", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      await agent.ask("wait 0");
      writer.publish(0);
      assert.deepEqual(await agent.ask("wait 0"), ["1"]);
      assert.deepEqual(await agent.ask("wait 0"), ["0"]);
    });

    test("takes a poll while the next is being written, and none that the writer is two ahead of", async () => {
      using writer = new TestWriter([numbersServer("numbers", 3)]);
      await using agent = new AgentProcess(language, writer.name);
      for (const [begun, published, answer] of [
        [8, 8, "ok 8"],
        [9, 8, "ok 8"],
        [10, 8, "lapped"],
        [7, 8, "lapped"],
        [0, 0xffffffff, "ok 4294967295"],
        [1, 0xffffffff, "lapped"],
        [0, 0, "ok 0"],
      ] as const) {
        writer.setCounters(0, begun, published);
        assert.deepEqual(await agent.ask("take"), [answer], `begun ${begun}, published ${published}`);
      }
    });

    test("reads on while the counters wrap", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      writer.publish(0, setEveryCase); // The second publication: now bank 0 is the last, as with 0xfffffffe.
      writer.setCounters(0, 0xfffffffe, 0xfffffffe);
      writer.setPublications(0xfffffffe);
      assert.deepEqual(await agent.ask("wait 0"), ["1"]);
      assert.deepEqual(await agent.askJson("dump"), truth(writer));
      for (const published of [0xffffffff, 0, 1, 2]) {
        const woken = agent.ask("wait 60000");
        await until(() => writer.sleepers() === 1);
        writer.publish(0, setEveryCase);
        assert.deepEqual(await woken, ["1"]);
        assert.deepEqual(await agent.ask("take"), [`ok ${published}`]);
        assert.deepEqual(await agent.askJson("dump"), truth(writer));
      }
    });

    test("moves to a new generation, woken from its sleep when the old one is retired", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      await agent.ask("wait 0");
      const woken = agent.ask("wait 60000");
      await until(() => writer.sleepers() === 1);
      writer.replace(servers.map((server) => ({ ...server, alias: `new ${server.alias}` })));
      assert.deepEqual(await woken, ["1"]);
      const dump = await agent.askJson("dump");
      assert.deepEqual(dump, truth(writer));
      assert.match((dump as unknown as Dump).servers[0]?.alias ?? "", /^new /);
      assert.equal(agent.permissions(writer.name).length, 1, "the old one is unmapped");
    });

    test("keeps an image that was retired without another in its place, and is told once", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      await agent.ask("wait 0");
      const woken = agent.ask("wait 60000");
      await until(() => writer.sleepers() === 1);
      writer.image.retire();
      assert.deepEqual(await woken, ["1"]);
      assert.deepEqual(await agent.ask("wait 0"), ["0"]);
      assert.deepEqual(await agent.askJson("dump"), truth(writer));
    });

    test("finds the new generation of a writer that was killed before it could retire the old one", async () => {
      using writer = new TestWriter(servers);
      await using agent = new AgentProcess(language, writer.name);
      await agent.ask("wait 0");
      const found = agent.ask("wait 60000");
      await until(() => writer.sleepers() === 1);
      writer.replace(servers, false);
      assert.deepEqual(await found, ["1"]);
      assert.deepEqual(await agent.askJson("dump"), truth(writer));
    });

    test("waits for an image that is not there yet, and notices when it is removed", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      assert.deepEqual(await agent.askJson("dump"), "none");
      const found = agent.ask("wait 60000");
      {
        using writer = new TestWriter(servers, name);
        assert.deepEqual(await found, ["1"]);
        assert.deepEqual(await agent.askJson("dump"), truth(writer));
        assert.deepEqual(await agent.ask("alive"), ["1"]);
      }
      assert.deepEqual(await agent.askJson("dump"), "none");
      assert.deepEqual(await agent.ask("alive"), ["0"]);
    });

    test("keeps the last whole poll of a writer killed at any instant, and goes on with the next writer", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      try {
        for (let round = 0; round < 3; round++) {
          const writer = await WriterProcess.start(name);
          assert.deepEqual(await agent.ask("wait 60000"), ["1"]);
          const reading = agent.ask("torn 20000 checked");
          await writer.kill();
          assert.match((await reading).join(), /^whole [1-9]\d* torn 0 lapped \d+$/);
          assert.deepEqual(await agent.ask("torn 10 checked"), ["whole 10 torn 0 lapped 0"]);
          assert.deepEqual(await agent.ask("alive"), ["0"]);
        }
        await using last = await WriterProcess.start(name);
        assert.ok(last);
        assert.deepEqual(await agent.ask("wait 60000"), ["1"]);
        assert.deepEqual(await agent.ask("alive"), ["1"]);
      } finally {
        SharedMemoryObject.remove(name);
        SharedMemoryObject.remove(`${name}.next`);
      }
    });

    test("comes with an example that shows the values", async () => {
      using writer = new TestWriter([numbersServer("Prüfstand", 2)]);
      writer.publish(0, (block) => block.setNumber(1, BuiltInType.Double, 12.5));
      assert.match(
        await runExample(language, writer.name),
        /^Prüfstand: connected\n {2}Prüfstand 0 = .+NOT USABLE: .+\n {2}Prüfstand 1 = 12\.5 m³\/h {3}usable, \d+\.\d s old\n$/,
      );
    });

    test("shows a DateTime as a date, and the ends of its range as those of the standard", async () => {
      const ticks = [133_485_408_012_340_000n, 116_444_735_999_990_000n, 0n, -(2n ** 63n), 2n ** 63n - 1n];
      using writer = new TestWriter([numbersServer("dates", ticks.length)]);
      writer.publish(0, (block) => {
        for (const [index, value] of ticks.entries()) block.setValue(index, { type: BuiltInType.DateTime, value }, 0);
      });
      const shown = (await runExample(language, writer.name)).matchAll(/ = (\d+-\d+-\d+)[T ]([\d:]+)(\.\d+)?/g);
      assert.deepEqual(
        [...shown].map(([, date, time, fraction = "0"]) => `${date} ${time} ${Number(fraction)}`),
        [
          "2024-01-01 00:00:01 0.234",
          "1969-12-31 23:59:59 0.999",
          "1601-01-01 00:00:00 0",
          "1601-01-01 00:00:00 0",
          "9999-12-31 23:59:59 0",
        ],
      );
    });

    test("never takes a mixture for a poll while the writer runs at full speed; unchecked it would", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      await using writer = await WriterProcess.start(name);
      assert.ok(writer);
      assert.match((await agent.ask("torn 100000 checked")).join(), /^whole [1-9]\d* torn 0 lapped \d+$/);
      for (;;) {
        const unchecked = (await agent.ask("torn 100000 unchecked")).join();
        if (!unchecked.includes("torn 0 ")) break;
      }
    });
  });
}

test("Python shows a LocalizedText as its text and a QualifiedName as its name, and what was cut as it is", () => {
  const readings: readonly (readonly [value: unknown, type: number, shown: unknown])[] = [
    ['{"Locale":"de","Text":"Druck 🏭"}', BuiltInType.LocalizedText, "Druck 🏭"],
    ['{"Locale":"de"}', BuiltInType.LocalizedText, '{"Locale":"de"}'],
    ['{"Locale":"de","Text":"Dru', BuiltInType.LocalizedText, '{"Locale":"de","Text":"Dru'],
    [null, BuiltInType.LocalizedText, null],
    ["7", BuiltInType.LocalizedText, "7"],
    ['{"Name":"Öl","Uri":1}', BuiltInType.QualifiedName, "Öl"],
    ['{"Text":"a"}', BuiltInType.String, '{"Text":"a"}'],
    [133_485_408_000_000_000, BuiltInType.DateTime, "2024-01-01 00:00:00+00:00"],
    [12.5, BuiltInType.Double, 12.5],
    [0, BuiltInType.Int32, 0],
  ];
  const program = `
import json, sys
from datetime import datetime
from cpc_image import Reading
shown = [Reading(value, type, (), 0, 0, 0).shown for value, type in json.load(sys.stdin)]
print(json.dumps([str(value) if isinstance(value, datetime) else value for value in shown]))`;
  const { stdout, stderr } = spawnSync("python3", ["-c", program], {
    cwd: fileURLToPath(new URL("../../readers/python", import.meta.url)),
    input: JSON.stringify(readings.map(([value, type]) => [value, type])),
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.deepEqual(
    JSON.parse(stdout),
    readings.map(([, , shown]) => shown),
  );
});
