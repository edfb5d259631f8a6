// `cpc` of this package alone, for an installation without the partition.

import { runCompanion } from "@cpc-partition/process/companion-program";
import { addCommands } from "./commands.ts";

await runCompanion(new URL("../package.json", import.meta.url), addCommands);
