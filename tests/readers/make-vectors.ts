// Writes readers/vectors anew: node --conditions=cpc-source tests/readers/make-vectors.ts

import { writeFileSync } from "node:fs";
import { vectorFiles } from "./vectors.ts";

for (const [name, content] of vectorFiles())
  writeFileSync(new URL(`../../readers/vectors/${name}`, import.meta.url), content);
