// The server's name is looked up before node-opcua does it: the library asks again with every attempt, while earlier questions still hold
// threads of the runtime, and what it says when no answer comes sounds as if the server were silent.

import { isIP } from "node:net";
import { hostOf } from "../../certificates/host-name.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { askForAddresses } from "../../sources/host-addresses.ts";
import { answerOf, boundedWait, type WaitLimit } from "./bounded-wait.ts";
import { asServerError } from "./failure.ts";

/** Rejects with a ServerError when the name has no address, or none within the limit. */
export async function lookUpHost({ alias, endpointUrl }: OpcUaServer, limit: WaitLimit): Promise<void> {
  const host = hostOf(endpointUrl);
  if (isIP(host) !== 0) return;
  try {
    const looked = answerOf<unknown>((done) => askForAddresses(host, done));
    await boundedWait(looked, `look up the name ${host} of ${endpointUrl}`, limit);
  } catch (error) {
    throw asServerError(error, alias, `connect to ${endpointUrl}`);
  }
}
