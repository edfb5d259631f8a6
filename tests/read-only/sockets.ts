// The sockets of a process as the kernel knows them (proc(5), /proc/net/tcp and unix).

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** State of a TCP socket that listens. */
const tcpListens = "0A";
/** State of a TCP connection. */
const tcpEstablished = "01";
/** __SO_ACCEPTCON in the flags of a Unix socket that listens. */
const unixListens = 0x1_0000;

/** One line for each listening socket of the process: protocol and address. Throws when the process is gone. */
export function listeningSockets(processId: number): readonly string[] {
  const { rows, isOwn, tcpRows } = socketsOf(processId);
  const tcp = tcpRows.filter(({ state }) => state === tcpListens).map(({ table, address }) => `${table} ${address}`);
  const unix = rows("unix")
    .filter(([, , , flags = "0", , , inode]) => (Number.parseInt(flags, 16) & unixListens) !== 0 && isOwn(inode))
    .map(([, , , , , , , path]) => `unix ${path}`);
  // Nobody can "listen" on UDP: a socket that exists can be sent to.
  const udp = ["udp", "udp6", "raw", "raw6"].flatMap((table) =>
    rows(table)
      .filter((columns) => isOwn(columns[9]))
      .map(([, address]) => `${table} ${address}`),
  );
  return [...tcp, ...unix, ...udp];
}

/** The port of the other side of each TCP connection that the process has. Throws when the process is gone. */
export function connectedPorts(processId: number): readonly number[] {
  return socketsOf(processId)
    .tcpRows.filter(({ state }) => state === tcpEstablished)
    .map(({ peer }) => Number.parseInt(peer.split(":")[1] ?? "", 16));
}

function socketsOf(processId: number) {
  const inodes = new Set(
    readdirSync(`/proc/${processId}/fd`).map((descriptor) => inodeOf(`/proc/${processId}/fd/${descriptor}`)),
  );
  const isOwn = (inode: string | undefined): boolean => inode !== undefined && inodes.has(inode);
  const rows = (table: string): string[][] =>
    readFileSync(`/proc/${processId}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
  const tcpRows = ["tcp", "tcp6"].flatMap((table) =>
    rows(table)
      .filter((columns) => isOwn(columns[9]))
      .map(([, address = "", peer = "", state = ""]) => ({ table, address, peer, state })),
  );
  return { rows, isOwn, tcpRows };
}

/** Undefined for a descriptor that is no socket, or is closed by now. */
function inodeOf(path: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
  } catch {
    return undefined;
  }
}
