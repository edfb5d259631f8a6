#!/usr/bin/env node
// The installed command: looks at the version of Node.js before anything else is loaded.

import { nodeVersionProblem } from "./node-version.ts";

const problem = nodeVersionProblem();
if (problem === undefined) {
  await import("./main.ts");
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
