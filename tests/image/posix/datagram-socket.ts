// What a service manager listens at: a datagram socket of unix(7). Node has none.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import type { Lifetime } from "./own-objects.ts";

const libc = koffi.load("libc.so.6");
const socket = libc.func("int socket(int domain, int type, int protocol)");
const bind = libc.func("int bind(int sockfd, const void *addr, uint32_t addrlen)");
const recv = libc.func("int64_t recv(int sockfd, void *buf, size_t len, int flags)");
const close = libc.func("int close(int fd)");

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export interface DatagramSocket {
  /** As in NOTIFY_SOCKET. */
  readonly name: string;
  /** What has come since the last call, a text for each datagram. */
  received(): readonly string[];
}

/** In a folder of its own, or with an abstract name. */
export function datagramSocket(t: Lifetime, isAbstract = false): DatagramSocket {
  const folder = mkdtempSync(join(tmpdir(), "cpc-notify-"));
  const path = join(folder, "socket");
  const name = isAbstract ? `@${path}` : path;
  const address = Buffer.from(`\u0001\u0000${isAbstract ? "\u0000" : ""}${path}`, "latin1");
  const descriptor = Number(socket(AF_UNIX, SOCK_DGRAM, 0));
  if (bind(descriptor, address, address.length) !== 0) throw new Error(`cannot bind ${path}`);
  t.after(() => {
    close(descriptor);
    rmSync(folder, { recursive: true });
  });
  return {
    name,
    received: () => {
      const texts: string[] = [];
      const buffer = Buffer.alloc(4096);
      for (;;) {
        const length = Number(recv(descriptor, buffer, buffer.length, MSG_DONTWAIT));
        if (length < 0) return texts;
        texts.push(buffer.toString("utf8", 0, length));
      }
    },
  };
}
