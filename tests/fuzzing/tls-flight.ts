// Spoils what a TLS server sends before the client trusts it: the records, the messages in them, the certificates in those. What is encrypted
// is opened and sealed again with the server's own keys, so that the client gets to see what was spoiled.
//
// Messages: RFC 8446, 4 (and RFC 5246, 7.4). Certificates: RFC 8446, 4.4.2, and RFC 5246, 7.4.2.

import { RecordType, splitRecords, type RecordKeys, type RogueConnection } from "../plant/tls-rogue.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const certificateMessage = 11;
const headerBytes = 4;
const mostRecordBytes = 16_384;
/** More than a handshake can have reason to. */
const floodBytes = 300 * 1024;

/** Handshake messages that follow one another, with the keys that seal their records. */
interface Part {
  readonly keys: RecordKeys | undefined;
  messages: Buffer;
}

export class FlightSpoiler {
  #sealing: RecordKeys | undefined;

  /** `bytes`: whole records, as the server writes them. */
  spoil(bytes: Buffer, connection: RogueConnection, random: Random): Buffer {
    if (random.oneIn(6)) return bytes;
    if (random.oneIn(8)) return mutate(bytes, random);
    this.#sealing ??= connection.handshakeKeys?.anew();
    const parts = this.#read(bytes, connection);
    const part = random.pick(parts);
    const way = random.below(4);
    if (way === 0) part.messages = mutate(part.messages, random);
    if (way === 1) part.messages = spoilMessage(part.messages, random);
    if (way === 2) part.messages = spoilCertificates(part.messages, random, part.keys !== undefined);
    const flight = Buffer.concat(parts.map((one) => records(one, random, way === 3)));
    return random.oneIn(8) ? Buffer.concat([flight, flood(part, random)]) : flight;
  }

  #read(bytes: Buffer, connection: RogueConnection): Part[] {
    const parts: Part[] = [];
    for (const record of splitRecords(bytes).records) {
      const isSealed = record[0] === RecordType.applicationData;
      const content = isSealed ? connection.handshakeKeys?.open(record)?.subarray(0, -1) : record.subarray(5);
      // Change cipher spec says nothing in TLS 1.3; what cannot be opened belongs to no handshake.
      if (content === undefined || (!isSealed && record[0] !== RecordType.handshake)) continue;
      const keys = isSealed ? this.#sealing : undefined;
      const last = parts.at(-1);
      if (last !== undefined && last.keys === keys) last.messages = Buffer.concat([last.messages, content]);
      else parts.push({ keys, messages: Buffer.from(content) });
    }
    return parts.length > 0 ? parts : [{ keys: undefined, messages: Buffer.from(bytes) }];
  }
}

function recordOf({ keys }: Part, type: number, content: Buffer): Buffer {
  if (keys !== undefined) return keys.seal(type, content);
  const header = Buffer.of(type, 3, 3, 0, 0);
  header.writeUInt16BE(content.length, 3);
  return Buffer.concat([header, content]);
}

/** What stands between records as well as nothing does, or not. */
const oddRecords: readonly ((random: Random) => readonly [type: number, content: Buffer])[] = [
  () => [RecordType.changeCipherSpec, Buffer.of(1)],
  () => [RecordType.alert, Buffer.of(1, 0)],
  (random) => [RecordType.alert, Buffer.of(1, random.below(256))],
  () => [RecordType.handshake, Buffer.of(0, 0, 0, 0)], // hello request
  () => [RecordType.handshake, Buffer.of(24, 0, 0, 1, 1)], // key update
  () => [RecordType.handshake, Buffer.alloc(0)],
  () => [RecordType.applicationData, Buffer.alloc(0)],
  (random) => [random.below(256), Buffer.alloc(random.below(32), random.below(256))],
];

