// TLS servers that spoil their records, messages and certificates before they are trusted; the real connection dials them, and meanwhile asks a
// neighbour for values every few milliseconds.
//
// An input is dealt with when the connection opens and values are right, or is refused with one of the errors that end a connection, and when
// the thread was never busy for so long at a time that the neighbour's poll would be late. That is counted in time on the processor: what a busy
// machine takes is not the client's doing.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ModbusTls } from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import type { Requester } from "../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import type { ModbusConnection } from "../../packages/partition/src/protocols/modbus/connection/modbus-connection.ts";
import { ModbusConnections } from "../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { scrambled } from "../plant/modbus-device.ts";
import { CertificateFolder, clientUse, serverUse } from "../plant/certificate-folder.ts";
import type { Target } from "./campaign.ts";
import { Random } from "./random.ts";
import type { Announcement, PeersOrder, PeersPorts } from "./tls-rogue-thread.ts";

/** Servers that stop in the middle of the handshake are many; those that take their time are waited for now and then. */
const hasty: Requester = { server: "Fuzz", timeoutMs: 80, pauseBetweenRequestsMs: 0 };
const patient: Requester = { ...hasty, timeoutMs: 1500 };
const neighbourly: Requester = { server: "Neighbour", timeoutMs: 120_000, pauseBetweenRequestsMs: 0 };
const allowedErrors: ReadonlySet<string> = new Set([
  "SecurityRefused",
  "ProtocolViolation",
  "Timeout",
  "ConnectionFailed",
]);
const neighbourEveryMs = 10;
const mostBusyMs = 50;
const mostRepeats = 3;
/** Until then code is loaded and compiled. */
const firstJudged = 20;

export async function modbusTls(): Promise<Target> {
  const folder = new CertificateFolder();
  const authority = await folder.make("CA", { isAuthority: true });
  const device = await folder.make("device", {
    issuer: authority,
    names: ["127.0.0.1"],
    usage: serverUse,
    hasRsaKeys: true,
  });
  const client = await folder.make("partition", { issuer: authority, usage: clientUse });
  const order: PeersOrder = { cert: device.certificatePem, key: device.keyPem, ca: authority.certificatePem };
  const peers = new Worker(new URL("./tls-rogue-thread.ts", import.meta.url), { workerData: order });
  const [ports] = (await once(peers, "message")) as [PeersPorts];
  const tls: ModbusTls = {
    caFile: authority.certificateFile,
    clientCertificateFile: client.certificateFile,
    clientPrivateKeyFile: client.keyFile,
    serverName: "127.0.0.1",
    minimumVersion: "1.2",
  };
  const connections = new ModbusConnections();
  const neighbour = new Neighbour(connections.acquire("127.0.0.1", ports.plain));
  const notes: Record<string, number> = { values: 0 };
  const count = (outcome: string): void => {
    notes[outcome] = (notes[outcome] ?? 0) + 1;
  };

  /** The longest time that the thread was busy meanwhile. */
  const dial = async (announcement: Announcement, random: Random): Promise<number> => {
    const known = once(peers, "message");
    peers.postMessage(announcement);
    await known;
    const connection = connections.acquire("127.0.0.1", random.pick(ports.secure), tls);
    const requester = random.oneIn(8) ? patient : hasty;
    neighbour.takeLongestBusyMs();
    try {
      await connection.open(requester);
      count(await ask(connection, requester, random.below(1000)));
    } catch (error) {
      if (!(error instanceof ServerError) || !allowedErrors.has(error.code)) throw error;
      count(error.code);
    } finally {
      connection.close();
    }
    neighbour.assertWell();
    return neighbour.takeLongestBusyMs();
  };

  return {
    name: "Modbus/TCP Security, rogue server before it is trusted",
    run: async (random, input) => {
      const seed = random.next();
      const attempt = (): Promise<number> => dial([seed, input], new Random(seed, input));
      let busyMs = await attempt();
      // A virtual machine may count what it did for others: an input that does this every time did it itself.
      for (let again = 0; again < mostRepeats && busyMs >= mostBusyMs; again++) {
        count("inputs that were repeated");
        busyMs = await attempt();
      }
      if (input >= firstJudged) assert.ok(busyMs < mostBusyMs, `the thread was busy for ${busyMs} ms at a time`);
    },
    close: async () => {
      neighbour.close();
      const ended = once(peers, "exit");
      peers.postMessage("end");
      await ended;
      folder.remove();
    },
    notes: () => ({
      ...notes,
      "neighbour's polls": neighbour.polls,
      "longest the thread was busy at a time, ms": Math.round(neighbour.longestBusyMs),
      "resident memory at the end, MiB": Math.round(process.memoryUsage.rss() / 1024 / 1024),
    }),
  };
}

/** "values", when it is the value that the device has at this address; a busy machine may also need longer than is waited for. */
async function ask(
  connection: ModbusConnection,
  by: Requester,
  address: number,
): Promise<"values" | "no answer in time"> {
  let value: number | undefined;
  const range = { functionCode: 3, address, quantity: 1 } as const;
  const { kind } = await connection.request(by, 1, range, (bytes, offset) => (value = bytes.getUint16(offset)));
  if (kind === "timeout") return "no answer in time";
  assert.deepEqual([kind, value], ["data", scrambled(1, 3, address)]);
  return "values";
}

class Neighbour {
  polls = 0;
  longestBusyMs = 0;
  readonly #connection: ModbusConnection;
  readonly #timer: NodeJS.Timeout;
  #busySince = process.threadCpuUsage();
  #longestMs = 0;
  #isPolling = false;
  #error: unknown;

  constructor(connection: ModbusConnection) {
    this.#connection = connection;
    this.#timer = setInterval(() => {
      this.#look();
      if (this.#isPolling) return;
      this.#isPolling = true;
      this.#poll()
        .catch((error: unknown) => (this.#error ??= error))
        .finally(() => (this.#isPolling = false));
    }, neighbourEveryMs);
  }

  /** Since the last call. */
  takeLongestBusyMs(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  assertWell(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connection.close();
  }

  /** From one turn of the timer to the next the thread may have had many others; with a busy machine they are a long time, but not on the processor. */
  #look(): void {
    const { user, system } = process.threadCpuUsage(this.#busySince);
    this.#busySince = process.threadCpuUsage();
    const busyMs = (user + system) / 1000;
    this.#longestMs = Math.max(this.#longestMs, busyMs);
    this.longestBusyMs = Math.max(this.longestBusyMs, busyMs);
  }

  async #poll(): Promise<void> {
    // It shares a thread with the rogues, so it may be slow; what it says has to be right.
    await this.#connection.open(neighbourly);
    assert.equal(await ask(this.#connection, neighbourly, this.polls % 1000), "values");
    this.polls++;
  }
}
