// Reaches servers whose URL has an IPv6 address. node-opcua takes the host for its socket out of the URL with its brackets, which makes a
// host name of it that nobody knows; here the socket is opened to the address itself, and everything else is node-opcua's.

/* oxlint-disable no-underscore-dangle -- names of the library, which means them for classes like this one */

import { connect, isIPv6 } from "node:net";

import type { ClientTCP_transport, IClientTransportFactory, ISocketLike } from "node-opcua-transport";
import { hostOf } from "../../../certificates/host-name.ts";
import { LimitedTransport, refuseArraysOfNull } from "./message-limits.ts";
import { decodeTolerantly } from "./tolerant-decoding.ts";

const DEFAULT_PORT = 4840;

class Transport extends LimitedTransport {
  override connect(endpointUrl: string, done: Parameters<ClientTCP_transport["connect"]>[1]): void {
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
}

/** To be given to every client and channel. */
export const transportFactory: IClientTransportFactory = {
  create(settings) {
    decodeTolerantly();
    refuseArraysOfNull();
    return new Transport(settings);
  },
};
