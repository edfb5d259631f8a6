// The one call and the journal, in every language: what a program is told when the partition dies, hangs, or goes on elsewhere.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { header, ImageState } from "../../packages/image/src/layout.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { readLocked } from "../image/read-lock.ts";
import { AgentProcess, languages } from "./agents/agent-process.ts";
import { numbersServer } from "./every-type.ts";
import { PatternWriterProcess } from "./pattern-writer-process.ts";
import { TestJournal } from "./test-journal.ts";
import { TestWriter, uniqueName } from "./test-writer.ts";

const uncertain = 0x40900000;

for (const language of languages) {
  void suite(`the reader in ${language}`, { timeout: 120_000 }, () => {
    test("says whether a value is usable, and why not", async () => {
      using writer = new TestWriter([numbersServer("numbers", 1)]);
      await using agent = new AgentProcess(language, writer.name);
      const publish = (status: number) =>
        writer.publish(0, (block) => block.setValue(0, { type: BuiltInType.Double, value: 1 }, status));
      const judged = async (status: number, wanted: string): Promise<readonly string[]> => {
        publish(status);
        await agent.ask("keep");
        return await agent.ask(`usable ${wanted}`);
      };
      assert.deepEqual(await judged(StatusCode.Good, "60000 good"), ["usable"]);
      assert.deepEqual(await judged(StatusCode.BadTimeout, "60000 uncertain"), ["badStatus"]);
      assert.deepEqual(await judged(uncertain, "60000 good"), ["uncertainStatus"]);
      assert.deepEqual(await judged(uncertain, "60000 uncertain"), ["usable"]);
      assert.deepEqual(await judged(StatusCode.Good, "-1 good"), ["tooOld"]);
      writer.setReceived(0, BigInt(Date.now() + 3_600_000) * 1_000_000n);
      await agent.ask("keep");
      assert.deepEqual(
        await agent.ask("usable 60000 good"),
        ["tooOld"],
        "a value of the future: the clock was set back",
      );
      publish(StatusCode.Good);
      await agent.ask("keep");
      const longs = new BigInt64Array(writer.words.buffer);
      const heartbeat = longs[header.heartbeatNs / 8] ?? 0n;
      longs[header.heartbeatNs / 8] = heartbeat - 5_100_000_000n;
      assert.deepEqual(await agent.ask("usable 60000 good"), ["writerHangs"]);
      longs[header.heartbeatNs / 8] = heartbeat + 3_600_000_000_000n;
      assert.deepEqual(await agent.ask("usable 60000 good"), ["writerHangs"], "a clock that was set back");
      writer.image.beat();
      writer.words[header.state / 4] = ImageState.retired;
      assert.deepEqual(await agent.ask("usable 60000 good"), ["retired"]);
    });

    test("does not judge a value by an image that has taken the place of its own", async () => {
      using writer = new TestWriter([numbersServer("numbers", 1)]);
      await using agent = new AgentProcess(language, writer.name);
      writer.publish(0, (block) => block.setNumber(0, BuiltInType.Double, 1));
      await agent.ask("keep");
      assert.deepEqual(await agent.ask("usable 60000 good"), ["usable"]);
      writer.replace([numbersServer("numbers", 1)]);
      assert.deepEqual(await agent.ask("usable 60000 good"), ["retired"]);
      await agent.ask("keep");
      assert.deepEqual(await agent.ask("usable 60000 good"), ["usable"]);
    });

    test("calls nothing usable after its writer was killed", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      try {
        await using writer = await PatternWriterProcess.load(name, 10, "waking");
        await writer.write();
        await agent.ask("wait 60000");
        await agent.ask("keep");
        assert.deepEqual(await agent.ask("usable 60000 good"), ["usable"]);
        await writer.kill();
        assert.deepEqual(await agent.ask("usable 60000 good"), ["writerDead"]);
        await agent.ask("keep");
        assert.deepEqual(await agent.ask("usable 60000 good"), ["writerDead"]);
        using reader = readLocked(name);
        assert.deepEqual(
          await agent.ask("usable 60000 good"),
          ["writerDead"],
          `only readers have ${reader.name} locked`,
        );
      } finally {
        for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
      }
    });

    if (language !== "Node")
      test("refuses to read a point of another group", async () => {
        using writer = new TestWriter([numbersServer("one", 2), numbersServer("other", 2)]);
        await using agent = new AgentProcess(language, writer.name);
        assert.deepEqual(await agent.ask("foreign"), ["refused"]);
      });

    test("follows the journal from its end, from its beginning, and from a position", async () => {
      using journal = new TestJournal();
      await using agent = new AgentProcess(language, uniqueName());
      journal.append(1, 2);
      assert.deepEqual(await agent.ask(`follow ${journal.name} end`), ["1"]);
      assert.deepEqual(await agent.askJson("next"), { points: [], lost: "0", isNewJournal: false });
      const position = journal.append(3, 4);
      assert.deepEqual(await agent.askJson("next"), { points: [3, 4], lost: "0", isNewJournal: false });
      journal.append(5);
      assert.deepEqual(await agent.ask(`seek ${position}`), ["1"]);
      assert.deepEqual(await agent.askJson("next"), { points: [5], lost: "0", isNewJournal: false });
      assert.deepEqual(await agent.ask(`follow ${journal.name} oldest`), ["1"]);
      assert.deepEqual(await agent.askJson("next"), { points: [1, 2, 3, 4, 5], lost: "0", isNewJournal: false });
    });

    test("knows how many changes it lost when the writer overran it", async () => {
      using journal = new TestJournal();
      await using agent = new AgentProcess(language, uniqueName());
      journal.append(0);
      await agent.ask(`follow ${journal.name} end`);
      journal.append(...Array.from({ length: 1000 }, (_, n) => n + 1));
      const { points, lost } = (await agent.askJson("next")) as { points: readonly number[]; lost: string };
      assert.equal(points.length + Number(lost), 1000);
      assert.deepEqual(
        points,
        Array.from({ length: points.length }, (_, n) => 1001 - points.length + n),
      );
      assert.deepEqual(await agent.ask("seek 0"), ["0"], "what was overwritten cannot be sought");
    });

    test("reads a journal that was replaced to its end, and then the next one from its beginning", async () => {
      using journal = new TestJournal();
      await using agent = new AgentProcess(language, uniqueName());
      await agent.ask(`follow ${journal.name} end`);
      journal.append(1, 2);
      journal.replace();
      journal.append(7, 8, 9);
      assert.deepEqual(await agent.askJson("next"), { points: [1, 2, 7, 8, 9], lost: "0", isNewJournal: true });
      journal.replace();
      journal.append(...Array.from({ length: 1000 }, (_, n) => n));
      const { points, lost } = (await agent.askJson("next")) as { points: readonly number[]; lost: string };
      assert.equal(points.length + Number(lost), 1000);
      journal.remove();
      assert.deepEqual(await agent.askJson("next"), { points: [], lost: "0", isNewJournal: false });
      journal.replace();
      journal.append(11);
      assert.deepEqual(await agent.askJson("next"), { points: [11], lost: "0", isNewJournal: true });
    });
  });
}
