// The files in this package's folder config/: the grammars, and the configuration that `cpc demo` runs.

import { fileURLToPath } from "node:url";

/** Absolute path. Sources and built files are equally deep below the folder of the package. */
export function shippedFile(name: string): string {
  return fileURLToPath(new URL(`../../config/${name}`, import.meta.url));
}
