// The rows of docs/operations.md that the page and the alerts name; a test holds them against the page.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { ServiceName } from "@cpc-partition/image/service-name";

export interface HandbookRow {
  readonly section: string;
  readonly row: string;
}

const look = "Where to look";
const opcua = "An OPC UA server fails";
const modbus = "A Modbus device fails";
const consumer = "A consumer fails";
const machine = "The machine fails";

export const rows = {
  notRunning: { section: look, row: "`NOT RUNNING, last heartbeat`" },
  imageMissing: { section: look, row: "`NO PROCESS IMAGE`" },
  serviceStarting: { section: look, row: "`STARTING`" },
  entriesMissing: { section: look, row: "`ENTRIES MISSING`" },
  killed: { section: machine, row: "killed (`kill -9`, out of memory)" },
  nameTaken: { section: machine, row: "something else has our name in `/dev/shm`" },
  ticksMissed: { section: machine, row: "stopped for a while (SIGSTOP, virtual machine paused)" },
  documentsDead: { section: look, row: "`THE DOCUMENTS PROCESS IS NOT RUNNING`" },
  guard: { section: consumer, row: "dies or hangs while it holds the semaphore, or never gives it back" },
  objectsRestored: { section: consumer, row: "removes the segment (Python does so when it ends, see track=False)" },
  certificateEnds: { section: opcua, row: "its certificate ends, or ends soon" },
  ownCertificateEnds: { section: opcua, row: "the partition's own certificate ends soon" },
} as const satisfies Record<string, HandbookRow>;

/** What to read when something is wrong with a server. */
interface ServerRows {
  readonly badPoints: HandbookRow;
  readonly silent: HandbookRow;
  readonly slow: HandbookRow;
  /** When it is lost, by how it failed last. */
  readonly failures: Readonly<Record<FailureKind, HandbookRow>>;
}

const serverRows: Readonly<Record<ServiceName, ServerRows>> = {
  opcua: {
    badPoints: { section: opcua, row: "answers a request with a fault, or a node with a bad status" },
    silent: { section: opcua, row: "accepts connections and never answers, hangs, is stopped" },
    slow: { section: opcua, row: "slower than the interval" },
    failures: {
      ConnectionFailed: { section: opcua, row: "off, or its service not started" },
      Timeout: { section: opcua, row: "its cable is pulled, packets vanish" },
      ProtocolViolation: { section: opcua, row: "something else than an OPC UA server listens there" },
      SecurityRefused: { section: opcua, row: "comes back with a certificate that nobody trusts" },
      IdentityRefused: { section: opcua, row: "wrong user or password" },
      ServiceFault: { section: opcua, row: "refuses the channel or the session, and says why" },
      Stopped: { section: opcua, row: "off, or its service not started" },
    },
  },
  modbus: {
    badPoints: { section: modbus, row: "a register does not exist" },
    silent: { section: modbus, row: "falls silent, hangs, its cable is pulled" },
    slow: { section: modbus, row: "slower than the interval" },
    failures: {
      ConnectionFailed: { section: modbus, row: "off, no route, refused" },
      Timeout: { section: modbus, row: "falls silent, hangs, its cable is pulled" },
      ProtocolViolation: { section: modbus, row: "something else listens at the port" },
      SecurityRefused: { section: modbus, row: "TLS: certificate refused, expired, wrong name" },
      IdentityRefused: { section: modbus, row: "TLS: the device refuses our certificate" },
      ServiceFault: { section: modbus, row: "out of order (exception 4 for everything)" },
      Stopped: { section: modbus, row: "off, no route, refused" },
    },
  },
};

/** A service that only a newer writer knows has no rows of its own: those of Modbus are about any device. */
export function rowsOfService(service: string): ServerRows {
  return (serverRows as Readonly<Record<string, ServerRows>>)[service] ?? serverRows.modbus;
}

/** For the test that holds them against the page. */
export const allRows: readonly HandbookRow[] = [
  ...Object.values(rows),
  ...Object.values(serverRows).flatMap(({ failures, ...others }) =>
    Object.values<HandbookRow>(others).concat(Object.values(failures)),
  ),
];
