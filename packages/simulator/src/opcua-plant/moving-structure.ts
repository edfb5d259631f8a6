// A structure that has the members which a configuration reads: its type in the address space, and its value at a moment.
//
// Promises: each path leads to a member of the configured type; a member whose type is not known is a Double.
// Without members it has one, a Double.
// Does not: hold what else a structure of that name may have in a real plant.

import type { NodeId } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { OpcUaNode } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";
import { dataTypeOf, movingContent } from "./wire-value.ts";

type AddressSpace = NonNullable<OPCUAServer["engine"]["addressSpace"]>;

/** Arrays within one another multiply. An element that lies further behind is answered as one that is not there. */
const mostElements = 10_000;

/** What the paths of the members say of one place in the structure. */
interface Place {
  /** By the name of the member. */
  readonly members: Map<string, Place>;
  /** Of an array; 0: it is none. */
  elements: number;
  /** The member that ends here. */
  node: OpcUaNode | undefined;
}

interface Made {
  readonly dataType: NodeId;
  readonly valueAt: (atMs: number) => unknown;
}

export interface MovingStructure {
  readonly dataType: NodeId;
  readonly isArray: boolean;
  /** A structure, or as many as the paths of the members have. */
  readonly valueAt: (atMs: number) => unknown;
}

/** `members` of the structure that is the value of `owner`. */
export function movingStructure(
  addressSpace: AddressSpace,
  owner: OpcUaNode,
  members: readonly OpcUaNode[],
): MovingStructure {
  const root = emptyPlace();
  if (members.length === 0) root.members.set("Value", emptyPlace());
  // The elements of an array that the configuration reads.
  root.elements = owner.indexRange === undefined ? 0 : Number(/\d+$/.exec(owner.indexRange)?.[0]) + 1;
  for (const node of members) {
    let place = root;
    for (const step of node.member?.steps ?? []) {
      if (typeof step === "number") place.elements = Math.max(place.elements, step + 1);
      else {
        const next = place.members.get(step) ?? emptyPlace();
        place.members.set(step, next);
        place = next;
      }
    }
    place.node = node;
  }
  const { dataType, valueAt } = made(addressSpace, root, owner.displayName, mostElements);
  return { dataType, valueAt, isArray: root.elements > 0 };
}

function emptyPlace(): Place {
  return { members: new Map(), elements: 0, node: undefined };
}

/** `room`: for so many elements. */
function made(addressSpace: AddressSpace, place: Place, path: string, room: number): Made {
  const elements = Math.min(place.elements, room);
  const within = Math.floor(room / Math.max(1, elements));
  const { dataType, valueAt } =
    place.members.size === 0 ? leaf(place, path) : structure(addressSpace, place, path, within);
  if (elements === 0) return { dataType, valueAt };
  return { dataType, valueAt: (atMs) => Array.from({ length: elements }, () => valueAt(atMs)) };
}

function leaf({ node }: Place, path: string): Made {
  const known = node === undefined || node.type === BuiltInType.Null ? BuiltInType.Double : node.type;
  // Of which structure it is, nobody knows.
  const type = known === BuiltInType.ExtensionObject ? BuiltInType.Double : known;
  return { dataType: dataTypeOf(type), valueAt: movingContent(path, node?.unit ?? "", type) };
}

function structure(addressSpace: AddressSpace, place: Place, path: string, room: number): Made {
  const members = Array.from(place.members, ([name, one]) => ({
    name,
    place: one,
    made: made(addressSpace, one, `${path}.${name}`, room),
  }));
  const namespace = addressSpace.getOwnNamespace();
  const type = namespace.createDataType({
    browseName: `${path} type`,
    isAbstract: false,
    subtypeOf: "Structure",
    partialDefinition: members.map(({ name, place: { elements }, made: { dataType } }) => ({
      name,
      dataType,
      valueRank: elements > 0 ? 1 : -1,
      description: "",
    })),
  });
  namespace.addObject({
    browseName: { namespaceIndex: 0, name: "Default Binary" },
    encodingOf: type,
    typeDefinition: "DataTypeEncodingType",
  });
  return {
    dataType: type.nodeId,
    valueAt: (atMs) => {
      const contents = members.map(({ name, made: { valueAt } }) => [fieldName(name), valueAt(atMs)] as const);
      return addressSpace.constructExtensionObject(type, Object.fromEntries(contents));
    },
  };
}

/** As node-opcua calls the field of a member in its objects. */
function fieldName(name: string): string {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}
