// What of a range a device lets one read, and how long a request may be. A refused request is cut until it is known which addresses
// are refused: some devices have holes, others a limit.

import type { ReadFunction } from "../configuration/modbus-server.ts";
import { refusesRange } from "../exception-status.ts";
import { MAX_BITS_PER_REQUEST, MAX_REGISTERS_PER_REQUEST, readsBits } from "../pdu.ts";
import type { ProbeAnswer, ProbedDevice } from "./probed-device.ts";

export interface Asked {
  readonly unitId: number;
  readonly functionCode: ReadFunction;
}

export interface ReadablePiece {
  readonly address: number;
  readonly values: readonly number[];
}

export interface RefusedPiece {
  readonly address: number;
  readonly quantity: number;
  readonly because: string;
}

export interface RangeReport {
  /** In order of addresses; neighbours are joined. */
  readonly readable: readonly ReadablePiece[];
  readonly refused: readonly RefusedPiece[];
  /** The rest of the range, where too many requests had no answer. */
  readonly notAsked: RefusedPiece | undefined;
}

/** Each costs a time-out. One silent address among 125 takes about eight: it is looked for in ever smaller requests. */
const mostUnanswered = 30;

/** `done` is called with the number of addresses that are known now. */
export async function readRange(
  device: ProbedDevice,
  asked: Asked,
  first: number,
  last: number,
  done: (addresses: number) => void = () => {},
): Promise<RangeReport> {
  const readable: ReadablePiece[] = [];
  const refused: RefusedPiece[] = [];
  let unanswered = 0;
  let longest = longestRequest(asked.functionCode);
  for (let address = first; address <= last; done(address - first)) {
    if (unanswered >= mostUnanswered) {
      const because = `${unanswered} requests before had no answer`;
      return { readable, refused, notAsked: { address, quantity: last + 1 - address, because } };
    }
    const quantity = Math.min(longest, last + 1 - address);
    const answer = await device.ask(asked.unitId, { functionCode: asked.functionCode, address, quantity });
    if (answer.kind === "silence" || answer.kind === "failure") unanswered++;
    if (answer.kind === "values") {
      addReadable(readable, { address, values: answer.values });
      address += quantity;
      longest = Math.min(2 * longest, longestRequest(asked.functionCode));
    } else if (quantity > 1 && mayBeReadableInParts(answer)) {
      longest = answer.kind === "exception" ? Math.ceil(quantity / 2) : 1;
    } else {
      addRefused(refused, { address, quantity, because: answer.because });
      address += quantity;
    }
  }
  return { readable, refused, notAsked: undefined };
}

/** The most addresses from `address` on that the device answers in one request; 0 when it refuses even one. */
export async function longestAnswered(device: ProbedDevice, asked: Asked, address: number): Promise<number> {
  let answered = 0;
  let refused = Math.min(longestRequest(asked.functionCode), 65_536 - address) + 1;
  for (let quantity = refused - 1; answered + 1 < refused; quantity = (answered + refused) >> 1) {
    const answer = await device.ask(asked.unitId, { functionCode: asked.functionCode, address, quantity });
    if (answer.kind === "values") answered = quantity;
    else refused = quantity;
  }
  return answered;
}

function longestRequest(functionCode: ReadFunction): number {
  return readsBits(functionCode) ? MAX_BITS_PER_REQUEST : MAX_REGISTERS_PER_REQUEST;
}

function mayBeReadableInParts(answer: ProbeAnswer): boolean {
  return answer.kind !== "exception" || refusesRange(answer.code);
}

function addReadable(pieces: ReadablePiece[], piece: ReadablePiece): void {
  const last = pieces.at(-1);
  if (last === undefined || last.address + last.values.length !== piece.address) pieces.push(piece);
  else pieces[pieces.length - 1] = { address: last.address, values: [...last.values, ...piece.values] };
}

function addRefused(pieces: RefusedPiece[], piece: RefusedPiece): void {
  const last = pieces.at(-1);
  if (last?.because !== piece.because || last.address + last.quantity !== piece.address) pieces.push(piece);
  else pieces[pieces.length - 1] = { ...last, quantity: last.quantity + piece.quantity };
}
