// Decodes the structures that only their server knows, with its own type definitions, which are read when the first value of a type is seen. That takes
// several requests, of an old server very many: a poll waits for them no longer than for an answer.
//
// Promises: a structure is decoded as a whole, to its last byte, or stays as it came; then `undecodedStatus` says why. Where a structure does not fit its
// type, or its type is unknown, the server may have changed its types: they are read again, beside the polls, and less and less often while that does not help.

import {
  DataTypeExtractStrategy,
  getExtraDataTypeManager,
  invalidateExtraDataTypeManager,
  DataType,
} from "node-opcua-client";
import type { ClientSession, DataValue, Variant } from "node-opcua-client";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ServerError } from "../../sources/server-error.ts";
import { boundedWait } from "./bounded-wait.ts";
import { streamOver, type Stream } from "./channel/decode-budget.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { isOpaque, isStructure, schemasOf, type Opaque } from "./ua-json.ts";

type Manager = Awaited<ReturnType<typeof getExtraDataTypeManager>>;
type Constructor = new () => { decode(stream: Stream): void };

/** Structures in structures that are not described by their field: nobody means more. */
const deepest = 50;

/** From one reading of the types to the next, when the one before has not helped. */
const longestPauseMs = 3_600_000;

export class StructureDecoding {
  readonly #server: OpcUaServer;
  readonly #session: ClientSession;
  /** Undefined: they have not been read yet. */
  #definitions: Manager | undefined;
  #state: "unread" | "reading" | "read" | "unavailable" = "unread";
  #readMs = 0;
  #pauseMs: number;
  /** By encoding; null: the server does not tell the type. */
  #constructors = new Map<string, Constructor | null>();
  #hasUndecoded = false;
  #rereadings = 0;
  /** Of those that do not fit their type. */
  readonly #misfits = new WeakSet<object>();

  constructor(server: OpcUaServer, session: ClientSession) {
    this.#server = server;
    this.#session = session;
    this.#pauseMs = server.retryIntervalMs;
  }

