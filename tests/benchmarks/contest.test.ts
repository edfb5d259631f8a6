import assert from "node:assert/strict";
import { test } from "node:test";
import { compete } from "../../benchmarks/contest.ts";
import { LineProcess } from "../../benchmarks/line-process.ts";

/** A client whose every poll takes 20 ms of processor time, or of sleep, and which reads values that add up to 6. */
const program = `
  const isBusy = process.argv[1] === "busy";
  console.log('{"ready": true, "version": "1.2"}');
  require("node:readline").createInterface({ input: process.stdin }).on("line", (polls) => {
    const answer = () => console.log('{"sum": 6}');
    if (!isBusy) return void setTimeout(answer, 20 * Number(polls));
    const usedBefore = process.cpuUsage().user;
    while (process.cpuUsage().user - usedBefore < 20_000 * Number(polls));
    answer();
  });`;

function client(name: "busy" | "asleep") {
  return { name, what: name, start: () => new LineProcess(process.execPath, ["-e", program, name], {}) };
}

const contest = { contestants: [client("busy"), client("asleep")], sum: 6, progress: () => undefined };

test("a client's processor time is its own, and waiting is none", async () => {
  const [busy, asleep] = await compete({ ...contest, rounds: 2, turnMs: 40, warmUpMs: 1 });
  assert.equal(busy?.turns.length, 2);
  assert.equal(busy.version, "1.2");
  assert.ok(busy.residentMiB > 10);
  for (const { cpuMs, wallMs } of busy.turns) assert.ok(cpuMs >= 18 && wallMs >= 18, `${cpuMs} of ${wallMs} ms`);
  for (const { cpuMs, wallMs } of asleep?.turns ?? []) assert.ok(cpuMs < wallMs, `${cpuMs} of ${wallMs} ms`);
});

test("a client that reads other values than the server has ends the contest", async () => {
  await assert.rejects(compete({ ...contest, sum: 7, rounds: 1, turnMs: 1, warmUpMs: 1 }), /add up to 6 instead of 7/);
});
