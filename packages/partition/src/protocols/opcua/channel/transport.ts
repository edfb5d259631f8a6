// The connection below a secure channel: node-opcua's, but for four things.
//
//  - Its end: whoever asked for it ends it for good. The library may open another one after it was told to stop.
//  - Limits: the smaller of what we say and what the server acknowledges.
//  - Back pressure: a connection is read no faster than others can bear (paced-reading.ts).
//  - IPv6: the library takes the host out of a URL with its brackets, which makes a host name of it that nobody knows; here the socket is
//    opened to the address itself.

/* oxlint-disable no-underscore-dangle -- names of the library, which means them for classes like this one */

import { connect, isIPv6, type Socket } from "node:net";

import { ClientTCP_transport } from "node-opcua-transport";
import type { IClientTransportFactory, ISocketLike, TransportSettingsOptions } from "node-opcua-transport";
import { hostOf } from "../../../certificates/host-name.ts";
import { decodeWithinBudgets } from "./decode-budget.ts";
import { fitChunks } from "./fitting-chunks.ts";
import { withinOurs } from "./message-limits.ts";
import { readPaced } from "./paced-reading.ts";
import { decodeTolerantly } from "./tolerant-decoding.ts";
import { rememberBrokenStructures } from "./whole-structures.ts";

const DEFAULT_PORT = 4840;

class Transport extends ClientTCP_transport {
  #isRefused = false;
  /** The library forgets a socket that the server has ended, also one that is not yet closed. */
  #opened: Socket | undefined;

  /** A connect that comes after this fails. */
  refuse(): void {
    this.#isRefused = true;
  }

  /** Nothing is left open, and nothing will be opened. */
  close(): void {
    this.refuse();
    this.forceConnectionBreak();
    this.dispose();
    this.#opened?.destroy();
  }

  override connect(endpointUrl: string, done: Parameters<ClientTCP_transport["connect"]>[1]): void {
    if (this.#isRefused) {
      done(new Error("the client was closed"));
      return;
    }
    const host = hostOf(endpointUrl);
    if (!isIPv6(host)) {
      super.connect(endpointUrl, done);
      return;
    }
    this.endpointUrl = endpointUrl;
    const socket = connect({ host, port: Number(new URL(endpointUrl).port) || DEFAULT_PORT });
    socket.setTimeout(this.timeout / 2, () => this.forceConnectionBreak());
    this._install_socket(socket as ISocketLike);
    socket.once("error", done);
    socket.once("connect", () => {
      socket.off("error", done);
      this._perform_HEL_ACK_transaction((error) => {
        if (!error) {
          this._install_post_connect_error_handler(endpointUrl);
          this.emit("connect");
        }
        done(error);
      });
    });
  }

  override setLimits(acknowledged: Parameters<ClientTCP_transport["setLimits"]>[0]): void {
    // Some of it is read from the acknowledgement later: it has to be right itself.
    Object.assign(acknowledged, withinOurs(acknowledged, this.getTransportSettings()));
    super.setLimits(acknowledged);
  }

  protected override _install_socket(socket: ISocketLike): void {
    super._install_socket(socket);
    const tcp = socket as unknown as Socket;
    this.#opened = tcp;
    const [pass] = tcp.listeners("data") as [(bytes: Buffer) => void];
    tcp.off("data", pass);
    readPaced(tcp, () => this.receiveBufferSize, pass);
  }
}

/** The connections of one client or channel, each of which needs its own. */
export class Connections implements IClientTransportFactory {
  readonly #transports: Transport[] = [];
  #isEnded = false;

  create(settings?: TransportSettingsOptions): Transport {
    decodeTolerantly();
    decodeWithinBudgets();
    rememberBrokenStructures();
    fitChunks();
    const transport = new Transport(settings);
    if (this.#isEnded) transport.refuse();
    else this.#transports.push(transport);
    return transport;
  }

  /** Bytes sent over the last one. */
  get bytesWritten(): number {
    return this.#transports.at(-1)?.bytesWritten ?? 0;
  }

  /** Nothing is left open, and nothing will be opened. */
  end(): void {
    this.#isEnded = true;
    for (const transport of this.#transports) transport.close();
  }
}
