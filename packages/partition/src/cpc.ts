#!/usr/bin/env node
// The installed command: looks at the version of Node.js before anything else is loaded.

import { nodeVersionProblem } from "@cpc-partition/image/node-version";

const problem = nodeVersionProblem();
if (problem === undefined) {
  await import("./main.ts");
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
