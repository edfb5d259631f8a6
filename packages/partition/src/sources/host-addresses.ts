// A host's addresses, asked for once at a time for each name. Where a name server does not answer, a question holds one of the runtime's few
// threads for many seconds, and nothing ends it: whoever asks again meanwhile waits for the same answer instead of holding another.

import { lookup, type LookupAddress, type LookupAllOptions } from "node:dns";

/** `error` is the resolver's (`code`: ENOTFOUND, EAI_AGAIN ...); without one there is an address at least. */
type Answered = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

type Resolve = (host: string, options: LookupAllOptions, answered: Answered) => void;

const waiting = new Map<string, Answered[]>();

/** As long as the resolver takes: bound the wait. */
export function askForAddresses(host: string, answered: Answered, resolve: Resolve = lookup): void {
  const others = waiting.get(host);
  if (others !== undefined) {
    others.push(answered);
    return;
  }
  const everybody = [answered];
  waiting.set(host, everybody);
  resolve(host, { all: true }, (error, addresses) => {
    waiting.delete(host);
    for (const one of everybody) one(error, addresses);
  });
}
