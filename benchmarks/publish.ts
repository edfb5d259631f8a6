// What does a publish cost for each point? All values set anew and made visible in real shared memory, with nobody asleep on it.
//
//   node benchmarks/publish.ts [--json]

import { numbersImage } from "./shared-image.ts";
import { plantMix, prepared, setAll, twoDecimals } from "./plant-values.ts";
import { tell, type Line } from "./report.ts";
import { medianUs, timeInTurns } from "./stop-watch.ts";

const WANTED_US = 20;

function linesOf(points: number): readonly Line[] {
  using writer = numbersImage(plantMix, points);
  const values = prepared(plantMix, points, twoDecimals);
  const timings = timeInTurns(
    [
      { name: "all", run: (round) => writer.publish((block) => setAll(block, plantMix, values, round)) },
      { name: "bare", run: () => writer.publish(() => {}) },
    ],
    2000,
    Math.ceil(20_000 / points),
  );
  const us = medianUs(timings, "all");
  return [
    { what: `${points} points, us`, figure: us, ...(points === 1000 ? { wanted: `less than ${WANTED_US}` } : {}) },
    { what: `${points} points, ns for each`, figure: (1000 * us) / points },
    { what: `${points} points, us without setting one`, figure: medianUs(timings, "bare") },
  ];
}

tell({
  question: "What does a publish cost?",
  lines: [...linesOf(100), ...linesOf(1000), ...linesOf(10_000)],
  remarks: [
    "begin, set every value, publish and wake, one right after the other; benchmarks/readers-cost.ts has them with pauses",
    "40 % Boolean, 30 % UInt16, 30 % Double; medians of 2000 batches",
  ],
});
