// Where a partition remembers the browse names that its servers told: a file for each prefix, as for everything else that a run owns.

import { dirname, join, resolve } from "node:path";

export interface StateSettings {
  readonly state: string | undefined;
  readonly certificates: string;
  readonly prefix: string;
}

/** Absolute. */
export function namesFileOf({ state, certificates, prefix }: StateSettings): string {
  const folder = state ?? dirname(resolve(certificates));
  return join(resolve(folder), `${prefix}opcua_names.json`);
}
