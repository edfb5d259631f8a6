// Which release of which program this is, on what, for people who file a report and programs that keep an inventory.

import { readFileSync } from "node:fs";
import { release } from "node:os";
import { companionNames } from "./companions.ts";

export function ownVersion(): string {
  return versionIn(new URL("../../package.json", import.meta.url));
}

/** One object; a package that is not installed is null. */
export async function versionJson(): Promise<string> {
  // Not for every command: `verify` has to run where files are missing.
  const { majorVersion, minorVersion } = await import("@cpc-partition/image/layout");
  const packages = Object.fromEntries(companionNames.map((name) => [name, versionOf(name)]));
  const image = `${majorVersion}.${minorVersion}`;
  const { platform, arch, versions } = process;
  const system = { platform, arch, kernel: release() };
  return JSON.stringify({ name: "cpc", version: ownVersion(), packages, image, node: versions.node, ...system });
}

function versionOf(name: string): string | null {
  try {
    return versionIn(new URL("../package.json", import.meta.resolve(`${name}/commands`)));
  } catch {
    return null; // not installed
  }
}

function versionIn(packageFile: URL): string {
  return (JSON.parse(readFileSync(packageFile, "utf8")) as { version: string }).version;
}
