// What browsing finds: nodes as a tree.

import type { NodeId } from "node-opcua-client";
import type { Value } from "@cpc-partition/image/values/value";
import type { StructureMember } from "../structure-types.ts";

/** A value takes no more of its line. */
export const longestValue = 40;

export interface BrowsedNode {
  /** "ns=2;s=Tank.Level" (OPC 10000-6, 5.1.12). */
  readonly nodeId: string;
  readonly browseName: string;
  readonly displayName: string;
  readonly isVariable: boolean;
  readonly children: BrowsedNode[];
  /** Of a variable. */
  dataType: string;
  isArray: boolean;
  /** The value as JSON, shortened. */
  shown: string;
  /** Undefined where `shown` is shortened. */
  value: Value | undefined;
  status: number;
  unit: string;
  description: string;
  /** The texts of its values (image/values/enumeration.ts). */
  enumeration?: string | undefined;
  /** Of the structure that is its value. */
  members?: readonly StructureMember[];
}

/** Nodes that something was left out below: how many, and the first of them. */
export interface LeftOut {
  readonly count: number;
  readonly nodeId: string;
  readonly because: string;
}

export interface AddressSpace {
  readonly root: BrowsedNode;
  /** URIs in the order of their indices. */
  readonly namespaces: readonly string[];
  readonly variables: number;
  /** The bound was reached: there is more. */
  readonly isCut: boolean;
  readonly leftOut: readonly LeftOut[];
}

export interface Found extends BrowsedNode {
  readonly id: NodeId;
  units: NodeId | undefined;
  /** A type that is no built-in one. */
  ownType?: NodeId | undefined;
}

export type BrowseProgress = (nodes: number, step: string) => void;
