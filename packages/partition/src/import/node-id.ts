// Node ids as other programs write them: `ns=2;s=Tank.Level`, `nsu=urn:plant;i=5`, `i=2258` (OPC 10000-6, 5.3.1.10).

import type { NodeDraft } from "./draft.ts";

const types = { i: "Numeric", s: "String", g: "Guid", b: "Opaque" } as const;

export type NodeIdDraft = Pick<NodeDraft, "namespace" | "identifierType" | "identifier">;

/** Undefined: it is no node id. */
export function parseNodeId(text: string): NodeIdDraft | undefined {
  const [, server, uri, index, type, identifier = ""] =
    /^\s*(svr=\d+;)?(?:nsu=([^;]+);|ns=(\d+);)?([isgb])=(.+?)\s*$/s.exec(text) ?? [];
  if (type === undefined || server !== undefined) return undefined;
  const identifierType = types[type as keyof typeof types];
  if (identifierType === "Numeric" && !/^\d+$/.test(identifier)) return undefined;
  const namespace = uri === undefined ? { index: Number(index ?? 0) } : { uri: unescapeUri(uri) };
  return { namespace, identifierType, identifier };
}

/** `;` and `%` of a namespace URI are percent-encoded in an expanded node id. */
function unescapeUri(uri: string): string {
  return uri.replaceAll(/%(3B|25)/gi, (code) => (code === "%25" ? "%" : ";"));
}
