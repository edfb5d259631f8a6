// Starts the simulated plant in a child process and hands it out as if it were here.
//
// Promises: resolves when all of its servers answer; `stop` resolves when the child is gone; the child goes by itself when this
// process dies, by whatever signal. Works from the sources and from the built package.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { PlantAnswer, StartPlant } from "./plant-messages.ts";
import type { SimulatedPlant, SimulatedPlantOptions } from "./simulated-plant.ts";

/** The child could not start the plant, or ended before it had. */
export class SimulatedPlantError extends Error {
  override readonly name = "SimulatedPlantError";
  readonly code = "SimulatedPlantError";
}

/** How long a child may take to close its sockets after it was told to end. */
const graceMs = 3000;
const keptErrorCharacters = 4000;

export interface ForkedPlant extends SimulatedPlant {
  readonly pid: number;
}

export async function forkSimulatedPlant(options: SimulatedPlantOptions): Promise<ForkedPlant> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./simulator-process.${extension}`, import.meta.url));
  const child = fork(entry, [], {
    execArgv: [], // flags of this process (a debugger's port, a heap limit) are not the plant's
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-keptErrorCharacters);
  });
  const start: StartPlant = { kind: "start", options };
  child.send(start, () => {}); // a child that is gone already is noticed by its exit
  const answer = await firstAnswer(child);
  if (answer.kind === "failed") {
    const reason = answer.reason || complaints.trim() || "it ended without a word";
    throw new SimulatedPlantError(`cannot start the simulated plant because ${reason}`);
  }
  return { ...answer.plant, pid: child.pid ?? 0, stop: () => stop(child) };
}

function firstAnswer(child: ChildProcess): Promise<PlantAnswer> {
  return new Promise((resolve) => {
    child.once("message", (message) => resolve(message as PlantAnswer));
    child.on("error", (error) => resolve({ kind: "failed", reason: error.message }));
    // "close" rather than "exit": then the last complaint has been read, too.
    child.once("close", () => resolve({ kind: "failed", reason: "" }));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit"); // "close" does not come once the channel was closed from this side
  const lastResort = setTimeout(() => child.kill("SIGKILL"), graceMs);
  if (child.connected) child.disconnect();
  await gone;
  clearTimeout(lastResort);
}
