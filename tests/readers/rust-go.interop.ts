// The readers in Rust and Go, which were written from docs/process-image.md alone: over the test vectors, over images and journals with
// arbitrary damage, and beside living, hanging and killed writers. Needs cargo and go.

import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { header, ConnectionState } from "../../packages/image/src/layout.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { readLocked } from "../image/read-lock.ts";
import { CompiledAgent, compiledLanguages, runShow } from "./agents/compiled-agent.ts";
import { numbersServer, servers, setEveryCase } from "./every-type.ts";
import { imageJson, type Json } from "./json-form.ts";
import { PatternWriterProcess } from "./pattern-writer-process.ts";
import { TestJournal } from "./test-journal.ts";
import { TestWriter, uniqueName } from "./test-writer.ts";
import { imageVectors, journalVectors, spoiltVectors } from "./vector-files.ts";

const folder = mkdtempSync(join(tmpdir(), "cpc-vectors-"));
after(() => rmSync(folder, { recursive: true }));

function fileWith(bytes: Uint8Array): string {
  const path = join(folder, uniqueName());
  writeFileSync(path, bytes);
  return path;
}

/** What the writer itself sees in its memory. */
function truth(writer: TestWriter): Json {
  const reader = new ImageReader(writer.image.memory.buffer);
  return imageJson(reader, (group) => reader.view(group));
}

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await setImmediate();
}

/** A publication of a poll can be two: the connection's state is one of its own. */
async function drain(agent: CompiledAgent): Promise<void> {
  while ((await agent.ask("wait", 0)) === "1");
}

class JournalWriterProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(...parameters: readonly string[]) {
    this.#process = fork(fileURLToPath(new URL("journal-writer-process.ts", import.meta.url)), parameters);
    this.#ended = once(this.#process, "exit");
  }

  static async start(name: string, ringBytes: number, most = Infinity): Promise<JournalWriterProcess> {
    const writer = new JournalWriterProcess(name, String(ringBytes), String(most));
    await once(writer.#process, "message");
    return writer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}

/** Numbers that are the same in each run: xorshift32. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Some words become 0, the largest, one more, or anything. */
function damaged(bytes: Uint8Array, headBytes: number, random: Generator<number, never>): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const next = (below: number): number => random.next().value % below;
  for (let count = 1 + next(4); count > 0; count--) {
    // Most of what a reader believes stands in the head.
    const at = 4 * next((next(4) === 0 ? copy.length : headBytes) / 4);
    const word = view.getUint32(at, true);
    view.setUint32(at, [0, 0xffffffff, word + 1, word + 8, next(2 ** 32), next(copy.length)][next(6)] ?? 0, true);
  }
  return copy;
}

function rangeTo1000(start: number): readonly number[] {
  return Array.from({ length: 1000 - start }, (_, n) => start + n);
}

const refusals = ["foreign", "corrupt"];

