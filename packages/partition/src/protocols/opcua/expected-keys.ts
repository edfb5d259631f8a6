// The keys that the next start would give, as far as the configuration and the remembered names tell.

import { decideServiceKeys, type RememberedNames } from "@cpc-partition/image/values/point-keys";
import type { OpcUaConfiguration, OpcUaServer } from "./configuration/opc-ua-server.ts";
import { opcUaConnection } from "./configuration/connection-entry.ts";
import { contestedKeysOf } from "../../configuration/contested-keys.ts";
import { configuredPoint } from "./configuration/opc-ua-point.ts";
import type { KeyPlan } from "../configuration-format.ts";

export function expectedKeys({ servers }: OpcUaConfiguration, remembered: RememberedNames): KeyPlan {
  const owners = servers.map((server) => ({
    alias: server.alias,
    connection: opcUaConnection(server.alias),
    points: server.nodes.map((node) => configuredPoint(server, node)),
  }));
  const { keys } = decideServiceKeys(owners, remembered);
  const values = keys.flatMap((own, serverIndex) =>
    own.map(({ wanted, key, point }, nodeIndex) => {
      const { alias, nodes, location } = servers[serverIndex] as OpcUaServer;
      return { server: alias, location: nodes[nodeIndex]?.location ?? location, place: point.place ?? "", wanted, key };
    }),
  );
  return {
    contested: contestedKeysOf(values),
    expected: keys.reduce((sum, own) => sum + own.filter(({ isExpected }) => isExpected).length, 0),
  };
}
