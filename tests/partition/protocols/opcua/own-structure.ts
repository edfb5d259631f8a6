// Structures that the node-opcua of this process does not know, as values of a test server.

import { DataType, QualifiedName, Variant } from "node-opcua-client";
import type { NodeId } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";

/** A type that only this server knows, in its own namespace, and a value of it as it looks on the wire. */
export function structureOf({ engine }: OPCUAServer): Variant {
  const { addressSpace } = engine;
  if (addressSpace === null) throw new TypeError("no address space");
  const type = addressSpace.getOwnNamespace().createDataType({
    browseName: "Drive",
    isAbstract: false,
    subtypeOf: "Structure",
    partialDefinition: [
      { dataType: "i=8", name: "Count", valueRank: -1, description: "" },
      { dataType: "i=11", name: "Speeds", valueRank: 1, description: "" },
      { dataType: "i=21", name: "Title", valueRank: -1, description: "" },
      { dataType: "i=290", name: "Ramp", valueRank: -1, description: "" },
    ],
  });
  const encoding = addressSpace.getOwnNamespace().addObject({
    browseName: { namespaceIndex: 0, name: "Default Binary" },
    encodingOf: type,
    typeDefinition: "DataTypeEncodingType",
  });
  const body = [
    [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // Count: -2
    [2, 0, 0, 0, ...doubleBytes(1.5), ...doubleBytes(Infinity)], // Speeds
    [2, 7, 0, 0, 0, ...Buffer.from("Antrieb")], // Title: text only
    [...doubleBytes(20)], // Ramp
  ];
  return opaque(encoding.nodeId, body.flat());
}

function doubleBytes(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer);
}

/** An ExtensionObject with this encoding and body, whatever they are. */
export function opaque(encoding: NodeId, body: readonly number[]): Variant {
  const variant = new Variant({ dataType: DataType.ExtensionObject });
  variant.value = Object.create(new QualifiedName({}), {
    schema: { value: { name: "Opaque", encodingDefaultBinary: encoding } },
    encode: {
      value: (stream: { writeUInt8: (byte: number) => void }) => {
        for (const byte of body) stream.writeUInt8(byte);
      },
    },
  });
  return variant;
}
