// Names of the plant as elements of topics and subjects, reversibly. A name may be any text; an element may not hold what separates
// elements or stands for many of them (`/ + #` in MQTT, `. * >` in NATS), nor blanks, which nats-server refuses in topics, too.
//
// Letters and digits of all scripts, `_` and `-` stay. Every other character becomes `%XX` for each byte of its UTF-8, as in addresses of web
// pages: decodeURIComponent gives the name back.

//
// A server of the plant has an alias that no other server of its service has; one of the other service may have it. So elements of servers name the
// service, too, behind an `@`, which no element has otherwise. Those of OPC UA need no such mark. What an element means never depends on what
// else is configured.

import type { ServiceName } from "@cpc-partition/image/service-name";

export interface ServerName {
  readonly service: ServiceName;
  /** Alias of the server. */
  readonly server: string;
}

const unmarkedService: ServiceName = "opcua";
const special = /[^\p{L}\p{N}_-]/gu;

export function elementOf(name: string): string {
  return name
    .toWellFormed()
    .replaceAll(special, (character) =>
      Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
    );
}

/** The name that `elementOf` was given; undefined for a text that it never gives. */
export function nameOf(element: string): string | undefined {
  try {
    return decodeURIComponent(element);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Asked for with each change, whose point is always the same object. */
const serverElements = new WeakMap<ServerName, string>();

/** `Boiler%201` for OPC UA, `Boiler%201@modbus` for Modbus. */
export function serverElementOf(name: ServerName): string {
  let element = serverElements.get(name);
  if (element === undefined) {
    const { service, server } = name;
    element = service === unmarkedService ? elementOf(server) : `${elementOf(server)}@${service}`;
    serverElements.set(name, element);
  }
  return element;
}

/** What `serverElementOf` was given; undefined for a text that it never gives. */
export function serverNameOf(element: string): ServerName | undefined {
  const [alias = "", service = unmarkedService, ...rest] = element.split("@");
  const server = nameOf(alias);
  return server === undefined || rest.length > 0 ? undefined : { service: service as ServiceName, server };
}
