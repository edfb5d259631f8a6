// The packages as they are installed: sources need memory to strip their types, which nobody has who installs a package.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface BuiltPackages {
  /** The file to be run as `cpc`. To be started without NODE_OPTIONS of a checkout. */
  readonly main: string;
  /** A program of this folder as JavaScript that uses the built packages; `script` is relative to this folder. */
  readonly program: (script: string) => string;
}

/** In a folder that goes with this process. */
export function builtPackages(): BuiltPackages {
  const folder = mkdtempSync(join(tmpdir(), "cpc-built-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  execFileSync(fileURLToPath(new URL("../scripts/build", import.meta.url)), [folder], {
    stdio: ["ignore", 2, "inherit"],
  });
  const program = (script: string): string => {
    const target = join(folder, "benchmarks", asBuilt(script));
    mkdirSync(dirname(target), { recursive: true });
    const source = stripTypeScriptTypes(readFileSync(new URL(script, import.meta.url), "utf8"));
    const built = source.replaceAll(/"(\.\.?\/[^"]*\.ts)"/g, (_, path: string) => {
      if (!path.includes("/packages/")) program(join(dirname(script), path));
      return `"${asBuilt(path)}"`;
    });
    writeFileSync(target, built);
    return target;
  };
  return { main: join(folder, "packages/partition/dist/main.js"), program };
}

function asBuilt(path: string): string {
  return path.replace(/(packages\/\w+)\/src\//, "$1/dist/").replace(/\.ts$/, ".js");
}
