// What a process and the plant that it forked tell each other. Sent by structured clone, so that undefined stays what it is.

import type { SimulatedPlant, SimulatedPlantOptions } from "./simulated-plant.ts";

/** From the parent, once. To end the plant the parent disconnects; it does so, too, by dying. */
export interface StartPlant {
  readonly kind: "start";
  readonly options: SimulatedPlantOptions;
}

/** From the plant, once. */
export type PlantAnswer =
  | { readonly kind: "started"; readonly plant: Omit<SimulatedPlant, "stop"> }
  | { readonly kind: "failed"; readonly reason: string };