function records(part: Part, random: Random, isOdd: boolean): Buffer {
  const pieces: Buffer[] = [];
  const size = isOdd ? random.pick([1, 2, 5, 64, 1000, mostRecordBytes]) : mostRecordBytes;
  for (let offset = 0; offset < part.messages.length; offset += size) {
    if (isOdd && random.oneIn(4)) pieces.push(recordOf(part, ...random.pick(oddRecords)(random)));
    pieces.push(recordOf(part, RecordType.handshake, part.messages.subarray(offset, offset + size)));
  }
  return Buffer.concat(pieces);
}

/** What costs nothing to send is sent more often. */
function flood(part: Part, random: Random): Buffer {
  const make = random.pick(oddRecords);
  const pieces: Buffer[] = [];
  for (let bytes = 0; bytes < floodBytes; bytes += pieces.at(-1)?.length ?? 0)
    pieces.push(recordOf(part, ...make(random)));
  const once = Buffer.concat(pieces);
  return part.keys === undefined ? Buffer.concat(Array.from({ length: random.from(1, 30) }, () => once)) : once;
}

function split(messages: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let offset = 0; offset + headerBytes <= messages.length;) {
    const endOffset = offset + headerBytes + messages.readUIntBE(offset + 1, 3);
    found.push(messages.subarray(offset, endOffset));
    offset = endOffset;
  }
  return found;
}

function message(type: number, body: Buffer): Buffer {
  const header = Buffer.of(type, 0, 0, 0);
  header.writeUIntBE(Math.min(body.length, 0xff_ffff), 1, 3);
  return Buffer.concat([header, body]);
}

/** The body of one is spoiled; its length is right, or left as it was. */
function spoilMessage(messages: Buffer, random: Random): Buffer {
  const all = split(messages);
  if (all.length === 0) return mutate(messages, random);
  const place = random.below(all.length);
  const one = all[place] as Buffer;
  const body = mutate(one.subarray(headerBytes), random, all);
  all[place] = random.oneIn(4) ? Buffer.concat([one.subarray(0, headerBytes), body]) : message(one.readUInt8(0), body);
  return Buffer.concat(all);
}

function spoilCertificates(messages: Buffer, random: Random, isNew: boolean): Buffer {
  const all = split(messages);
  const place = all.findIndex((one) => one[0] === certificateMessage);
  const one = all[place];
  if (one === undefined) return spoilMessage(messages, random);
  const chain = certificatesOf(one.subarray(headerBytes), isNew);
  const genuine = chain[0] ?? Buffer.alloc(0);
  const others = [
    ...chain,
    mutate(genuine, random),
    mutate(genuine, random),
    Buffer.of(0x30, 0),
    Buffer.alloc(random.below(3000), 0x30),
    Buffer.alloc(0),
  ];
  const length = random.pick([1, 2, 3, 10, 100, 3000]);
  const list = Array.from({ length }, (_, index) => (index === 0 && random.oneIn(2) ? genuine : random.pick(others)));
  all[place] = message(certificateMessage, certificateList(list, isNew));
  return Buffer.concat(all);
}

function certificatesOf(body: Buffer, isNew: boolean): Buffer[] {
  const found: Buffer[] = [];
  for (let offset = isNew ? 4 : 3; offset + 3 <= body.length;) {
    const endOffset = offset + 3 + body.readUIntBE(offset, 3);
    found.push(body.subarray(offset + 3, endOffset));
    offset = endOffset + (isNew ? 2 : 0);
  }
  return found;
}

function certificateList(certificates: readonly Buffer[], isNew: boolean): Buffer {
  const entries = certificates.map((certificate) => {
    const length = Buffer.alloc(3);
    length.writeUIntBE(certificate.length, 0, 3);
    return Buffer.concat([length, certificate, Buffer.alloc(isNew ? 2 : 0)]);
  });
  const list = Buffer.concat(entries);
  const header = Buffer.alloc(isNew ? 4 : 3);
  header.writeUIntBE(list.length, header.length - 3, 3);
  return Buffer.concat([header, list]);
}
