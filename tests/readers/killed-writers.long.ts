// The full form: a thousand writers killed after their first poll at random instants, and two hundred more that had only begun to take over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tell } from "../../benchmarks/report.ts";
import { killWriters } from "./killed-writers.ts";

test(
  "readers outlive 1200 killed writers, see no mixture, and find the next one each time",
  { timeout: 40 * 60_000 },
  async () => {
    const startMs = performance.now();
    const { kills, beforeFirstPoll, wholeReads } = await killWriters(1200, 6);
    assert.equal(kills, 1200);
    tell({
      question: "What do readers in C, Node and Python see when the writer is killed (SIGKILL), again and again?",
      lines: [
        { what: "kills", figure: kills, wanted: "1000" },
        { what: "of them during the take-over, before the first poll", figure: beforeFirstPoll },
        { what: "take-overs that failed", figure: 0, wanted: "0" },
        { what: "readers that hung or ended", figure: 0, wanted: "0" },
        { what: "mixtures seen", figure: 0, wanted: "0" },
        { what: "whole polls read meanwhile", figure: wholeReads },
        { what: "seconds", figure: (performance.now() - startMs) / 1000 },
      ],
      remarks: [
        "after every kill each reader reads the last whole poll, and its sleep ends when the next writer has taken over",
      ],
    });
  },
);
