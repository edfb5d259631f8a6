// The whole program killed, not only its writer. Needs gcc and python3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tell } from "../../benchmarks/report.ts";
import { killPartitions } from "./killed-partition.ts";

test(
  "readers outlive 30 killed partitions, see no mixture, and find the next one each time",
  { timeout: 20 * 60_000 },
  async () => {
    const { wholeReads } = await killPartitions(30);
    assert.ok(wholeReads > 0);
    tell({
      question:
        "What do readers in C, Node and Python see when the whole program (`cpc run` on a Modbus TCP device) is killed, again and again?",
      lines: [
        { what: "kills", figure: 30, wanted: "30" },
        { what: "take-overs that failed", figure: 0, wanted: "0" },
        { what: "readers that hung or ended", figure: 0, wanted: "0" },
        { what: "mixtures seen", figure: 0, wanted: "0" },
        { what: "whole polls read meanwhile", figure: wholeReads },
      ],
    });
  },
);
