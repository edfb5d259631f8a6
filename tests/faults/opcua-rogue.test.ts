// An OPC UA server that nobody trusts is hostile: what it sends before it has proven who it is must cost neither memory nor time.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { GetEndpointsResponse } from "node-opcua-client";
import { certificate } from "../plant/certificates.ts";
import { endpointsOf, messageOf } from "../plant/opcua-messages.ts";
import {
  additionalHeaderBomb,
  endpointsAnswer,
  honest,
  messageChunks,
  startRogue,
  type Answer,
  type Answers,
} from "../plant/rogue-opcua.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { fault, times } from "./fault.ts";
import { NeighbourWatch } from "./neighbour-watch.ts";
import { TestedPartition } from "./tested-partition.ts";
import { intervalMs, neighbourOfFile, settingsOf, slackMs } from "./opcua-scene.ts";

const neighbour = neighbourOfFile("usual");
const rogueCount = 10;
const neighbourPlace = 900;
const mostMegabytes = 400;
const policy = "Basic256Sha256";

interface RogueCase {
  readonly trigger: string;
  readonly answers: () => Promise<Partial<Answers>> | Partial<Answers>;
  /** What status says of it. */
  readonly because: RegExp;
  /** Default None. */
  readonly policy?: string;
}

const cases: readonly RogueCase[] = [
  {
    trigger: "ten servers answer GetEndpoints with four million empty values in the header",
    because: /sends a message of more than 262144 bytes/,
    answers: () => ({ endpoints: endpointsAnswer(additionalHeaderBomb(999_999)) }),
  },
  {
    trigger: "ten servers answer GetEndpoints with as many empty values in the header as a message may hold",
    because: /the server lists no endpoint/,
    answers: () => ({ endpoints: endpointsAnswer(additionalHeaderBomb(60_000)) }),
  },
  {
    trigger: "ten servers show a certificate with fifty thousand empty ones behind it",
    because: /there are more than 8 certificates/,
    answers: async () => showing(Buffer.concat([await leaf(), Buffer.alloc(100_000, Buffer.from([0x30, 0]))])),
    policy,
  },
  {
    trigger: "ten servers show a certificate with as many names as a message has room for",
    because: /a certificate has \d+ bytes where 16384 are the most/,
    answers: async () =>
      showing(Buffer.from((await certificate({ name: "rogue", uri: "urn:rogue", hosts: manyNames })).der)),
    policy,
  },
];

const manyNames = Array.from({ length: 30_000 }, () => "a");

async function leaf(): Promise<Buffer> {
  return Buffer.from((await certificate({ name: "rogue", uri: "urn:rogue", hosts: ["127.0.0.1"] })).der);
}

function showing(certificates: Buffer): Partial<Answers> {
  const message = messageOf(new GetEndpointsResponse({ endpoints: endpointsOf(certificates) }));
  return { endpoints: (requestId, nextSequence) => messageChunks(message, requestId, nextSequence) };
}

for (const { trigger, answers, because, policy: ofRogue = "None" } of cases) {
  fault({
    area: "OPC UA server",
    trigger,
    holds:
      "the partition stays under 400 MB, at every retry again, and the neighbour's values stay good and are read on time",
    run: async (t) => {
      const changes = await answers();
      await using stack = new AsyncDisposableStack();
      let isHostile = false;
      const endpoints: Answer = (...request) => ((isHostile && changes.endpoints) || honest.endpoints)(...request);
      const rogues = await Promise.all(Array.from({ length: rogueCount }, () => startRogue({ endpoints })));
      for (const rogue of rogues) stack.use(rogue);
      const settings = settingsOf(5000);
      const of = { points: 1, settings };
      const partition = new TestedPartition(t, {
        opcua: bornOpcUaXml(
          ...rogues.map(({ port }, index) => ({
            alias: `rogue ${index}`,
            port,
            firstPlace: index,
            policy: ofRogue,
            ...of,
          })),
          { alias: "neighbour", port: neighbour().port, firstPlace: neighbourPlace, ...of },
        ),
        interval: intervalMs / 1000,
        rules: { bystanders: ["neighbour"], oldestGoodMs: slackMs, longestPauseMs: slackMs },
      });
      await partition.untilGood("neighbour");
      const neighbours = await NeighbourWatch.start(t, partition);
      isHostile = true;
      const before = rogues.map(({ answered }) => answered);
      // Whoever is refused is asked again after a minute.
      const enough = ofRogue === "None" ? times({ quick: 3, usual: 10, long: 100 }) : 1;
      await partition.until("each rogue was asked again and again", () =>
        rogues.every(({ answered }, index) => answered - (before[index] ?? 0) >= enough),
      );
      const { witness } = partition;
      await partition.until("status says what is wrong with each", () =>
        rogues.every((_, index) => because.test(witness.server(`rogue ${index}`)?.lastError ?? "")),
      );
      await neighbours.judge();
      const status = readFileSync(`/proc/${partition.child.processId}/status`, "utf8");
      const megabytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
      t.diagnostic(`${Math.round(megabytes)} MB at most`);
      assert.ok(megabytes < mostMegabytes, `${megabytes} MB`);
      await partition.end();
    },
  });
}
