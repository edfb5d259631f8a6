// An OPC UA server that nobody trusts is hostile: what it sends before it has proven who it is must cost neither memory nor time.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { additionalHeaderBomb, endpointsAnswer, startRogue, type Answers } from "../plant/rogue-opcua.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { fault, times } from "./fault.ts";
import { Patient } from "./patient.ts";
import { intervalMs, neighbourOfFile, settingsOf, slackMs } from "./sick-opcua.ts";

const neighbour = neighbourOfFile();
const rogueCount = 10;
const neighbourPlace = 900;
const mostMegabytes = 400;

interface RogueCase {
  readonly trigger: string;
  readonly answers: Partial<Answers>;
  readonly isQuick?: boolean;
}

const cases: readonly RogueCase[] = [
  {
    trigger: "ten servers answer GetEndpoints with four million empty values in the header",
    answers: { endpoints: endpointsAnswer(additionalHeaderBomb(999_999)) },
    isQuick: true,
  },
  {
    trigger: "ten servers answer GetEndpoints with as many empty values in the header as a message may hold",
    answers: { endpoints: endpointsAnswer(additionalHeaderBomb(60_000)) },
  },
];

for (const { trigger, answers, isQuick = false } of cases) {
  fault({
    area: "OPC UA server",
    trigger,
    holds: "the partition stays under 400 MB, at every retry again, and the neighbour's values stay good",
    extent: isQuick ? "quick" : "usual",
    run: async (t) => {
      await using stack = new AsyncDisposableStack();
      const rogues = await Promise.all(Array.from({ length: rogueCount }, () => startRogue(answers)));
      for (const rogue of rogues) stack.use(rogue);
      const settings = settingsOf(5000);
      const of = { points: 1, settings };
      const patient = new Patient(t, {
        opcua: bornOpcUaXml(
          ...rogues.map(({ port }, index) => ({ alias: `rogue ${index}`, port, firstPlace: index, ...of })),
          { alias: "neighbour", port: neighbour().port, firstPlace: neighbourPlace, ...of },
        ),
        interval: intervalMs / 1000,
        rules: { bystanders: ["neighbour"], oldestGoodMs: slackMs, longestPauseMs: slackMs },
      });
      await patient.untilGood("neighbour");
      const enough = times({ quick: 3, usual: 10, long: 100 });
      await patient.until("each rogue was asked again and again", () =>
        rogues.every(({ answered }) => answered >= enough),
      );
      const status = readFileSync(`/proc/${patient.child.processId}/status`, "utf8");
      const megabytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
      t.diagnostic(`${Math.round(megabytes)} MB at most`);
      assert.ok(megabytes < mostMegabytes, `${megabytes} MB`);
      await patient.end();
    },
  });
}
