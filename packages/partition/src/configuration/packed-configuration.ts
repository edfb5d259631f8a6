// A configuration as it is handed from thread to thread and kept: each server by itself, as compressed text. A hundred thousand points take a
// megabyte or two so, and forty as objects; the main thread keeps them for the day when a service's thread has to be started again, and the
// service's thread makes objects of one server at a time.
//
// Promises: equal servers have equal bytes, wherever they stand in their files; `location` is left out therefore.

import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { ServerDescription } from "@cpc-partition/image/directory";
import type { ConnectionEntry } from "@cpc-partition/image/point";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ConfiguredServer, ServiceConfiguration, ServiceConfigurations } from "./configuration.ts";

export type PackedServer = Uint8Array;

export interface PackedConfiguration {
  readonly servers: readonly PackedServer[];
  /** Of each server. */
  readonly connections: readonly ConnectionEntry[];
  /** Of all servers. */
  readonly points: number;
}

/** Of each service that is configured. */
export type PackedConfigurations = Readonly<Partial<Record<ServiceName, PackedConfiguration | undefined>>>;

const nowhere = { file: "", line: 0 };
/** It repeats itself so much that more effort saves little. */
const compression = { level: 1 };

/** `described`: the same servers, as their protocol describes them. */
export function packConfiguration(
  { servers }: ServiceConfiguration,
  described: readonly ServerDescription[],
): PackedConfiguration {
  return {
    servers: servers.map(packServer),
    connections: described.map(({ connection }) => connection),
    points: described.flatMap(({ groups }) => groups).reduce((sum, { points }) => sum + points.length, 0),
  };
}

function packServer(server: object): PackedServer {
  const text = JSON.stringify(server, (key, value: unknown) => (key === "location" ? undefined : value));
  // A copy: what zlib returns may be a small part of a large buffer, which a message would take along as a whole.
  return new Uint8Array(deflateRawSync(text, compression));
}

export function unpackServer(packed: PackedServer): ConfiguredServer {
  const server = JSON.parse(inflateRawSync(packed).toString()) as Omit<ConfiguredServer, "location">;
  return { ...server, location: nowhere };
}

/** For programs that look at servers themselves. */
export function unpackConfigurations(packed: PackedConfigurations): ServiceConfigurations {
  const services = Object.entries(packed).flatMap(([service, configuration]) =>
    configuration === undefined ? [] : [[service, { servers: configuration.servers.map(unpackServer) }]],
  );
  return Object.fromEntries(services) as ServiceConfigurations;
}
