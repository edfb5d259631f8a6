// cpc: one command as a process.

import { runAsProcess } from "@cpc-partition/process/command-process";
import { main, report } from "./commands/main.ts";

await runAsProcess(main, report);
