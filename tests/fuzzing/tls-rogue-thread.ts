// The peers of the target "modbus-tls", in a thread of their own, so that the time they take is not the client's: two TLS servers (1.2 and 1.3)
// that spoil what they send before they are trusted, as the input that was announced last wants it, and an honest plain device. The older one
// would rather use Diffie-Hellman with numbers that nobody can afford.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { startDevice } from "../plant/modbus-device.ts";
import { startTlsRogue, type Rogue, type RogueConnection } from "../plant/tls-rogue.ts";
import { Random } from "./random.ts";
import { FlightSpoiler } from "./tls-flight.ts";

export interface PeersOrder {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface PeersPorts {
  readonly plain: number;
  /** TLS 1.2, TLS 1.3. */
  readonly secure: readonly [number, number];
}

/** Of the next connection. */
export type Announcement = readonly [seed: number, input: number];

const affordable = "ECDHE-RSA-AES128-GCM-SHA256";

/** Diffie-Hellman parameters (PKCS #3) with a modulus that is large, odd, and no known prime, for which there is no short cut. */
function costlyNumbers(): string {
  const modulus = randomBytes(1024);
  modulus[0] = 0x80;
  modulus[1023] = 1;
  // SEQUENCE { INTEGER modulus, INTEGER 2 }
  const der = Buffer.concat([Buffer.from("308204080282040100", "hex"), modulus, Buffer.of(2, 1, 2)]);
  return `-----BEGIN DH PARAMETERS-----\n${der.toString("base64").replaceAll(/.{64}/g, "$&\n")}\n-----END DH PARAMETERS-----\n`;
}

if (parentPort !== null) {
  const port = parentPort;
  const { cert, key, ca } = workerData as PeersOrder;
  const device = await startDevice();
  let random = new Random(0, 0);
  const spoilers = new WeakMap<RogueConnection, FlightSpoiler>();
  const rogue: Rogue = {
    change: (bytes, connection) => {
      if (connection.isOpen) return bytes;
      const spoiler = spoilers.get(connection) ?? new FlightSpoiler();
      spoilers.set(connection, spoiler);
      return spoiler.spoil(bytes, connection, random);
    },
    opened: (_, secure) => {
      const inner = connect(device.port, "127.0.0.1").on("error", () => secure.destroy());
      secure.pipe(inner).pipe(secure);
      secure.once("close", () => inner.destroy());
    },
  };
  const options = { cert, key, ca };
  const old = await startTlsRogue(
    { ...options, maxVersion: "TLSv1.2", dhparam: costlyNumbers(), ciphers: `DHE-RSA-AES128-GCM-SHA256:${affordable}` },
    rogue,
  );
  const recent = await startTlsRogue({ ...options, minVersion: "TLSv1.3" }, rogue);
  const ports: PeersPorts = { plain: device.port, secure: [old.port, recent.port] };
  port.postMessage(ports);
  port.on("message", (announced: Announcement | "end") => {
    if (announced === "end") void Promise.all([device, old, recent].map((one) => one.close())).then(() => port.close());
    else {
      device.requests.length = device.received.length = 0;
      random = new Random(...announced);
      port.postMessage("known");
    }
  });
}
