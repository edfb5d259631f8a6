// The one list of protocols. Nobody else branches on a protocol's name: to add one, add a folder beside this file and a line here.

import type { ServiceName } from "@cpc-partition/image/service-name";
import { modbus } from "./modbus/modbus-protocol.ts";
import { opcua } from "./opcua/opcua-protocol.ts";
import type { Protocol } from "./protocol.ts";

export const protocols: readonly Protocol[] = [opcua, modbus];

export const serviceNames: readonly ServiceName[] = protocols.map(({ name }) => name);

export function protocolNamed(name: string, all: readonly Protocol[] = protocols): Protocol {
  const protocol = all.find((one) => one.name === name);
  if (protocol === undefined) throw new TypeError(`there is no protocol named ${name}`);
  return protocol;
}

/** What `values` has for each protocol that it has something for, in the order of the list. */
export function perProtocol<Value>(
  values: Readonly<Partial<Record<ServiceName, Value | undefined>>>,
  all: readonly Protocol[] = protocols,
): readonly { readonly protocol: Protocol; readonly value: Value }[] {
  return all.flatMap((protocol) => {
    const value = values[protocol.name];
    return value === undefined ? [] : [{ protocol, value }];
  });
}
