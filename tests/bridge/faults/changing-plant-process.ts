// A changing plant in a process of its own: POINTS CHANGES-PER-SECOND. Sends its prefix to the process that forked it, and ends with it.

import { ChangingPlant } from "./changing-plant.ts";

const [points = "", changesPerSecond = ""] = process.argv.slice(2);
const endings: (() => void | Promise<void>)[] = [];
const lifetime = { after: (ending: () => void | Promise<void>): void => void endings.unshift(ending) };
const plant = new ChangingPlant(lifetime, { points: Number(points), changesPerSecond: Number(changesPerSecond) });
plant.start();
process.send?.(plant.prefix);
process.once("disconnect", () => void end());

async function end(): Promise<void> {
  for (const ending of endings) await ending();
}
