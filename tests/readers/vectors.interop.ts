// The readers in other languages over the test vectors, as files in /dev/shm. Needs gcc and python3.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { suite, test } from "node:test";
import { AgentProcess, languages } from "./agents/agent-process.ts";
import { uniqueName } from "./test-writer.ts";
import { imageVectors, journalVectors, spoiltVectors } from "./vector-files.ts";

async function withFile(name: string, bytes: Uint8Array, use: () => Promise<void>): Promise<void> {
  // A file of its own each time: a reader that has the one before mapped must not find it cut.
  rmSync(`/dev/shm/${name}`, { force: true });
  writeFileSync(`/dev/shm/${name}`, bytes, { mode: 0o640 });
  try {
    await use();
  } finally {
    rmSync(`/dev/shm/${name}`, { force: true });
  }
}

for (const language of languages) {
  void suite(`the reader in ${language} over the vectors`, { timeout: 120_000 }, () => {
    test("reads every image", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      for (const { name: vector, bytes, expected } of imageVectors())
        await withFile(name, bytes, async () => assert.deepEqual(await agent.askJson("dump"), expected, vector));
    });

    test("reads every journal, and knows what it lost", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      for (const { name: vector, bytes, head, reads } of journalVectors()) {
        await withFile(name, bytes, async () => {
          for (const { from, expected } of reads) {
            const answer = await agent.askJson(`since ${name} ${from.position} ${from.sequence}`);
            assert.deepEqual(answer, { ...head, ...(expected as object) }, `${vector} from ${from.position}`);
          }
        });
      }
    });

    test("refuses every spoilt file", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      for (const { what, file, bytes } of spoiltVectors()) {
        const command = file.endsWith(".image") ? "dump" : `since ${name} 0 0`;
        await withFile(name, bytes, async () => assert.equal(await agent.askJson(command), "none", `${file}: ${what}`));
      }
    });

    test("gives an answer of bounded size for any file, whatever words are changed in it", async () => {
      const name = uniqueName();
      await using agent = new AgentProcess(language, name);
      const files = [
        ...imageVectors().filter((vector) => vector.name === "plant.image" || vector.name === "clamped.image"),
        ...journalVectors().filter((vector) => vector.name === "changes.journal"),
      ];
      const words = [0, 1, 7, 8, 0xffff, 0x7fffffff, 0xfffffff8, 0xffffffff];
      let seed = 1;
      const random = (below: number): number => {
        seed = (seed * 48_271) % 0x7fffffff;
        return seed % below;
      };
      for (let round = 0; round < 500; round++) {
        const { name: vector, bytes } = files[round % files.length] ?? { name: "", bytes: new Uint8Array() };
        const spoilt = bytes.slice();
        const view = new DataView(spoilt.buffer);
        const isJournal = vector.endsWith(".journal");
        // Mostly where it hurts: in the header, the tables and the first records.
        for (let spot = 0; spot < 3; spot++)
          view.setUint32(4 * random(Math.min(spoilt.length, 2048) / 4), words[random(words.length)] ?? 0, true);
        await withFile(name, spoilt, async () => {
          const answer = (await agent.ask(isJournal ? `since ${name} 0 0` : "dump")).join();
          assert.ok(answer.length < 2 ** 20, `${vector}: ${answer.length} characters`);
        });
      }
    });
  });
}
