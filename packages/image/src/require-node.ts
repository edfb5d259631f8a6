// Imported before everything else by what programs import.

import { nodeVersionProblem } from "./node-version.ts";

const problem = nodeVersionProblem();
if (problem !== undefined) throw new Error(problem);
