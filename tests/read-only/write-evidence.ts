// `npm run evidence`: writes the page, and fails when a claim did not hold.
//
//   npm run evidence -- [--output FILE] [--polls N]    N polls of each server alone, and after each attack (10 by default)

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Lifetime } from "../image/posix/own-objects.ts";
import { evidencePage } from "./evidence-page.ts";
import { gatherEvidence } from "./gather-evidence.ts";
import { judgeEvidence } from "./judge-evidence.ts";

const root = join(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: { output: { type: "string", default: "evidence.md" }, polls: { type: "string", default: "10" } },
});
const polls = Number(values.polls);
if (!Number.isInteger(polls) || polls < 1) {
  console.error(`evidence: --polls must be a number of polls, not "${values.polls}"`);
  process.exit(2);
}

function versionOf(manifest: string): string {
  return (JSON.parse(readFileSync(join(root, manifest), "utf8")) as { version: string }).version;
}

function git(...args: readonly string[]): string {
  return execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
}

const endings: (() => unknown)[] = [];
const lifetime: Lifetime = { after: (ending) => endings.push(ending) };
try {
  const evidence = await gatherEvidence(lifetime, polls);
  const claims = judgeEvidence(evidence);
  const page = evidencePage(evidence, claims, {
    version: versionOf("packages/partition/package.json"),
    commit:
      git("rev-parse", "HEAD") + (git("status", "--porcelain") === "" ? "" : ", with changes that are not committed"),
    date: new Date().toISOString(),
    command: `npm run evidence -- --polls ${polls}`,
    software: {
      "Node.js": process.versions.node,
      OpenSSL: process.versions.openssl,
      Linux: release(),
      architecture: process.arch,
      "node-opcua-client": versionOf("node_modules/node-opcua-client/package.json"),
      koffi: versionOf("node_modules/koffi/package.json"),
    },
  });
  writeFileSync(values.output, page);
  const failed = claims.filter(({ against }) => against.length > 0);
  for (const { text, against } of failed) console.error(`evidence: did not hold: ${text} ${against.join("; ")}`);
  console.log(`${values.output}: ${claims.length - failed.length} of ${claims.length} claims held`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  for (const ending of endings.toReversed()) await ending();
}