  /** Replaces what can be decoded in the results. Rejects when the signal aborts. */
  async decode(results: readonly DataValue[], signal: AbortSignal): Promise<void> {
    const variants = results.map(({ value }) => value).filter(hasOpaqueStructure);
    if (variants.length === 0) return;
    const limit = { server: this.#server.alias, timeoutMs: this.#server.timeoutMs, signal };
    try {
      if (this.#state === "unread") await boundedWait(this.#readDefinitions(), "read type definitions", limit);
      if (this.#definitions === undefined) {
        this.#hasUndecoded = true;
        return;
      }
      await boundedWait(this.#decodeAll(variants), "decode structures", limit);
      if (variants.some(hasOpaqueStructure)) {
        this.#hasUndecoded = true;
        this.#readAgain();
      } else this.#pauseMs = this.#server.retryIntervalMs;
    } catch (error) {
      this.#hasUndecoded = true;
      if (error instanceof ServerError && error.code === "Stopped") throw error;
    }
  }

  /** Grows when types were read after values had come that could not be decoded: they are worth another look. */
  get rereadings(): number {
    return this.#rereadings;
  }

  /** What is known is wrong now: nothing is decoded until the types have been read again. False: they are being read already. */
  typesChanged(): boolean {
    if (this.#state === "reading") return false;
    this.#definitions = undefined;
    this.#hasUndecoded = true;
    this.#readDefinitions().catch(() => {}); // the state says it
    return true;
  }

  /** Why it is not decoded. */
  undecodedStatus(structure: object): number {
    if (this.#misfits.has(structure)) return StatusCode.BadDecodingError;
    const isUnderWay = this.#definitions === undefined && this.#state !== "unavailable";
    return isUnderWay ? StatusCode.BadWaitingForInitialData : StatusCode.BadDataTypeIdUnknown;
  }

  /** Beside the polls: what is known serves until then. */
  #readAgain(): void {
    if (this.#state !== "read" || performance.now() - this.#readMs < this.#pauseMs) return;
    this.#pauseMs = Math.min(longestPauseMs, 2 * this.#pauseMs);
    this.#readDefinitions().catch(() => {}); // the state says it
  }

  async #readDefinitions(): Promise<void> {
    this.#state = "reading";
    try {
      await invalidateExtraDataTypeManager(this.#session);
      this.#definitions = await getExtraDataTypeManager(this.#session, DataTypeExtractStrategy.Lazy);
      this.#constructors = new Map();
      this.#state = "read";
      if (this.#hasUndecoded) this.#rereadings++;
      this.#hasUndecoded = false;
    } catch (error) {
      this.#state = this.#definitions === undefined ? "unavailable" : "read";
      throw error;
    } finally {
      this.#readMs = performance.now();
    }
  }

  async #decodeAll(variants: readonly Variant[]): Promise<void> {
    for (const variant of variants) await this.#decodeVariant(variant, 0);
  }

  async #decodeVariant(variant: Variant, depth: number): Promise<void> {
    if (Array.isArray(variant.value)) await this.#decodeElements(variant.value, depth);
    else variant.value = await this.#decoded(variant.value, depth);
  }

  async #decodeElements(elements: unknown[], depth: number): Promise<void> {
    for (const [index, element] of elements.entries())
      if (isObject(element)) elements[index] = await this.#decoded(element, depth);
  }

  /** What the value becomes; what is inside it is decoded in place. */
  async #decoded(value: unknown, depth: number): Promise<unknown> {
    if (depth > deepest || !isObject(value)) return value;
    if (isVariant(value)) await this.#decodeVariant(value, depth + 1);
    if (isOpaque(value)) {
      const structure = await this.#structureOf(value);
      if (structure !== value) await this.#decodeFields(structure, depth + 1);
      return structure;
    }
    if (isStructure(value)) await this.#decodeFields(value, depth + 1);
    return value;
  }

  async #decodeFields(structure: object, depth: number): Promise<void> {
    const values = structure as Record<string, unknown>;
    for (const { fields } of schemasOf(structure))
      for (const { name } of fields) {
        const value = values[name];
        if (Array.isArray(value)) await this.#decodeElements(value, depth);
        else if (isObject(value)) values[name] = await this.#decoded(value, depth);
      }
  }

  async #structureOf(opaque: Opaque): Promise<object> {
    const Structure = await this.#constructorOf(opaque);
    if (Structure === null) return opaque;
    try {
      const structure = new Structure();
      const stream = streamOver(opaque.buffer);
      structure.decode(stream);
      if (stream.length === opaque.buffer.length && hasOnlyKnownMembers(structure, opaque.buffer)) return structure;
    } catch {
      // Whatever it was: the structure does not fit the type.
    }
    this.#misfits.add(opaque);
    return opaque;
  }

  async #constructorOf({ nodeId }: Opaque): Promise<Constructor | null> {
    if (this.#definitions === undefined) return null;
    const encoding = nodeId.toString();
    const known = this.#constructors.get(encoding);
    if (known !== undefined) return known;
    const found = await constructorIn(this.#definitions, nodeId);
    this.#constructors.set(encoding, found);
    return found;
  }
}

/** OPC 10000-6, 5.2.7: a bit for each optional member comes first; the others are 0. */
function hasOnlyKnownMembers(structure: object, bytes: Buffer): boolean {
  const bits = schemasOf(structure)
    .flatMap(({ fields }) => fields)
    .flatMap(({ switchBit }) => (switchBit === undefined ? [] : [1 << switchBit]));
  if (bits.length === 0) return true;
  const known = bits.reduce((mask, bit) => mask | bit, 0);
  return (bytes.readUInt32LE(0) & ~known) === 0;
}

async function constructorIn(definitions: Manager, encoding: Opaque["nodeId"]): Promise<Constructor | null> {
  try {
    return await definitions.getExtensionObjectConstructorFromBinaryEncodingAsync(encoding);
  } catch {
    return null;
  }
}

function hasOpaqueStructure({ dataType, value }: Variant): boolean {
  if (dataType !== DataType.ExtensionObject) return false;
  return Array.isArray(value) ? value.some(isOpaque) : isOpaque(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

function isVariant(value: object): value is Variant {
  return "dataType" in value && "arrayType" in value && "value" in value;
}
