// What an import found: servers as they can be written down in our configuration, and what has no place there.

import type { ReadFunction } from "../protocols/modbus/configuration/modbus-server.ts";

/** Elements of our grammar that are optional, by their names. */
export type Settings = Readonly<Record<string, string | undefined>>;

export interface EndpointDraft {
  readonly name: string;
  readonly functionCode: ReadFunction;
  /** As on the wire, from 0. */
  readonly address: number;
  readonly quantity: number;
  /** Undefined: the whole register. */
  readonly bit?: number | undefined;
  readonly description: string;
  readonly settings: Settings;
}

export interface ModbusDraft {
  readonly protocol: "modbus";
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  readonly settings: Settings;
  readonly endpoints: readonly EndpointDraft[];
}

export interface MemberDraft {
  readonly path: string;
  readonly settings: Settings;
}

export interface NodeDraft {
  readonly name: string;
  /** One of the two. */
  readonly namespace: { readonly index: number } | { readonly uri: string };
  readonly identifierType: "Numeric" | "String" | "Guid" | "Opaque";
  readonly identifier: string;
  readonly dataType: string;
  readonly description: string;
  readonly settings: Settings;
  /** Of a structure; absent: none. */
  readonly members?: readonly MemberDraft[];
}

export interface OpcUaDraft {
  readonly protocol: "opcua";
  readonly alias: string;
  readonly url: string;
  /** As in our grammar. */
  readonly policy: string;
  readonly mode: string;
  /** A file, where it is known which certificate the server shows. */
  readonly serverCertificate?: string | undefined;
  readonly username: string | undefined;
  readonly settings: Settings;
  readonly nodes: readonly NodeDraft[];
}

export type ServerDraft = ModbusDraft | OpcUaDraft;

export interface Imported {
  readonly servers: readonly ServerDraft[];
  /** One sentence each: where it stands, what it is, and why it was left out. */
  readonly leftOut: readonly string[];
  /** How something was understood that could be meant otherwise. */
  readonly notes: readonly string[];
}

/** Of what a file does not say. */
export interface ImportSettings {
  /** `HOST[:PORT]` of a Modbus device, or the endpoint URL of an OPC UA server. */
  readonly device: string | undefined;
  readonly alias: string | undefined;
  readonly addresses: AddressBase;
  /** Unit id of a Modbus device. */
  readonly unit: number | undefined;
  readonly wordOrder: string | undefined;
}

export const addressBases = ["auto", "from0", "from1", "numbers"] as const;
/** "numbers": with a digit for the table before the number, from 40001 or 400001 on. */
export type AddressBase = (typeof addressBases)[number];

/** For documentation, RFC 5737: nobody is there. */
export const placeholderHost = "192.0.2.1";

/** Collects what cannot be taken over, so that nothing is lost silently. */
export class Findings {
  readonly leftOut: string[] = [];
  readonly notes: string[] = [];

  leaveOut(where: string, what: string): void {
    this.leftOut.push(`${where}: ${what}`);
  }

  /** Once. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }
}
