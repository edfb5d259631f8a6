// The writer's face of one server: the state of its connection, its counters, and the groups of its points.

import { BankPair } from "./bank-pair.ts";
import type { ChangeScan } from "./change-scan.ts";
import type { PlacedServer } from "./directory.ts";
import type { FailureKind } from "./failure-kind.ts";
import { GroupBlock } from "./group-block.ts";
import type { ImageMemory } from "./image-memory.ts";
import { block, ConnectionState, errorTextBytes, serverCounters, serverState, type ServerCounter } from "./layout.ts";
import { wallClockNs } from "./posix/wall-clock.ts";

/** What is known of a server, apart from its values. */
export interface SourceState {
  readonly connection: ConnectionState;
  /** A failure that just happened; without one the last stays in place. */
  readonly error?: string;
  /** Wall clock; undefined leaves what was known. */
  readonly certificateEndsMs?: number | undefined;
  readonly ownCertificateEndsMs?: number | undefined;
  /** The most that one request may ask for, as the server's refusals have taught; 0 for no limit. */
  readonly requestLimit?: number | undefined;
}

/** What is shown after `state`; undefined when that says nothing new. */
export function shownAfter(shown: SourceState, state: SourceState): SourceState | undefined {
  const isKnown =
    state.error === undefined &&
    state.connection === shown.connection &&
    (state.certificateEndsMs ?? shown.certificateEndsMs) === shown.certificateEndsMs &&
    (state.ownCertificateEndsMs ?? shown.ownCertificateEndsMs) === shown.ownCertificateEndsMs &&
    (state.requestLimit ?? shown.requestLimit) === shown.requestLimit;
  if (isKnown) return undefined;
  return {
    connection: state.connection,
    certificateEndsMs: state.certificateEndsMs ?? shown.certificateEndsMs,
    ownCertificateEndsMs: state.ownCertificateEndsMs ?? shown.ownCertificateEndsMs,
    requestLimit: state.requestLimit ?? shown.requestLimit,
  };
}

export class ServerBlock {
  #server: PlacedServer;
  readonly #banks: BankPair;
  readonly groups: readonly GroupBlock[];
  #bytes!: Buffer;
  #words!: Uint32Array;
  #integers!: BigInt64Array;
  #shown: SourceState = { connection: ConnectionState.waiting };

  constructor(server: PlacedServer, memory: ImageMemory, changes: ChangeScan) {
    this.#server = server;
    this.#banks = new BankPair(server, memory);
    this.groups = server.groups.map((group) => new GroupBlock(group, memory, changes));
    this.#attach(memory);
    this.#publish(this.#shown, true);
  }

  /** Shows the state of the connection; nothing happens when it is shown already. */
  show(state: SourceState): void {
    const next = shownAfter(this.#shown, state);
    if (next === undefined) return;
    this.#publish(state, state.connection !== this.#shown.connection);
    this.#shown = next;
  }

  /** Shows the state, here and in every group. `status`: every point gets it, the values stay. */
  showEverywhere(state: SourceState, status?: number): void {
    this.show(state);
    for (const group of this.groups) {
      group.begin();
      if (status !== undefined) group.setEveryStatus(status);
      group.publish(state.connection);
    }
  }

  count(counter: ServerCounter): void {
    const at = (this.#server.blockOffset + block.counters) / 8 + serverCounters.indexOf(counter);
    this.#integers[at] = (this.#integers[at] ?? 0n) + 1n;
  }

  countFailure(kind: FailureKind): void {
    this.count(`failed${kind}`);
  }

  /** Takes everything along into the memory of a new generation: same server, same points, other places. */
  moveTo(server: PlacedServer, memory: ImageMemory): void {
    const old = this.#bytes;
    const target = memory.bytes;
    this.#banks.moveTo(server, memory, (from, to) => target.set(old.subarray(from, from + serverState.bytes), to));
    for (const [index, group] of this.groups.entries()) {
      const place = server.groups[index];
      if (place !== undefined) group.moveTo(place, memory);
    }
    this.#server = server;
    this.#attach(memory);
  }

  #publish(state: SourceState, isChanged: boolean): void {
    this.#banks.begin();
    const head = this.#banks.openBank;
    const nowNs = wallClockNs();
    const setNs = (field: number, ns: bigint): void => {
      this.#integers[(head + field) / 8] = ns;
    };
    const setMs = (field: number, ms: number | undefined): void => {
      if (ms !== undefined) setNs(field, BigInt(Math.round(ms)) * 1_000_000n);
    };
    this.#words[(head + serverState.connection) / 4] = state.connection;
    if (isChanged) setNs(serverState.changedNs, nowNs);
    if (state.error !== undefined) {
      this.#setError(head, state.error);
      setNs(serverState.errorNs, nowNs);
    }
    setMs(serverState.certificateEndsNs, state.certificateEndsMs);
    setMs(serverState.ownCertificateEndsNs, state.ownCertificateEndsMs);
    if (state.requestLimit !== undefined) this.#words[(head + serverState.requestLimit) / 4] = state.requestLimit;
    this.#banks.publish();
  }

  #setError(head: number, error: string): void {
    const at = head + serverState.error;
    const bytes = Buffer.from(error, "utf8");
    let end = Math.min(bytes.length, errorTextBytes);
    while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
    this.#bytes.fill(0, at, at + errorTextBytes).set(bytes.subarray(0, end), at);
    this.#words[(head + serverState.errorBytes) / 4] = end;
  }

  #attach(memory: ImageMemory): void {
    this.#bytes = memory.bytes;
    this.#words = memory.words;
    this.#integers = memory.integers;
  }
}
