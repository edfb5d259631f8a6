// Who shares which connection: one per host and port, alive as long as somebody holds it.

import { ModbusConnection } from "./modbus-connection.ts";

interface Shared {
  readonly connection: ModbusConnection;
  holders: number;
}

/** Belongs to the manager of the clients; each client holds what it got from `acquire` until `release`. */
export class ModbusConnections {
  readonly #sharedByPlace = new Map<string, Shared>();

  acquire(host: string, port: number): ModbusConnection {
    const place = placeOf(host, port);
    const shared = this.#sharedByPlace.get(place) ?? { connection: new ModbusConnection(host, port), holders: 0 };
    this.#sharedByPlace.set(place, shared);
    shared.holders++;
    return shared.connection;
  }

  /** Closes the connection when this was its last holder. */
  release(connection: ModbusConnection): void {
    const place = placeOf(connection.host, connection.port);
    const shared = this.#sharedByPlace.get(place);
    if (shared?.connection !== connection) return;
    shared.holders--;
    if (shared.holders > 0) return;
    this.#sharedByPlace.delete(place);
    connection.close();
  }
}

/** Host names do not distinguish upper and lower case (RFC 4343). */
function placeOf(host: string, port: number): string {
  return `${host.toLowerCase()}:${port}`;
}
