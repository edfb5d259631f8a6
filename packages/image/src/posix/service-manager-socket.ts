// One datagram to the service manager that started us (systemd): sd_notify(3) without its library.

import { constants } from "node:os";
import { errno, PosixError } from "./errno.ts";
import { libc } from "./libc.ts";

/** sys/socket.h of Linux, and unix(7). */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;
const longestPath = 107;

/**
 * `socket` as in NOTIFY_SOCKET: a path, or `@` and an abstract name. Never waits: false when the manager does not take it now. Throws a PosixError
 * when it cannot be reached.
 */
export function sendToServiceManager(socket: string, state: string): boolean {
  const name = Buffer.from(socket);
  if (name.length === 0 || name.length > longestPath || !/^[/@]/.test(socket))
    throw new PosixError("notify the service manager", socket, "sendto", -constants.errno.EINVAL);
  if (socket.startsWith("@")) name[0] = 0;
  const address = Buffer.alloc(2 + name.length);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
  name.copy(address, 2);
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) throw new PosixError("notify the service manager", socket, "socket", descriptor);
  const bytes = Buffer.from(state);
  const sent = libc.sendto(descriptor, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
  libc.close(descriptor);
  if (sent === -errno.EAGAIN) return false;
  if (sent < 0) throw new PosixError("notify the service manager", socket, "sendto", sent);
  return true;
}
