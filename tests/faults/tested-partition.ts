// A partition that suffers a fault: `cpc run` in a process of its own, looked at all along by a witness of each service.

import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Sandbox, type Child, type LaunchOptions } from "../partition/commands/cpc.ts";
import { connectionsOf, leftovers, resourcesOf, type Resources } from "./resources.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Witness, type WitnessRules } from "./witness.ts";

export interface TestedPartitionOptions {
  /** The XML files' contents. */
  readonly modbus?: string;
  readonly opcua?: string;
  /** Seconds; default 0.1. */
  readonly interval?: number;
  readonly rules?: Partial<WitnessRules>;
  readonly args?: readonly string[];
  readonly launch?: LaunchOptions;
}

const defaultRules: WitnessRules = { oldestGoodMs: 2500, bystanders: [], longestPauseMs: 2000, documents: true };
const exitWithinMs = 5000;

/** Before the case counts as hung, so that its failure shows the log. */
const hangsAfterMs = 120_000;

export class TestedPartition {
  readonly sandbox: Sandbox;
  readonly modbus: Witness | undefined;
  readonly opcua: Witness | undefined;
  readonly #t: TestContext;
  readonly #options: TestedPartitionOptions;
  #child: Child;
  #healthy: Resources | undefined;
  #healthyConnections: readonly string[] = [];
  #hasEnded = false;

  constructor(t: TestContext, options: TestedPartitionOptions) {
    this.#t = t;
    this.#options = options;
    this.sandbox = new Sandbox(t);
    this.#child = this.#run();
    const rules = { ...defaultRules, ...options.rules };
    this.modbus = options.modbus === undefined ? undefined : new Witness(this.sandbox, "modbus", rules);
    this.opcua = options.opcua === undefined ? undefined : new Witness(this.sandbox, "opcua", rules);
    t.after(() => this.#endWitnesses());
  }

  get child(): Child {
    return this.#child;
  }

  /** The only service's witness, or Modbus's. */
  get witness(): Witness {
    const witness = this.modbus ?? this.opcua;
    assert.ok(witness, "a partition has a service");
    return witness;
  }

  get witnesses(): readonly Witness[] {
    return [this.modbus, this.opcua].filter((witness) => witness !== undefined);
  }

  /** Waits while the partition runs; in vain is a failure with its log. */
  async until(what: string, condition: () => boolean): Promise<void> {
    await this.#child.until(what, condition, hangsAfterMs);
  }

  /** Every point of these servers looks good, at the same moment. */
  async untilGood(...aliases: readonly string[]): Promise<void> {
    const isGood = (alias: string): boolean => this.witnesses.some((witness) => witness.isGood(alias));
    await this.until(`${aliases.join(", ")} are good`, () => aliases.every(isGood));
  }

  async untilBad(...aliases: readonly string[]): Promise<void> {
    for (const alias of aliases)
      await this.until(`${alias} is bad`, () => this.witnesses.some((witness) => witness.isBad(alias)));
  }

  /** What is open now is what a healthy partition has open: more at the end is a leak. Call it when every server is good. */
  async healthy(): Promise<void> {
    // The documents process comes after the values, and so does the connection to it.
    await this.until("its documents are kept", () =>
      this.witnesses.every(({ health }) => health?.documentsAlive === true),
    );
    const { processId } = this.#child;
    this.#healthy = resourcesOf(processId);
    this.#healthyConnections = connectionsOf(processId);
  }

  /** Another process in place of one that ended. */
  runAgain(): void {
    this.#child = this.#run();
  }

  /** Ends it as a gateway would, and says whether everything that must hold did: nothing leaked, nothing wrong seen, exit in time. */
  async end(): Promise<void> {
    if (this.#healthy !== undefined) {
      const { processId } = this.#child;
      const leaked = await leftovers(this.#healthy, () => resourcesOf(processId), processId);
      assert.deepEqual(leaked, [], `leaked by the partition, which had ${this.#healthyConnections.join(", ")}`);
    }
    for (const witness of this.witnesses) {
      await this.until("the witness has seen a good value", () => witness.judged > 0);
      witness.excuse(true);
    }
    const stopwatch = new Stopwatch(this.#child.processId);
    const { code, stderr } = await this.#child.end();
    const { isWithin, text } = stopwatch.stop(exitWithinMs);
    this.#hasEnded = true;
    await this.#endWitnesses();
    assert.equal(code, 0, stderr);
    assert.ok(isWithin, `SIGTERM to exit took ${text}`);
    const left = this.sandbox.ownObjects().filter((name) => name.includes(".next"));
    assert.deepEqual(left, [], "half-made images");
    for (const { violations } of this.witnesses) assert.deepEqual(violations, []);
    const oldest = Math.max(...this.witnesses.map(({ oldestGoodMs }) => oldestGoodMs));
    const judged = this.witnesses.reduce((sum, witness) => sum + witness.judged, 0);
    this.#t.diagnostic(`${judged} good values judged, the oldest ${oldest} ms`);
  }

  #run(): Child {
    const { modbus, opcua, interval = 0.1, args = [] } = this.#options;
    const files = [
      ...(modbus === undefined ? [] : ["--modbus", this.sandbox.write("modbus.xml", modbus)]),
      ...(opcua === undefined ? [] : ["--opcua", this.sandbox.write("opcua.xml", opcua)]),
    ];
    const certificates = join(this.sandbox.folder, "certificates");
    const { launch = {} } = this.#options;
    return this.sandbox.runIn(
      launch,
      ...files,
      "--interval",
      String(interval),
      "--certificates",
      certificates,
      ...args,
    );
  }

  async #endWitnesses(): Promise<void> {
    await Promise.all(this.witnesses.map((witness) => witness.end()));
    if (!this.#hasEnded && this.#child.isRunning) await this.#child.end("SIGKILL");
  }
}
