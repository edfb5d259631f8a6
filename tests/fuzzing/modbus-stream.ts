// Streams of spoiled replies in pieces of any size, through the frame assembler and the PDU decoder. What they make of a stream is compared
// with what a second decoder, written for this test and slow on purpose, makes of the same bytes in one piece.

import assert from "node:assert/strict";

import type { ReadFunction } from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { FrameAssembler } from "../../packages/partition/src/protocols/modbus/framing/frame-assembler.ts";
import { mbap } from "../../packages/partition/src/protocols/modbus/framing/mbap.ts";
import { decodeResponse, type ReadRange } from "../../packages/partition/src/protocols/modbus/pdu.ts";
import type { Target } from "./campaign.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

export function modbusStream(): Target {
  return { name: "Modbus frames and PDUs", run };
}

function run(random: Random): void {
  const range = randomRange(random);
  let stream: Buffer = Buffer.concat(Array.from({ length: random.from(1, 3) }, () => reply(random, range)));
  if (!random.oneIn(16)) stream = mutate(stream, random);
  const seen: string[] = [];
  const assembler = new FrameAssembler(mbap);
  for (let offset = 0; offset < stream.length;) {
    const chunk = stream.subarray(offset, offset + random.pick([1, 2, 5, 7, 64, 1024]));
    offset += chunk.length;
    const malformed = assembler.push(
      new DataView(chunk.buffer, chunk.byteOffset, chunk.length),
      chunk.length,
      (bytes, frame) => {
        const answer = decodeResponse(bytes, frame.pduOffset, frame.pduEndOffset, range);
        const pdu = Buffer.from(bytes.buffer, bytes.byteOffset + frame.pduOffset, frame.pduEndOffset - frame.pduOffset);
        const data = answer.kind === "data" ? pdu.subarray(answer.dataOffset - frame.pduOffset).toString("hex") : "";
        const code = answer.kind === "exception" ? answer.code : "";
        seen.push(`${frame.transactionId}/${frame.unitId} ${answer.kind} ${data}${code}`);
        return undefined;
      },
    );
    if (malformed !== undefined) {
      seen.push(malformed.field);
      break;
    }
  }
  assert.deepEqual(seen, expected(stream, range));
}

function randomRange(random: Random): ReadRange {
  const functionCode = random.from(1, 4) as ReadFunction;
  const quantity = random.pick([1, 2, 7, 8, 9, random.from(1, 125), functionCode <= 2 ? 2000 : 125]);
  return { functionCode, address: random.below(65_536 - quantity + 1), quantity };
}

function reply(random: Random, { functionCode, quantity }: ReadRange): Buffer {
  const dataBytes = functionCode <= 2 ? Math.ceil(quantity / 8) : 2 * quantity;
  const pdu = random.oneIn(4)
    ? [functionCode + 128, random.below(256)]
    : [functionCode, dataBytes, ...Array.from({ length: dataBytes }, () => random.below(256))];
  return Buffer.from([random.below(256), random.below(256), 0, 0, 0, pdu.length + 1, random.below(256), ...pdu]);
}

/** MODBUS Messaging on TCP/IP V1.0b, 3.1.3, and MODBUS Application Protocol V1.1b3, 6.1 to 6.4 and 7, word by word. */
function expected(stream: Buffer, { functionCode, quantity }: ReadRange): string[] {
  const events: string[] = [];
  const dataBytes = functionCode === 1 || functionCode === 2 ? (quantity + 7 - ((quantity + 7) % 8)) / 8 : quantity * 2;
  for (let rest = stream; ;) {
    const [transactionHigh = 0, transactionLow = 0, protocolHigh, protocolLow, lengthHigh, lengthLow, unitId] = rest;
    if (protocolHigh === undefined || protocolLow === undefined) return events;
    if (protocolHigh !== 0 || protocolLow !== 0) return [...events, "protocol id"];
    if (lengthHigh === undefined || lengthLow === undefined) return events;
    if (lengthHigh !== 0 || lengthLow < 2 || lengthLow > 254) return [...events, "length"];
    if (rest.length < 6 + lengthLow) return events;
    const [code, second, ...data] = rest.subarray(7, 6 + lengthLow);
    let verdict = "malformed ";
    if (code === functionCode && second === dataBytes && data.length === dataBytes) {
      verdict = `data ${Buffer.from(data).toString("hex")}`;
    } else if (code === functionCode + 128 && second !== undefined && data.length === 0) {
      verdict = `exception ${second}`;
    }
    events.push(`${transactionHigh * 256 + transactionLow}/${unitId} ${verdict}`);
    rest = rest.subarray(6 + lengthLow);
  }
}