for (const language of compiledLanguages) {
  void suite(`the reader in ${language}`, { timeout: 300_000 }, () => {
    for (const { name, bytes, expected } of imageVectors()) {
      test(`reads ${name}`, async () => {
        await using agent = new CompiledAgent(language, fileWith(bytes));
        assert.deepEqual(await agent.json("image"), expected);
      });
    }

    for (const { name, bytes, head, reads } of journalVectors()) {
      test(`reads ${name}`, async () => {
        await using agent = new CompiledAgent(language, "");
        assert.deepEqual(await agent.json("journal", fileWith(bytes)), head);
        for (const { from, expected } of reads) {
          await agent.ask("from", from.position, from.sequence);
          assert.deepEqual(await agent.json("since", 100_000), expected);
        }
        for (const { from, expected } of reads) {
          await agent.ask("from", from.position, from.sequence);
          assert.deepEqual(await agent.json("since", 1), expected, "one change at a time");
        }
      });
    }

    test("refuses everything in spoilt.json", async () => {
      await using agent = new CompiledAgent(language, "");
      for (const { what, file, bytes } of spoiltVectors()) {
        const command = file.endsWith(".image") ? ["open", fileWith(bytes)] : ["journal", fileWith(bytes)];
        assert.ok(refusals.includes(await agent.ask(...command)), `${file} with ${what}`);
      }
    });

    test("reads or refuses images with any damage, and says no more than they hold", async () => {
      const random = numbers(20260131);
      const path = join(folder, uniqueName());
      await using agent = new CompiledAgent(language, path);
      const [every, plant] = ["every-type.image", "plant.image"].map((name) =>
        imageVectors().find((vector) => vector.name === name),
      );
      const answers = new Set<string>();
      for (let round = 0; round < 600; round++) {
        const whole = (round % 2 === 0 ? every : plant)?.bytes ?? Uint8Array.of();
        const bytes = damaged(whole, new DataView(whole.buffer).getUint32(header.textTable, true), random);
        // A file of its own each time: a reader that has the one before mapped must not find it cut.
        rmSync(path, { force: true });
        writeFileSync(path, bytes);
        assert.ok(["readable", ...refusals].includes(await agent.ask("open", path)), `round ${round}`);
        const answer = await agent.ask("image");
        const isAnswer = answer.startsWith("{") || [...refusals, "overtaken"].includes(answer);
        assert.ok(isAnswer, `round ${round}: ${answer.slice(0, 100)}`);
        assert.ok(answer.length < 100 * bytes.length, `round ${round}: ${answer.length} characters`);
        answers.add(answer.startsWith("{") ? "content" : answer);
      }
      assert.ok(answers.has("content") && answers.has("corrupt"), "both happened");
    });

    test("reads or refuses journals with any damage, and comes to an end", async () => {
      const random = numbers(4711);
      const path = join(folder, uniqueName());
      await using agent = new CompiledAgent(language, "");
      for (let round = 0; round < 400; round++) {
        const { bytes } = journalVectors()[round % 3] ?? { bytes: Uint8Array.of() };
        writeFileSync(path, damaged(bytes, 1024, random));
        const head = await agent.ask("journal", path);
        assert.ok(head.startsWith("{") || [...refusals, "overtaken"].includes(head), `round ${round}: ${head}`);
        if (!head.startsWith("{")) continue;
        await agent.ask("from", 0, 0);
        const answer = await agent.ask("since", 1000);
        assert.ok(answer.startsWith("{") || [...refusals, "overtaken"].includes(answer), `round ${round}: ${answer}`);
      }
    });

    test("reads every type from shared memory, whichever bank has them", async () => {
      using writer = new TestWriter(servers);
      await using agent = new CompiledAgent(language, writer.name);
      for (let round = 0; round < 3; round++) {
        writer.publish(0, setEveryCase);
        assert.deepEqual(await agent.json("image"), truth(writer));
      }
      assert.deepEqual(new Set(agent.permissions(writer.name)), new Set(["r--s"]));
    });

    test("sleeps until a publication wakes it, and misses none between two sleeps", async () => {
      using writer = new TestWriter(servers);
      await using agent = new CompiledAgent(language, writer.name);
      assert.equal(await agent.ask("wait", 0), "1", "what is there is news");
      assert.equal(await agent.ask("wait", 1), "0", "and then no more");
      for (let round = 0; round < 20; round++) {
        const woken = agent.ask("wait", 60_000);
        await until(() => writer.sleepers() === 1);
        // Being counted woke it for nothing: let it fall asleep again.
        for (let turn = 0; turn < 200; turn++) await setImmediate();
        writer.publish(round % 3);
        assert.equal(await woken, "1");
        await drain(agent);
      }
      writer.publish(0);
      assert.equal(await agent.ask("wait", 0), "1");
    });

    test("wakes the readers that the writer does not wake", async () => {
      using writer = new TestWriter(servers);
      await using agents = new AsyncDisposableStack();
      const all = Array.from({ length: 8 }, () => agents.use(new CompiledAgent(language, writer.name)));
      // Longer than the agent's watchdog: nobody looks by itself.
      await Promise.all(all.map((agent) => agent.ask("patience", 600_000)));
      await Promise.all(all.map((agent) => drain(agent)));
      const woken = all.map((agent) => agent.ask("wait", 600_000));
      await until(() => writer.sleepers() === all.length);
      for (let turn = 0; turn < 200; turn++) await setImmediate();
      writer.publish(0);
      assert.deepEqual(
        await Promise.all(woken),
        all.map(() => "1"),
      );
    });

    test("takes a poll while the next is being written, and none that the writer is two ahead of", async () => {
      using writer = new TestWriter([numbersServer("numbers", 3)]);
      await using agent = new CompiledAgent(language, writer.name);
      for (const [begun, published, answer] of [
        [8, 8, "ok 8"],
        [9, 8, "ok 8"],
        [10, 8, "overtaken"],
        [7, 8, "overtaken"],
        [0, 0xffffffff, "ok 4294967295"],
        [1, 0xffffffff, "overtaken"],
        [0, 0, "ok 0"],
      ] as const) {
        writer.setCounters(0, begun, published);
        assert.equal(await agent.ask("take", 0), answer, `begun ${begun}, published ${published}`);
      }
    });

    test("refuses a point of another server, and a group that there is not", async () => {
      using writer = new TestWriter(servers);
      await using agent = new CompiledAgent(language, writer.name);
      assert.equal(await agent.ask("elsewhere"), "elsewhere none elsewhere");
    });

    test("moves to a new generation, also of a writer that was killed before it retired the old one", async () => {
      using writer = new TestWriter(servers);
      await using agent = new CompiledAgent(language, writer.name);
      for (const retires of [true, false]) {
        await drain(agent);
        const woken = agent.ask("wait", 60_000);
        await until(() => writer.sleepers() === 1);
        writer.replace([...servers, numbersServer(`another ${retires}`, 2)], retires);
        assert.equal(await woken, "1");
        assert.deepEqual(await agent.json("image"), truth(writer));
      }
    });

    test("says of each value whether it is usable, and why not", async () => {
      const name = uniqueName();
      await using agent = new CompiledAgent(language, name);
      const hour = 3_600_000;
      const usable = (ageMs: number, ...more: string[]) => agent.ask("usable", "numbers 0", ageMs, ...more);
      assert.equal(await usable(hour), "missing");
      {
        using writer = new TestWriter([numbersServer("numbers", 3)], name);
        assert.equal(await usable(hour), "status 80320000");
        const set = (status: number): void =>
          writer.publish(0, (block) => block.setValue(0, { type: BuiltInType.Double, value: 1 }, status));
        set(0);
        assert.equal(await usable(hour), "usable");
        assert.equal(await usable(0), "too old");
        writer.setReceived(0, BigInt(Date.now() + 2 * hour) * 1_000_000n);
        assert.equal(await usable(hour), "too old", "a value of the future: the clock was set back");
        set(0x40900000);
        assert.equal(await usable(hour), "status 40900000");
        assert.equal(await usable(hour, "uncertain"), "usable");
        set(0);
        const times = new BigInt64Array(writer.image.memory.buffer);
        const now = BigInt(Date.now()) * 1_000_000n;
        for (const driftNs of [-6_000_000_000n, 60_000_000_000n]) {
          times[header.heartbeatNs / 8] = now + driftNs;
          assert.equal(await usable(hour), "writer hangs");
        }
        writer.image.beat();
        assert.equal(await usable(hour), "usable");
        writer.image.retire();
        assert.equal(await usable(hour), "retired");
      }
      assert.equal(await usable(hour), "missing");
    });

    test("sees no mixture while the writer runs at full speed; without the check it does", async () => {
      const name = uniqueName();
      try {
        await using writer = await PatternWriterProcess.load(name, 500, "silent");
        await writer.write();
        await using agent = new CompiledAgent(language, name);
        for (let whole = 0; whole < 100_000;) {
          const seen = /^whole (?<whole>\d+) torn (?<torn>\d+) /.exec(
            await agent.ask("torn", 10_000, "checked"),
          )?.groups;
          assert.equal(seen?.["torn"], "0");
          whole += Number(seen["whole"]);
        }
        for (;;) {
          const seen = await agent.ask("torn", 20_000, "unchecked");
          if (!seen.includes(" torn 0 ")) break;
        }
      } finally {
        for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
      }
    });

    test("keeps the last whole poll of a killed writer, calls nothing of it usable, and finds the next one", async () => {
      const name = uniqueName();
      await using agent = new CompiledAgent(language, name);
      try {
        for (let round = 0; round < 6; round++) {
          await using writer = await PatternWriterProcess.load(name, 200, "waking");
          const found = agent.ask("wait", 60_000);
          await writer.write();
          assert.equal(await found, "1");
          assert.equal(await agent.ask("alive"), "1");
          assert.equal(await agent.ask("usable", "pattern 199", 3_600_000), "usable");
          const copied = agent.ask("torn", 2000, "checked");
          await writer.kill();
          assert.match(await copied, / torn 0 /);
          assert.equal(await agent.ask("alive"), "0");
          assert.equal(await agent.ask("usable", "pattern 199", 3_600_000), "writer dead");
          using reader = readLocked(name);
          assert.equal(await agent.ask("alive"), "0", `only readers have ${reader.name} locked`);
          assert.equal(await agent.ask("torn", 10, "checked"), "whole 10 torn 0 lapped 0");
          await agent.ask("wait", 0);
        }
      } finally {
        for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
      }
    });

    test("follows a journal at full speed, counts what it loses, and reads on after the writer's death", async () => {
      const name = `${uniqueName()}_journal`;
      await using agent = new CompiledAgent(language, "");
      try {
        for (const ringBytes of [16 * 1024 * 1024, 16 * 1024]) {
          {
            await using writer = await JournalWriterProcess.start(name, ringBytes);
            assert.ok(writer);
            await agent.ask("journal", name);
            const [, read, lost] = /^read (\d+) lost (\d+) wrong 0$/.exec(await agent.ask("count", 1_000_000)) ?? [];
            assert.ok(Number(read) > 0);
            if (ringBytes < 1_000_000) assert.ok(Number(lost) > 0, "a small ring loses some");
          }
          const rest = async () => {
            const read = await agent.json("since", 1000);
            return read as { readonly lost: string; readonly cursor: unknown; readonly changes: readonly unknown[] };
          };
          // How far the writer was ahead when it ended is the machine's affair.
          let last = await rest();
          while (last.changes.length === 1000) last = await rest();
          assert.match(last.lost, /^\d+$/);
          await agent.ask("journal", name);
          const behindEnd = await rest();
          assert.deepEqual(last.cursor, behindEnd.cursor, "it has come to the last change");
          // It may have died after its last commit made changes readable, and before that moved the end.
          assert.ok([0, 10].includes(behindEnd.changes.length));
        }
      } finally {
        for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
      }
    });

    test("goes over to the journal of the next writer without losing a change of either", async () => {
      const name = `${uniqueName()}_journal`;
      await using agent = new CompiledAgent(language, "");
      try {
        {
          await using writer = await JournalWriterProcess.start(name, 1024 * 1024, 1000);
          assert.ok(writer);
          await agent.ask("journal", name);
          await agent.ask("from", 64 * 500, 500);
        }
        {
          await using writer = await JournalWriterProcess.start(name, 1024 * 1024, 1000);
          assert.ok(writer);
        }
        const read = (await agent.json("since", 100)) as {
          readonly lost: string;
          readonly cursor: Json;
          readonly changes: readonly { readonly value: number }[];
        };
        assert.equal(read.lost, "0");
        assert.deepEqual(
          read.changes.map(({ value }) => value),
          [...rangeTo1000(500), ...rangeTo1000(0)],
        );
        const head = (await agent.json("journal", name)) as { readonly end: Json };
        assert.deepEqual(read.cursor, head.end);
      } finally {
        for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
      }
    });

    test("runs the program of its page: it shows an image and what changes", () => {
      using writer = new TestWriter([numbersServer("numbers", 2)]);
      using journal = new TestJournal();
      writer.publish(0, (block) => {
        block.setNumber(0, BuiltInType.Double, 12.5);
        block.setStatus(1, 0x80340000);
      });
      journal.append(1, 7);
      const printed = runShow(language, writer.name, journal.name);
      assert.match(printed, new RegExp(`^numbers: connection ${ConnectionState.connected} grüßt nicht$`, "m"));
      assert.match(printed, /^ {2}numbers 0 = 12\.5 m³\/h$/m);
      assert.match(printed, /^ {2}numbers 1: not usable, .*80340000|2150891520/m);
      assert.match(
        printed,
        /^ {2}numbers 1 became 0 \(0 changes lost before\)\n {2}another generation's point became 0/m,
      );
    });
  });
}
