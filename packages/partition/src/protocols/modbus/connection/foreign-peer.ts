// What listens at a port when it is not a Modbus TCP device? Guessed from the first bytes it sent, for the operator. Pure.
//
// HTTP: RFC 9112, 4. TLS: RFC 8446, 5.1 (record type 21 alert or 22 handshake, then version 3.x). SSH: RFC 4253, 4.2. OPC UA: OPC 10000-6,
// 7.1.2.2 (three letters, then F or C). RTU: MODBUS over Serial Line V1.02, 2.5.1 (unit, function, no header).

import type { Transaction } from "./transaction-ids.ts";

const LONGEST_QUOTE = 24;

/** What the peer looks like and what to do; undefined when it might well be a Modbus TCP device that is out of order. */
export function foreignPeer(begins: Uint8Array, asked: Transaction | undefined): string | undefined {
  const text = Buffer.from(begins).toString("latin1");
  const elsewhere = "set <port> to the device's Modbus TCP port, 502 on most devices";
  if (text.startsWith("HTTP")) return `a web server (HTTP) answers there: ${elsewhere}`;
  if (text.startsWith("SSH-")) return `an SSH server answers there: ${elsewhere}`;
  if (/^(?:HEL|ACK|ERR|RHE|OPN|MSG|CLO)[FCA]/.test(text)) {
    return `an OPC UA server answers there: describe it in the OPC UA file, or ${elsewhere}`;
  }
  if ((begins[0] === 0x15 || begins[0] === 0x16) && begins[1] === 3) {
    return `it answers with TLS: add <tls> if the device has Modbus/TCP Security, otherwise ${elsewhere}`;
  }
  if (asked !== undefined && begins[0] === asked.unitId && ((begins[1] ?? 0) & 0x7f) === asked.functionCode) {
    return "it answers in Modbus RTU frames, without the header of Modbus TCP: add <framing>rtu</framing>, or set the gateway to Modbus TCP";
  }
  const shown = /^[\t\r\n\x20-\x7e]{4,}/.exec(text)?.[0];
  if (shown === undefined) return undefined;
  const quote = JSON.stringify(shown.trim().slice(0, LONGEST_QUOTE));
  return `it answers with text (${quote}), so it is no Modbus TCP device: ${elsewhere}`;
}
