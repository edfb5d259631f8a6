// The output `jetstream`: a stream of a NATS server or cluster.
//
//   ROOT.bridge                  online or not, and what waits on disk
//   ROOT.servers.SERVER          connected or not
//   ROOT.live.SERVER[.POINT]     values as they come
//   ROOT.history.SERVER[.POINT]  older values

import { BrokerAccessError, type BrokerSettings } from "../../configuration/broker-settings.ts";
import type { Fields } from "../../configuration/fields.ts";
import { OutputError, type Output, type OutputContext, type Session } from "../output.ts";
import type { OutputKind, OutputSetting } from "../output-kind.ts";
import { JetStreamSession } from "./jetstream-session.ts";
import { NatsConnection } from "./nats-connection.ts";
import type { WantedStream } from "./stream.ts";

export const jetStream: OutputKind = {
  schemes: { plain: "nats", tls: "tls", plainPort: 4222, tlsPort: 4222, isCluster: true },
  read: readJetStream,
};

const day = 86_400_000;

function readJetStream(fields: Fields, { name, broker }: OutputSetting): Output {
  const root = fields.text("subject") ?? "cpc";
  if (!/^[^\s.*>$]+(?:\.[^\s.*>$]+)*$/.test(root))
    fields.error(
      "subject",
      "can have elements between dots, without blanks, * and >; write for example plant1.gateway7",
    );
  const layout = fields.choice("layout", ["point", "server"] as const, "point");
  const stream: WantedStream = {
    name: readStreamName(fields, root),
    subjects: `${root}.>`,
    domain: fields.text("domain"),
    mayCreate: fields.boolean("createStream", true),
    replicas: fields.number("replicas", 1, { least: 1, most: 5, isWhole: true }),
    maxBytes: fields.size("maxSize", 2 ** 30, { least: 2 ** 20, most: 2 ** 50 }),
    maxAgeMs: fields.duration("maxAge", 7 * day, { least: 1000, most: 3650 * day }),
    duplicateWindowMs: fields.duration("duplicateWindow", 120_000, { least: 100, most: day }),
  };
  const times = {
    keepAliveMs: fields.duration("keepAlive", 30_000, { least: 1000, most: 3_600_000 }),
    timeoutMs: fields.duration("timeout", 10_000, { least: 100, most: 300_000 }),
  };
  let turn = 0;
  return {
    name,
    fingerprint: () => broker.fingerprint(),
    connect: async ({ log, signal }: OutputContext): Promise<Session> => {
      // The next attempt is at the next server of the cluster.
      const address = broker.addresses[turn++ % broker.addresses.length] ?? broker.address;
      const access = accessOf(broker, address);
      const clientName = `cpc-${root}`;
      const connection = await NatsConnection.open({ ...address, clientName, stream: stream.name, access, ...times });
      const stop = (): void => void connection.end();
      signal.addEventListener("abort", stop, { once: true });
      try {
        const unknown = await connection.provideStream(stream);
        if (unknown !== undefined) log("warn", unknown);
      } catch (error) {
        await connection.end();
        throw error;
      } finally {
        signal.removeEventListener("abort", stop);
      }
      turn--;
      return new JetStreamSession(connection, { root, layout }, log);
    },
  };
}

/** Streams have names without dots. */
function readStreamName(fields: Fields, root: string): string {
  const name = fields.text("stream") ?? root.replaceAll(/[.]/g, "_").toUpperCase();
  if (!/^[^\s.*>/\\]{1,255}$/.test(name)) fields.error("stream", "cannot have blanks, dots, *, > or slashes");
  return name;
}

function accessOf(broker: BrokerSettings, address: BrokerSettings["address"]) {
  try {
    return broker.access(address);
  } catch (error) {
    if (!(error instanceof BrokerAccessError)) throw error;
    throw new OutputError("Refused", error.message, { cause: error });
  }
}
