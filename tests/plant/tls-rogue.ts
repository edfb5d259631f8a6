// A TLS server whose connections a test holds in its hands: what it sends passes through the test, which may change it, and add records
// that are sealed with the server's own keys, so that they are genuine to the client.
//
// Keys: RFC 8446, 7.1 and 7.3. Records: 5.1 and 5.2. The server speaks TLS 1.3 with TLS_AES_128_GCM_SHA256, or TLS 1.2.

import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";

export const RecordType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

const headerBytes = 5;
const tagBytes = 16;

export interface RogueConnection {
  /** To the client. */
  readonly socket: Socket;
  readonly isOpen: boolean;
  /** In TLS 1.3, what seals the records of the handshake, and those after it; undefined as long as the keys are not known. */
  readonly handshakeKeys: RecordKeys | undefined;
  readonly applicationKeys: RecordKeys | undefined;
}

export interface TlsRogue {
  readonly port: number;
  connections: number;
  close(): Promise<void>;
}

export interface Rogue {
  /** What the client gets in place of these bytes of the server; default: the same. */
  change?(bytes: Buffer, connection: RogueConnection): Buffer;
  /** Called once the client has finished its handshake. `secure`: the server's end. Default: nothing is ever answered. */
  opened?(connection: RogueConnection, secure: TLSSocket): void;
}

export async function startTlsRogue(options: TlsOptions, rogue: Rogue): Promise<TlsRogue> {
  const sockets = new Set<Socket>();
  /** By the port from which the proxy connects to the server. */
  const byPort = new Map<number, Fronted>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createTlsServer({ requestCert: true, ciphers: suites, ...options }, (secure) => {
    keep(secure);
    const connection = byPort.get(secure.remotePort ?? 0);
    if (connection === undefined) return;
    connection.isOpen = true;
    if (rogue.opened === undefined) secure.resume();
    // What the server sends by itself at the end of a handshake (its tickets) goes first.
    else setImmediate(() => rogue.opened?.(connection, secure));
  });
  server.on("tlsClientError", () => undefined);
  server.on("keylog", (text: Buffer, secure: TLSSocket) => byPort.get(secure.remotePort ?? 0)?.takeKeys(String(text)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const front = createServer({ noDelay: true }, (socket) => {
    started.connections++;
    const inner = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const connection = new Fronted(socket);
    for (const end of [socket, inner]) keep(end);
    inner.once("connect", () => {
      const { localPort = 0 } = inner;
      byPort.set(localPort, connection);
      inner.once("close", () => byPort.delete(localPort));
      socket.pipe(inner);
    });
    inner.on("data", (bytes) => {
      connection.watch(bytes);
      if (!socket.destroyed) socket.write(rogue.change?.(bytes, connection) ?? bytes);
    });
    inner.once("end", () => socket.end());
    socket.once("close", () => inner.destroy());
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  const started: TlsRogue = {
    port: (front.address() as AddressInfo).port,
    connections: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      for (const one of [front, server]) {
        one.close();
        await once(one, "close");
      }
    },
  };
  return started;
}

const suites = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";

/** The records of a stream, whole ones only; what is left over is the beginning of the next. */
export function splitRecords(bytes: Buffer): { readonly records: readonly Buffer[]; readonly rest: Buffer } {
  const records: Buffer[] = [];
  for (let offset = 0; ;) {
    const endOffset = offset + headerBytes + (bytes.length < offset + headerBytes ? 0 : bytes.readUInt16BE(offset + 3));
    if (bytes.length < endOffset) return { records, rest: bytes.subarray(offset) };
    records.push(bytes.subarray(offset, endOffset));
    offset = endOffset;
  }
}

/** One direction's keys of TLS_AES_128_GCM_SHA256, and the number of the next record. */
export class RecordKeys {
  #secret: Buffer;
  #key: Buffer;
  #iv: Buffer;
  #sequence = 0;

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#key = expand(secret, "key", 16);
    this.#iv = expand(secret, "iv", 12);
  }

  /** The same keys before their first record. */
  anew(): RecordKeys {
    return new RecordKeys(this.#secret);
  }

  seal(type: number, content: Uint8Array): Buffer {
    const header = headerOf(content.length + 1 + tagBytes);
    const cipher = createCipheriv("aes-128-gcm", this.#key, this.#nonce()).setAAD(header);
    const sealed = [cipher.update(content), cipher.update(Buffer.of(type)), cipher.final()];
    this.#sequence++;
    return Buffer.concat([header, ...sealed, cipher.getAuthTag()]);
  }

  /** A key update that asks for one in return; later records are sealed with the next keys. */
  sealKeyUpdate(): Buffer {
    const record = this.seal(RecordType.handshake, Buffer.of(24, 0, 0, 1, 1));
    this.#secret = expand(this.#secret, "traffic upd", 32);
    this.#key = expand(this.#secret, "key", 16);
    this.#iv = expand(this.#secret, "iv", 12);
    this.#sequence = 0;
    return record;
  }

  /** What is in the next record that was sealed with these keys, its type at the end; undefined, and nothing counted, if it was sealed with others. */
  open(record: Buffer): Buffer | undefined {
    const decipher = createDecipheriv("aes-128-gcm", this.#key, this.#nonce()).setAAD(record.subarray(0, headerBytes));
    decipher.setAuthTag(record.subarray(-tagBytes));
    const content = decipher.update(record.subarray(headerBytes, -tagBytes));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    this.#sequence++;
    return content;
  }

  #nonce(): Buffer {
    const bytes = Buffer.from(this.#iv);
    bytes.writeUInt32BE((bytes.readUInt32BE(8) ^ this.#sequence) >>> 0, 8);
    return bytes;
  }
}

class Fronted implements RogueConnection {
  readonly socket: Socket;
  isOpen = false;
  handshakeKeys: RecordKeys | undefined;
  applicationKeys: RecordKeys | undefined;
  #rest = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** A line of the server's key log. */
  takeKeys(text: string): void {
    const [label, , secret = ""] = text.trim().split(" ");
    const keys = (): RecordKeys => new RecordKeys(Buffer.from(secret, "hex"));
    if (label === "SERVER_HANDSHAKE_TRAFFIC_SECRET") this.handshakeKeys = keys();
    if (label === "SERVER_TRAFFIC_SECRET_0") this.applicationKeys = keys();
  }

  /** Counts the records of the application keys that the server sends by itself, because each has its number. */
  watch(bytes: Buffer): void {
    const { records, rest } = splitRecords(Buffer.concat([this.#rest, bytes]));
    this.#rest = Buffer.from(rest);
    for (const record of records) if (record[0] === RecordType.applicationData) this.applicationKeys?.open(record);
  }
}

function headerOf(lengthBytes: number): Buffer {
  const header = Buffer.of(RecordType.applicationData, 3, 3, 0, 0);
  header.writeUInt16BE(lengthBytes, 3);
  return header;
}

/** HKDF-Expand-Label without a context, up to the length of one hash. */
function expand(secret: Buffer, label: string, lengthBytes: number): Buffer {
  const full = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.of(0, lengthBytes, full.length), full, Buffer.of(0, 1)]);
  return createHmac("sha256", secret).update(info).digest().subarray(0, lengthBytes);
}
