// Documents rendered from images made by hand.

import type { ServerDescription } from "../../packages/image/src/directory.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { documentForm, type DocumentSettings } from "../../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../../packages/documents/src/document-renderer.ts";
import { EntryTypes } from "../../packages/documents/src/entry-types.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { PointSink } from "../../packages/image/src/point-sink.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Value } from "../../packages/image/src/values/value.ts";
import { parseDocument } from "./parse-document.ts";
import { imageOf } from "../image/sample-image.ts";

export type Entry = Readonly<Record<string, unknown>>;
export type Document = Readonly<Record<string, Entry>>;

export function modbusServer(alias: string, ...names: readonly string[]): ServerDescription {
  return {
    alias,
    connection: {
      key: `ModbusTCP Connections:${alias}: Connection status`,
      description: "Connection status to the Modbus server",
    },
    groups: [
      {
        name: "",
        intervalMs: 1000,
        points: names.map((name) => ({
          key: `${alias}: ${name}`,
          description: `Beschreibung ${name}`,
          unit: "",
          source: "",
          type: BuiltInType.Null,
          capacityBytes: 256,
        })),
      },
    ],
  };
}

export class Rendering {
  readonly #image;
  readonly #service: "opcua" | "modbus";
  readonly renderer: DocumentRenderer;
  /** Keys that were left out because another type came. */
  readonly retyped: string[] = [];
  readonly #types = new EntryTypes((key) => void this.retyped.push(key));

  constructor(service: "opcua" | "modbus", ...servers: readonly ServerDescription[]) {
    this.#image = imageOf(...servers);
    this.#service = service;
    this.renderer = this.fresh();
  }

  /** A renderer that knows nothing of what was rendered before but the types of the entries. */
  fresh(settings: DocumentSettings = {}): DocumentRenderer {
    return new DocumentRenderer(this.#image.reader, documentForm(this.#service, settings), this.#types);
  }

  poll(server: number, fill: (sink: PointSink) => void = () => {}): this {
    return this.show(server, ConnectionState.connected, fill);
  }

  show(server: number, connection: ConnectionState, fill: (sink: PointSink) => void = () => {}): this {
    const block = this.#image.blocks[server]!;
    block.begin();
    fill(block);
    block.publish(connection);
    return this;
  }

  /** Sets one value of the first server after the other. */
  values(...values: readonly Value[]): this {
    return this.poll(0, (sink) => {
      for (const [index, value] of values.entries()) sink.setValue(index, value, StatusCode.Good);
    });
  }

  text(capacityBytes = Infinity, renderer = this.renderer): string {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(renderer.render(capacityBytes).bytes);
  }

  document(capacityBytes = Infinity, renderer = this.renderer): Document {
    return parseDocument(this.text(capacityBytes, renderer)) as Document;
  }
}
