// An engine that remembers what it was given, and fails when it is told to.

import { setTimeout as delay } from "node:timers/promises";
import type { PointChange, ServerBirth } from "../../../packages/bridge/src/observation/observed-change.ts";
import {
  OutputError,
  type Batch,
  type DeliveryFigures,
  type Output,
  type OutputContext,
  type Session,
} from "../../../packages/bridge/src/outputs/output.ts";

export type Told =
  | { readonly what: "connect" | "end" }
  | { readonly what: "births"; readonly scope: string; readonly births: readonly ServerBirth[] }
  | { readonly what: "batch"; readonly batch: Batch };

export class RecordingOutput implements Output {
  readonly name = "recording";
  readonly told: Told[] = [];
  figures: DeliveryFigures | undefined;
  /** What happens to each batch: "take", "lose" (the engine has it, the proof does not come, the connection dies), "hang", "wait" for `prove`. */
  fate: "take" | "lose" | "hang" | "wait" = "take";
  isUp = true;
  /** Of connections from now on. */
  failure: OutputError | undefined;
  refusals = 0;
  print = "same";
  readonly #proof = Promise.withResolvers<void>();
  #over: ((error: OutputError) => void) | undefined;
  #context: OutputContext | undefined;

  fingerprint(): string {
    return this.print;
  }

  async connect(context: OutputContext): Promise<Session> {
    await delay(1);
    if (!this.isUp) throw new OutputError("Unreachable", "cannot connect because the test says so");
    if (this.failure !== undefined) {
      this.refusals++;
      throw this.failure;
    }
    this.#context = context;
    this.told.push({ what: "connect" });
    const { promise, resolve } = Promise.withResolvers<OutputError>();
    this.#over = resolve;
    return {
      ended: promise,
      publishBirths: async (births, scope) => {
        await delay(1);
        this.told.push({ what: "births", scope, births });
      },
      publish: async (batch) => {
        await delay(1);
        this.told.push({ what: "batch", batch });
        if (this.fate === "take") return;
        if (this.fate === "wait") {
          await this.#proof.promise;
          return;
        }
        if (this.fate === "hang") throw await promise;
        this.cut();
        throw new OutputError("Lost", "the test cut the connection");
      },
      publishFigures: async (figures) => {
        this.figures = figures;
        await Promise.resolve();
      },
      end: async () => {
        this.told.push({ what: "end" });
        resolve(new OutputError("Ended", "the bridge ended it"));
        await Promise.resolve();
      },
    };
  }

  cut(): void {
    this.#over?.(new OutputError("Lost", "the test cut the connection"));
  }

  /** What waits is proven. */
  prove(): void {
    this.#proof.resolve();
  }

  /** As the host does it. */
  wantBirths(): void {
    this.#context?.events.birthsWanted();
  }

  get batches(): readonly Batch[] {
    return this.told.flatMap((one) => (one.what === "batch" ? [one.batch] : []));
  }

  get births(): readonly { readonly scope: string; readonly births: readonly ServerBirth[] }[] {
    return this.told.flatMap((one) => (one.what === "births" ? [one] : []));
  }

  values(kind: Batch["kind"]): readonly unknown[] {
    return this.batches.filter((batch) => batch.kind === kind).flatMap(({ changes }) => changes.map(valueOf));
  }
}

export function valueOf({ value }: PointChange): unknown {
  return value;
}
