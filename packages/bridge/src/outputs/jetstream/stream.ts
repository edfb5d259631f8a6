// The stream that stores what is published: made where there is none, otherwise looked at and left as it is.

import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { nanos, type NatsConnection } from "@nats-io/transport-node";
import { OutputError } from "../output.ts";
import { isOfPermission, streamTrouble } from "./nats-trouble.ts";

export interface WantedStream {
  readonly name: string;
  /** Ends with `.>`. */
  readonly subjects: string;
  /** Of JetStream, where the stream is not on the server's own; undefined: on its own. */
  readonly domain: string | undefined;
  /** False: somebody else makes it. */
  readonly mayCreate: boolean;
  readonly replicas: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly duplicateWindowMs: number;
}

/** Says what could not be found out. Rejects with an OutputError when nothing could be stored there. */
export async function provideStream(
  connection: NatsConnection,
  address: string,
  wanted: WantedStream,
  timeoutMs: number,
): Promise<string | undefined> {
  const { name, domain, subjects } = wanted;
  try {
    const options = { timeout: timeoutMs, checkAPI: false, ...(domain === undefined ? {} : { domain }) };
    const { streams } = await jetstreamManager(connection, options);
    const found = await unlessMissing(streams.info(name));
    if (found === undefined && !wanted.mayCreate)
      throw new OutputError(
        "Refused",
        `there is no stream ${name} on ${address}; create it, or set createStream: true`,
      );
    const { config } = found ?? (await streams.add(configOf(wanted)));
    if (!config.subjects.some((subject) => covers(subject, subjects)))
      throw new OutputError(
        "Refused",
        `the stream ${name} on ${address} takes ${config.subjects.join(", ")} and not ${subjects}; add that to its subjects, or set another stream or subject`,
      );
    if (config.no_ack)
      throw new OutputError(
        "Refused",
        `the stream ${name} on ${address} acknowledges nothing; set its no_ack to false`,
      );
    return undefined;
  } catch (error) {
    if (error instanceof OutputError) throw error;
    // A user may be permitted to publish and nothing else: the acknowledgements prove delivery all the same.
    if (isOfPermission(error))
      return `cannot look at the stream ${name} because ${address} does not permit it to this user; acknowledgements still prove each delivery`;
    throw streamTrouble(error, address, name);
  }
}

async function unlessMissing<Info>(info: Promise<Info>): Promise<Info | undefined> {
  try {
    return await info;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  }
}

function configOf({ name, subjects, replicas, maxBytes, maxAgeMs, duplicateWindowMs }: WantedStream) {
  return {
    name,
    subjects: [subjects],
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    num_replicas: replicas,
    max_bytes: maxBytes,
    max_age: nanos(maxAgeMs),
    duplicate_window: nanos(Math.min(duplicateWindowMs, maxAgeMs)),
    allow_direct: true,
  };
}

/** Whether every subject that the second stands for is one that the first stands for. */
export function covers(pattern: string, wanted: string): boolean {
  const tokens = pattern.split(".");
  const wantedTokens = wanted.split(".");
  for (const [index, token] of tokens.entries()) {
    const other = wantedTokens[index];
    if (other === undefined) return false;
    if (token === ">") return true;
    if (other === ">" || (token !== "*" && token !== other)) return false;
  }
  return tokens.length === wantedTokens.length;
}
