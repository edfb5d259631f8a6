// Reading many nodes with as few requests as the server allows, one request after the other: some servers count what is
// outstanding, so that batches in parallel can fail where the same ones in sequence succeed. How many nodes a request has: read-size.ts, and
// beside a faster group read-pace.ts.
//
// A fault of the server for a whole request is an answer about its nodes and goes to the visitor; a request that is too large
// is cut in half until it fits, for the rest of the session: all requests when it has too many nodes, this one alone when the
// contents are too large, so that one giant value costs a few requests and not one for each node. Whatever ends the session is
// thrown.
//
// With the last request the server is asked whether it runs, and when it says no, that is thrown, too. Where every request is
// full already, the question is a request of its own, in one run of ten: the values of a server that stops running look good
// for nine runs more there.

import type { DataValue, ReadValueIdOptions, TimestampsToReturn } from "node-opcua-client";
import { ServerError } from "../../sources/server-error.ts";
import type { DataValues } from "./channel/data-values.ts";
import { EncodedNodes, type RepeatedRead } from "./channel/repeated-read.ts";
import { endsSession, statusOf } from "./failure.ts";
import type { ReadPace } from "./read-pace.ts";
import type { ReadSize } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";
import { requireRunning, serverStateNode } from "./server-state.ts";

/** Gets either the value of the node with this index, or the status code of the fault that came instead. */
export type ResultVisitor = (index: number, result: DataValue | undefined, faultStatus: number) => void;

/** Gets either the results among which the value of the node with this index has this position, or the status code of the fault that came instead. */
export type PositionVisitor = (
  index: number,
  results: DataValues | undefined,
  position: number,
  faultStatus: number,
) => void;

/** May change those results that are decoded, before any is visited. */
export type Preparation = (results: readonly DataValue[], signal: AbortSignal) => Promise<void>;

const badTooManyOperations = 0x80100000;
/** The size of a message was too much for one of the two sides (OPC 10000-6, A.2). */
const tooLargeStatuses = new Set([
  0x80080000, // BadEncodingLimitsExceeded
  0x80800000, // BadTcpMessageTooLarge
  0x80b80000, // BadRequestTooLarge
  0x80b90000, // BadResponseTooLarge
]);

const runsForOneQuestion = 10;

/** `count` nodes from `first` on; in the last batch the server's state after them. */
interface Batch {
  readonly first: number;
  readonly count: number;
  readonly request: RepeatedRead;
}

export class BatchRead {
  readonly #session: SecureSession;
  readonly #nodeCount: number;
  /** With the server's state behind the last. */
  readonly #nodes: EncodedNodes;
  readonly #timestamps: TimestampsToReturn;
  readonly #size: ReadSize;
  readonly #pace: ReadPace | undefined;
  /** What the batches are cut to. */
  #cutTo: number;
  #batches: Batch[];
  #runs = 0;

  constructor(
    session: SecureSession,
    nodes: readonly ReadValueIdOptions[],
    timestamps: TimestampsToReturn,
    size: ReadSize,
    pace?: ReadPace,
  ) {
    this.#session = session;
    this.#nodeCount = nodes.length;
    this.#nodes = new EncodedNodes([...nodes, serverStateNode]);
    this.#timestamps = timestamps;
    this.#size = size;
    this.#pace = pace;
    this.#cutTo = this.#mostNodes;
    this.#batches = this.#cut(0, this.#nodeCount, this.#cutTo, true);
  }

  get #mostNodes(): number {
    return Math.min(this.#size.nodes, this.#pace?.nodes ?? Infinity);
  }

  /** Every node once. */
  async run(signal: AbortSignal, visit: ResultVisitor, prepare?: Preparation): Promise<void> {
    await this.runInPlace(
      signal,
      (index, results, position, faultStatus) => visit(index, results?.at(position), faultStatus),
      prepare,
    );
  }

  /** Every node once, without an object for each. `responseCame` is called before a batch's results are prepared. */
  async runInPlace(
    signal: AbortSignal,
    visit: PositionVisitor,
    prepare?: Preparation,
    responseCame: () => void = () => {},
  ): Promise<void> {
    if (this.#mostNodes !== this.#cutTo) {
      this.#cutTo = this.#mostNodes;
      this.#batches = this.#cut(0, this.#nodeCount, this.#cutTo, true);
    }
    const isStateDue = this.#runs++ % runsForOneQuestion === 0;
    for (let position = 0; position < this.#batches.length;) {
      const { first, count, request } = this.#batches[position] as Batch;
      if (count === 0 && !isStateDue) break;
      const isSent = this.#session.isAlive;
      const asked = request.nodeCount;
      const askedMs = performance.now();
      this.#size.sent(asked);
      try {
        const results = await this.#session.read(request, signal);
        responseCame();
        this.#size.answered(asked);
        this.#pace?.answered(asked, performance.now() - askedMs);
        requireRunning(results.count > count ? results.at(count) : undefined, this.#session.server);
        if (prepare !== undefined) await prepare(results.decoded, signal);
        for (let i = 0; i < count; i++) visit(first + i, results, i, 0);
      } catch (error) {
        const status = statusOf((error as Error).cause ?? error)?.value;
        if (status === undefined || endsSession(status)) throw isSent ? this.#adaptTo(error) : error;
        if (this.#cutInHalves(position, status >>> 0)) continue;
        responseCame();
        for (let i = 0; i < count; i++) visit(first + i, undefined, i, status >>> 0);
      } finally {
        this.#size.ended(asked);
      }
      position++;
    }
  }

  /** What is thrown: the error, with what follows from it. */
  #adaptTo(error: unknown): unknown {
    if (!(error instanceof ServerError) || !["ConnectionFailed", "Timeout"].includes(error.code)) return error;
    const asked = this.#size.takeDeadly();
    if (asked === undefined || !this.#size.died(asked)) return error;
    const consequence = `it was asked for ${asked} nodes at once, and will be for ${this.#size.nodes} at most; <maxNodesPerRead> sets how many`;
    return new ServerError(error.code, error.server, `${error.message} (${consequence})`, { cause: error });
  }

  /** False when the status is not about the size of the request, or nothing is left to cut. */
  #cutInHalves(position: number, status: number): boolean {
    const { first, count, request } = this.#batches[position] as Batch;
    const asked = request.nodeCount;
    const half = Math.ceil(asked / 2);
    if (asked < 2) return false;
    if (tooLargeStatuses.has(status)) {
      this.#batches.splice(position, 1, ...this.#cut(first, first + count, half, asked > count));
      return true;
    }
    if (status !== badTooManyOperations) return false;
    this.#size.refused(asked);
    this.#cutTo = this.#mostNodes;
    this.#batches.splice(position, Infinity, ...this.#cut(first, this.#nodeCount, this.#cutTo, true));
    return true;
  }

  #cut(from: number, to: number, mostNodes: number, asksState: boolean): Batch[] {
    const batches: Batch[] = [];
    for (let first = from; ; first += mostNodes) {
      const count = Math.min(mostNodes, to - first);
      const isLast = count < mostNodes;
      const asked = isLast && asksState ? count + 1 : count;
      if (asked > 0) batches.push({ first, count, request: this.#nodes.request(this.#timestamps, first, asked) });
      if (isLast) return batches;
    }
  }
}
