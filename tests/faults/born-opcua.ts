// An OPC UA server whose values are born values, and the XML that reads it. Every point is a Double with the node id ns=1;s=pN.

import { join } from "node:path";
import { DataType, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { certificateIn, portOf, startServer, temporaryFolder, type TestServerOptions } from "../plant/opcua-server.ts";
import type { Lifetime } from "./born-modbus.ts";
import { bornValue, pointName } from "./born-value.ts";

export interface BornOpcUaServer {
  readonly alias: string;
  readonly port: number;
  readonly firstPlace: number;
  readonly points: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default None; without the "SecurityPolicy" in front. */
  readonly policy?: string;
  /** Elements after the alias: `<timeout>0.5</timeout>` ... */
  readonly settings?: string;
  /** Further elements of `<security>`. */
  readonly security?: string;
  /** URI of a place's namespace; default: the namespace index 1. */
  readonly namespaceOf?: (place: number) => string;
  /** `<node>` elements before those of the points. */
  readonly furtherNodes?: string;
}

export interface RunningOpcUaServer {
  readonly server: OPCUAServer;
  readonly port: number;
  close(): Promise<void>;
}

/** `options` replace what is made by default: a folder, a certificate, any free port. */
export async function startBornOpcUa(
  t: Lifetime,
  firstPlace: number,
  points: number,
  options: Partial<TestServerOptions> = {},
): Promise<RunningOpcUaServer> {
  const folder = await temporaryFolder();
  const certificate = options.certificate ?? (await certificateIn(folder.path, "server"));
  const { server, url } = await startServer({
    folder: join(folder.path, "server"),
    certificate,
    build: (started) => addBornVariables(started, firstPlace, points),
    ...options,
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await server.shutdown(0);
      await folder.remove();
    })());
  t.after(close);
  return { server, port: portOf(url), close };
}

export function addBornVariables(server: OPCUAServer, firstPlace: number, points: number, namespace = 1): void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  for (let place = firstPlace; place < firstPlace + points; place++) {
    addressSpace.getNamespace(namespace).addVariable({
      organizedBy: addressSpace.rootFolder.objects,
      nodeId: `ns=${namespace};s=${pointName(place)}`,
      browseName: pointName(place),
      dataType: "Double",
      value: { get: () => new Variant({ dataType: DataType.Double, value: bornValue(Date.now(), place) }) },
    });
  }
}

export function bornOpcUaXml(...servers: readonly BornOpcUaServer[]): string {
  const elements = servers.map(
    ({
      alias,
      host = "127.0.0.1",
      port,
      firstPlace,
      points,
      policy = "None",
      settings = "",
      security = "",
      ...more
    }) => {
      const { namespaceOf, furtherNodes = "" } = more;
      const nodes = Array.from({ length: points }, (_, point) => {
        const place = firstPlace + point;
        const uri = namespaceOf?.(place);
        return nodeXml(pointName(place), uri === undefined ? undefined : `<NamespaceUri>${uri}</NamespaceUri>`);
      });
      return `<server><server_app_uri>opc.tcp://${host}:${port}</server_app_uri>
    <client_app_uri>urn:cpc-partition:test:client</client_app_uri><alias>${alias}</alias>${settings}
    <security><policy>SecurityPolicy${policy}</policy><mode>${policy === "None" ? "None" : "SignAndEncrypt"}</mode>${security}</security>
    <nodes>${furtherNodes}${nodes.join("\n")}</nodes></server>`;
    },
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<opcua-servers>\n${elements.join("\n")}\n</opcua-servers>\n`;
}

export function nodeXml(name: string, namespace = "<NamespaceIndex>1</NamespaceIndex>"): string {
  return `<node><DisplayName>${name}</DisplayName>${namespace}
        <IdentifierType>String</IdentifierType><Identifier>${name}</Identifier>
        <datatype>Double</datatype><description></description></node>`;
}
