// Preloaded into a process and its threads (NODE_OPTIONS=--import=...): writes a line for every script that the engine compiles, with the classes of
// requests in it. What is not in this list is not in the process, whatever is installed. CPC_SCRIPTS names the file.

import { appendFileSync } from "node:fs";
import { Session } from "node:inspector";

export interface CompiledScript {
  readonly url: string;
  /** Classes of OPC UA requests that can be encoded. */
  readonly requests: readonly string[];
}

const file = process.env["CPC_SCRIPTS"];

if (file !== undefined) {
  const session = new Session();
  session.connect();
  session.on("Debugger.scriptParsed", ({ params: { scriptId, url } }) => {
    session.post("Debugger.getScriptSource", { scriptId }, (_, { scriptSource } = { scriptSource: "" }) => {
      const requests = Array.from(
        scriptSource.matchAll(/class (\w+Request) extends ExtensionObject /g),
        ([, name = ""]) => name,
      );
      const script: CompiledScript = { url, requests };
      appendFileSync(file, `${JSON.stringify(script)}\n`);
    });
  });
  session.post("Debugger.enable");
}
