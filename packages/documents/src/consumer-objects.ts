// The segments and semaphores of all consumers of a service: made when the first image is seen, large enough for it, looked after, and
// made larger when a later image needs it.

import type { ImageReader } from "@cpc-partition/image/image-reader";
import type { Log } from "@cpc-partition/process/log";
import { monotonicMs } from "@cpc-partition/process/schedule";
import { Troubles } from "@cpc-partition/process/troubles";
import { closedDocument } from "./closed-document.ts";
import type { ConsumerPairNames } from "./consumer-names.ts";
import { ConsumerPair, openConsumerPair, type SemaphoreCare } from "./consumer-pair.ts";
import { estimateDocumentBytes, segmentBytes, segmentSizeFlaw } from "./document-size.ts";
import type { Guard } from "./guard.ts";
import { GuardedTarget } from "./guarded-targets.ts";
import type { DocumentTarget } from "./publisher.ts";

/** What is put back again and again is logged once in this time, with the number of times. */
const logAgainMs = 60_000;

export class ConsumerObjects {
  readonly #names: readonly ConsumerPairNames[];
  readonly #fixedBytes: number | undefined;
  readonly #care: SemaphoreCare;
  readonly #log: Log;
  readonly #troubles: Troubles;
  /** How often something happened to each object, and when that was logged last. */
  readonly #happened = new Map<string, { readonly times: number; readonly loggedMs: number }>();
  #pairs: readonly ConsumerPair[] = [];
  #guards: readonly Guard[] = [];
  #targets: readonly DocumentTarget[] = [];
  /** The document of a service that reads nothing. */
  #farewell: Uint8Array = new Uint8Array();
  #loggedFlaw: string | undefined;

  /** `fixedBytes`: the size of every segment, whatever the image needs. */
  constructor(names: readonly ConsumerPairNames[], fixedBytes: number | undefined, care: SemaphoreCare, log: Log) {
    this.#names = names;
    this.#fixedBytes = fixedBytes;
    this.#care = {
      use: (semaphore, step) => care.use(semaphore, step),
      unguarded: care.unguarded,
      hasDied: care.hasDied,
      replaced: (reason) =>
        this.#logAtTimes(reason, (fields) => log("warn", `${reason}: removed, a new object takes its name`, fields)),
    };
    this.#log = log;
    this.#troubles = new Troubles(log);
  }

  /** Empty until the objects are made. */
  get targets(): readonly DocumentTarget[] {
    return this.#targets;
  }

  /** Makes the objects, or makes the segments large enough. What cannot be done is logged; the next call tries again. */
  fit(image: ImageReader): void {
    const { servers } = image.directory;
    this.#farewell = closedDocument(servers.map(({ connection }) => connection));
    this.#judgeFixedSize(image);
    const sizeBytes = this.#fixedBytes ?? segmentBytes(image.service, servers);
    if (this.#pairs.length === 0) this.#make(sizeBytes);
    // The headroom is for what is learned while it runs: a consumer's mapping cannot grow.
    else if (this.#fixedBytes === undefined) this.#grow(estimateDocumentBytes(servers), sizeBytes);
  }

  /** `cpc run` and `cpc documents` refuse such a size at their start; a later configuration may have more servers. */
  #judgeFixedSize({ service, directory }: ImageReader): void {
    const connections = directory.servers.map(({ connection }) => connection);
    const flaw = this.#fixedBytes === undefined ? undefined : segmentSizeFlaw(service, connections, this.#fixedBytes);
    if (flaw !== undefined && flaw !== this.#loggedFlaw)
      this.#log("error", `${flaw}; until then documents lack connections`);
    this.#loggedFlaw = flaw;
  }

  /** Puts back what consumers removed or spoilt; how many objects. */
  check(): number {
    let restored = 0;
    for (const pair of this.#pairs) {
      const { segmentName, semaphoreName } = pair.names;
      const outcome = this.#troubles.attempt("check", segmentName, () => pair.check(this.#farewell));
      if (outcome?.segment === "Restored") this.#logRestored("segment", segmentName);
      if (outcome?.semaphore === "Restored") this.#logRestored("semaphore", semaphoreName);
      restored += Number(outcome?.segment === "Restored") + Number(outcome?.semaphore === "Restored");
    }
    return restored;
  }

  remove(): void {
    for (const pair of this.#pairs) this.#troubles.attempt("remove", pair.names.segmentName, () => pair.remove());
  }

  close(): void {
    this.#closeGuards();
    for (const pair of this.#pairs) this.#troubles.attempt("close", pair.names.segmentName, () => pair.close());
  }

  #logRestored(kind: "segment" | "semaphore", name: string): void {
    this.#logAtTimes(name, (fields) =>
      this.#log("warn", `a consumer removed or spoilt the ${kind}: put back`, { [kind]: name, ...fields }),
    );
  }

  /** A consumer that does it all the time must not fill the log. */
  #logAtTimes(what: string, log: (fields: { readonly times: number }) => void): void {
    const before = this.#happened.get(what);
    const times = (before?.times ?? 0) + 1;
    const nowMs = monotonicMs();
    const isKnown = before !== undefined && nowMs - before.loggedMs < logAgainMs;
    this.#happened.set(what, { times, loggedMs: isKnown ? before.loggedMs : nowMs });
    if (!isKnown) log({ times });
  }

  #make(sizeBytes: number): void {
    const pairs = this.#troubles.attempt("make", "shared memory", () =>
      ConsumerPair.createAll(this.#names, sizeBytes, "wanted", this.#care),
    );
    if (pairs === undefined) return;
    this.#pairs = pairs;
    this.#open();
  }

  #grow(neededBytes: number, sizeBytes: number): void {
    let hasGrown = false;
    for (const pair of this.#pairs) {
      const { segmentName } = pair.names;
      if (neededBytes <= pair.sizeBytes) continue;
      if (this.#troubles.attempt("grow", segmentName, () => (pair.grow(sizeBytes), true)) === undefined) continue;
      hasGrown = true;
      const fields = { segment: segmentName, sizeBytes: pair.sizeBytes };
      this.#log("warn", "the segment has grown: consumers see all of it when they open it again", fields);
    }
    if (hasGrown) this.#open();
  }

  #open(): void {
    this.#closeGuards();
    const opened = this.#pairs.map((pair) =>
      openConsumerPair(pair.handle(), (semaphore, step) => this.#care.use(semaphore, step)),
    );
    const targets: DocumentTarget[] = [];
    const guards: Guard[] = [];
    for (const { segment, guard } of opened) {
      const isGuarded = !this.#care.unguarded.has(guard.name);
      targets.push(new GuardedTarget(segment, isGuarded ? guard : undefined, this.#log));
      if (!isGuarded) continue;
      if (this.#care.hasDied) guard.distrustHolder();
      guard.open();
      guards.push(guard);
    }
    this.#guards = guards;
    this.#targets = targets;
  }

  #closeGuards(): void {
    for (const guard of this.#guards) this.#troubles.attempt("close", guard.name, () => guard.close());
    this.#guards = [];
  }
}
