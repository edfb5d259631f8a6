// The worker's half of making a new generation of the image: it asks the main thread, which owns every OS object, for memory, fills
// it, and says when it is complete. The memory of a journal comes by itself.

import type { MessagePort } from "node:worker_threads";
import type { Log } from "@cpc-partition/process/log";
import type { ImageProvider } from "../sources/image-generations.ts";
import { mappedMemory, type ImageMemory } from "@cpc-partition/image/image-memory";
import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import type { Mapping } from "@cpc-partition/image/posix/mapping";
import { giveBackMemorySoon } from "../small-process.ts";
import type { MessageToMain, MessageToWorker } from "../thread-messages.ts";

type Answer = Extract<MessageToWorker, { kind: `image ${string}` }>;

/** The main thread could not do what the image needs; the message says why. */
export class ImageRefusedError extends Error {
  override readonly name = "ImageRefusedError";
  readonly code = "ImageRefused";

  constructor(answer: Answer) {
    super(answer.kind === "image refused" ? answer.reason : `the main thread answered out of turn: ${answer.kind}`);
  }
}

export class ImageChannel implements ImageProvider {
  readonly #imageName: string;
  readonly #port: MessagePort;
  readonly #log: Log;
  readonly #loggedWakeFailures = new Set<string>();
  readonly #mappings = new Map<ImageMemory, Mapping>();
  #answered: ((answer: Answer) => void) | undefined;
  #journal: Mapping | undefined;
  #nextJournal: Mapping | undefined;
  #loggedJournalFailure: string | undefined;

  constructor(imageName: string, port: MessagePort, log: Log) {
    this.#imageName = imageName;
    this.#port = port;
    this.#log = log;
  }

  async allocate(imageBytes: number): Promise<ImageMemory> {
    const answer = await this.#ask({ kind: "image wanted", sizeBytes: imageBytes });
    if (answer.kind !== "image memory") throw new ImageRefusedError(answer);
    const object = SharedMemoryObject.fromDescriptor(answer.descriptor, this.#imageName);
    const mapping = this.#mapImage(object, answer.sizeBytes);
    const memory = mappedMemory(mapping, (error) => this.#wakeFailed(error));
    this.#mappings.set(memory, mapping);
    return memory;
  }

  async announce(isRenumbered: boolean): Promise<void> {
    const answer = await this.#ask({ kind: "image complete", isRenumbered });
    if (answer.kind !== "image announced") throw new ImageRefusedError(answer);
    giveBackMemorySoon();
  }

  release(memory: ImageMemory): void {
    const mapping = this.#mappings.get(memory);
    this.#mappings.delete(memory);
    this.#unmap(mapping);
  }

  takeJournal(use: (memory: ArrayBufferLike) => void): void {
    const next = this.#nextJournal;
    if (next === undefined) return;
    use(next.buffer);
    this.#unmap(this.#journal);
    this.#journal = next;
    this.#nextJournal = undefined;
  }

  journalCame({ name, descriptor, sizeBytes }: Extract<MessageToWorker, { kind: "journal memory" }>): void {
    this.#unmap(this.#nextJournal);
    this.#nextJournal = this.#mapJournal(SharedMemoryObject.fromDescriptor(descriptor, name), sizeBytes);
    const isMapped = this.#nextJournal !== undefined;
    this.#port.postMessage({ kind: "journal taken", isMapped } satisfies MessageToMain);
  }

  #mapImage(object: SharedMemoryObject, sizeBytes: number): Mapping {
    try {
      return object.map("read-write", sizeBytes);
    } catch (error) {
      this.#port.postMessage({ kind: "image unmapped", reason: messageOf(error) } satisfies MessageToMain);
      throw error;
    }
  }

  #mapJournal(object: SharedMemoryObject, sizeBytes: number): Mapping | undefined {
    try {
      const mapping = object.map("read-write", sizeBytes);
      this.#loggedJournalFailure = undefined;
      return mapping;
    } catch (error) {
      const text = `values are read and published without a journal: ${messageOf(error)}`;
      if (text !== this.#loggedJournalFailure) this.#log("error", text);
      this.#loggedJournalFailure = text;
      return undefined;
    }
  }

  /** Unmaps everything: a mapping that outlives its thread would keep the image's lock. */
  close(): void {
    for (const memory of this.#mappings.keys()) this.release(memory);
    this.#unmap(this.#journal);
    this.#unmap(this.#nextJournal);
    this.#journal = this.#nextJournal = undefined;
  }

  answer(answer: Answer): void {
    this.#answered?.(answer);
  }

  #unmap(mapping: Mapping | undefined): void {
    try {
      mapping?.unmap();
    } catch (error) {
      this.#log("error", messageOf(error), { image: this.#imageName });
    }
  }

  #wakeFailed(error: unknown): void {
    const text = `${messageOf(error)}: they find new values when they look by themselves`;
    if (!this.#loggedWakeFailures.has(text)) this.#log("error", text, { image: this.#imageName });
    this.#loggedWakeFailures.add(text);
  }

  async #ask(question: MessageToMain): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      this.#answered = resolve;
    });
    this.#port.postMessage(question);
    return await answer;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
