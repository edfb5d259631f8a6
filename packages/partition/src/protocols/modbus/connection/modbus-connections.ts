// Who shares which connection: one per host and port, alive as long as somebody holds it. A plain and a secured connection, or
// two that check or speak differently, are never the same one.

import type { ModbusTls } from "../configuration/modbus-server.ts";
import type { Endpoint } from "./dial.ts";
import { FirstAnswer } from "./first-answer.ts";
import { ModbusConnection, oneByOne, type LineSettings } from "./modbus-connection.ts";

interface Shared {
  readonly connection: ModbusConnection;
  holders: number;
}

/** Belongs to the manager of the clients; each client holds what it got from `acquire` until `release`. */
export class ModbusConnections {
  readonly #sharedByKey = new Map<string, Shared>();
  /** Outlives the connections: the next one to the same device waits as long as the last one has shown to be needed. */
  readonly #firstAnswerByKey = new Map<string, FirstAnswer>();

  acquire(host: string, port: number, tls?: ModbusTls, line: LineSettings = oneByOne): ModbusConnection {
    const endpoint = { host, port, tls };
    const key = keyOf(endpoint, line);
    const firstAnswer = this.#firstAnswerByKey.get(key) ?? new FirstAnswer();
    this.#firstAnswerByKey.set(key, firstAnswer);
    const shared = this.#sharedByKey.get(key) ?? {
      connection: new ModbusConnection(endpoint, firstAnswer, line),
      holders: 0,
    };
    this.#sharedByKey.set(key, shared);
    shared.holders++;
    return shared.connection;
  }

  /** Closes the connection when this was its last holder. */
  release(connection: ModbusConnection): void {
    const key = keyOf(connection.endpoint, connection.settings);
    const shared = this.#sharedByKey.get(key);
    if (shared?.connection !== connection) return;
    shared.holders--;
    if (shared.holders > 0) return;
    this.#sharedByKey.delete(key);
    connection.close();
  }
}

/** Host names do not distinguish upper and lower case (RFC 4343). */
function keyOf({ host, port, tls }: Endpoint, { framing, windowSize, tolerates = [] }: LineSettings): string {
  const line = `${host.toLowerCase()}:${port} ${framing.name} ${windowSize} ${tolerates.join()}`;
  if (tls === undefined) return line;
  const { caFile, clientCertificateFile, clientPrivateKeyFile, serverName, minimumVersion } = tls;
  const checks = [caFile, clientCertificateFile, clientPrivateKeyFile, serverName.toLowerCase(), minimumVersion];
  return `${line} ${JSON.stringify(checks)}`;
}
