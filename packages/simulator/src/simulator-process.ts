// The simulated plant as a process of its own, so that its work disturbs nobody's measurements. Entry point: it is forked by
// forked-plant.ts, takes its options from the parent, starts the plant, tells where it is, and ends when the parent does.

import type { PlantAnswer, StartPlant } from "./plant-messages.ts";
import { startSimulatedPlant } from "./simulated-plant.ts";

// Ctrl-C reaches the whole process group: the parent must still find its plant while it says goodbye to it.
process.on("SIGINT", () => {});

const parentGone = new Promise<void>((resolve) => {
  process.once("disconnect", resolve);
});

process.once("message", (message: StartPlant) => {
  void run(message);
});

async function run({ options }: StartPlant): Promise<void> {
  try {
    const plant = await startSimulatedPlant(options);
    const { modbus, opcua, securityDirectory } = plant;
    await answer({ kind: "started", plant: { modbus, opcua, securityDirectory } });
    await parentGone;
    await plant.stop();
  } catch (error) {
    await answer({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
  process.exit();
}

/** A parent that is gone needs no answer. */
function answer(message: PlantAnswer): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send) process.send(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
