// What browsing found, as a tree for people and as configuration. Pure.

import { enumeratedText } from "@cpc-partition/image/values/enumeration";
import { builtInTypeName, BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { MemberDraft, NodeDraft, OpcUaDraft } from "../import/draft.ts";
import { parseNodeId } from "../import/node-id.ts";
import { longestValue, type BrowsedNode, type LeftOut } from "../protocols/opcua/browsing/browsed-node.ts";

/** What browsing left out, and how to have it. */
export function leftOutText({ count, nodeId, because }: LeftOut): string {
  const nodes = count === 1 ? `what is below ${nodeId} is` : `what is below ${count} nodes is`;
  return `${terminalLine(nodes)} left out because ${because}; begin ${count === 1 ? "there" : `at the first, ${nodeId},`} with --from`;
}

/** The variables that the text of their path or node id fits, with what leads to them; undefined: none does. */
export function keepMatching(node: BrowsedNode, fits: (text: string) => boolean, path = ""): BrowsedNode | undefined {
  const children = node.children.flatMap((child) => keepMatching(child, fits, `${path}${child.displayName}/`) ?? []);
  const isWanted = node.isVariable && [path.slice(0, -1), node.displayName, node.nodeId].some((text) => fits(text));
  return isWanted || children.length > 0 ? { ...node, children } : undefined;
}

/** A line for each node below the root, indented; for a variable its own. */
export function treeText(root: BrowsedNode): string {
  const lines: string[] = [];
  const add = (node: BrowsedNode, depth: number): void => {
    lines.push(`${"  ".repeat(depth)}${nodeText(node)}`);
    for (const child of node.children) add(child, depth + 1);
  };
  for (const node of root.isVariable ? [root] : root.children) add(node, 0);
  return lines.join("\n");
}

function nodeText({
  displayName,
  nodeId,
  isVariable,
  dataType,
  isArray,
  shown: json,
  value,
  status,
  unit,
  description,
  enumeration,
}: BrowsedNode): string {
  const id = terminalLine(nodeId);
  if (!isVariable) return `${terminalLine(displayName)}  (${id})`;
  const type = `${dataType === "" ? "Structure" : dataType}${isArray ? "[]" : ""}`;
  const text = value === undefined ? undefined : enumeratedText(enumeration, value);
  const content = shortened([json, text].filter(Boolean).join(" "));
  const shown = isGood(status) ? content : `${content} ${statusName(status)}`.trim();
  const parts = [displayName, type, unit === "" ? shown : `${shown} ${unit}`, nodeId, description];
  return parts
    .filter((part) => part !== "")
    .map((part) => terminalLine(part))
    .join("  ");
}

function shortened(text: string): string {
  return text.length <= longestValue ? text : `${text.slice(0, longestValue - 1)}…`;
}

/** The variables as nodes of our configuration, in the order of the tree; what cannot be read becomes a remark. */
export function configurationOf(
  root: BrowsedNode,
  namespaces: readonly string[],
  server: Pick<OpcUaDraft, "alias" | "url" | "policy" | "mode" | "serverCertificate" | "username">,
): { readonly draft: Omit<OpcUaDraft, "protocol">; readonly remarks: readonly string[] } {
  const remarks: string[] = [];
  const nodes: NodeDraft[] = [];
  const add = (node: BrowsedNode): void => {
    const id = node.isVariable ? parseNodeId(node.nodeId) : undefined;
    if (id !== undefined && isBad(node.status) && !isPassing(node.status))
      remarks.push(`Left out: ${node.nodeId} (${node.displayName}): ${statusName(node.status)}`);
    else if (id !== undefined) {
      const { members, remark } = membersOf(node);
      nodes.push({ ...id, ...namespaceOf(id, namespaces), ...contentOf(node), members });
      if (remark !== undefined) remarks.push(remark);
    }
    for (const child of node.children) add(child);
  };
  add(root);
  return { draft: { ...server, settings: {}, nodes }, remarks };
}

/** A sensor that is broken today is a point all the same; what may not be read is none. */
function isPassing(status: number): boolean {
  return !/NotReadable|UserAccessDenied|NodeIdUnknown|AttributeIdInvalid/.test(statusName(status));
}

/** Indices change when a server restarts, URIs do not. Namespace 0 is the standard's, 1 the server's own. */
function namespaceOf(
  { namespace }: Pick<NodeDraft, "namespace">,
  namespaces: readonly string[],
): Pick<NodeDraft, "namespace"> {
  const uri = "index" in namespace && namespace.index > 0 ? namespaces[namespace.index] : undefined;
  return { namespace: uri === undefined || uri === "" ? namespace : { uri } };
}

/** Room for a member that is an array. */
const arrayCapacity = "1024";

/** Of arrays of structures nobody knows how many elements are meant. */
function membersOf({ nodeId, displayName, isArray, members = [] }: BrowsedNode): {
  readonly members: readonly MemberDraft[];
  readonly remark: string | undefined;
} {
  const arrays =
    isArray && members.length > 0 ? ["the node"] : members.filter((one) => one.hasMembers).map(({ path }) => path);
  const remark =
    arrays.length === 0
      ? undefined
      : `No members of ${nodeId} (${displayName}), array of structures (${arrays.join(", ")}): write <member> with an index in <path>`;
  if (isArray) return { members: [], remark };
  const drafts = members.flatMap(({ path, type, isArray: hasElements, hasMembers }) => {
    const datatype = type === BuiltInType.Null ? undefined : builtInTypeName(type);
    const capacity = hasElements ? arrayCapacity : undefined;
    return hasMembers ? [] : [{ path, settings: { datatype, capacity } }];
  });
  return { members: drafts, remark };
}

function contentOf({
  displayName,
  browseName,
  dataType,
  unit,
  description,
}: BrowsedNode): Omit<NodeDraft, "namespace" | "identifier" | "identifierType"> {
  return {
    name: displayName || browseName,
    dataType: dataType === "" ? "ExtensionObject" : dataType,
    description,
    settings: { engineeringUnit: unit === "" ? undefined : unit },
  };
}
