// An OPC UA server whose values are born values, and the XML that reads it. Every point is a Double with the node id ns=1;s=pN.

import { join } from "node:path";
import { DataType, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { certificateIn, portOf, startServer, temporaryFolder, type TestServerOptions } from "../plant/opcua-server.ts";
import { opcUaServersXml, text, type XmlNode, type XmlOpcUaServer } from "../plant/configuration-xml.ts";
import type { Lifetime } from "../image/posix/own-objects.ts";
import { bornValue, pointName } from "./born-value.ts";

export interface BornOpcUaServer extends Omit<XmlOpcUaServer, "url" | "nodes"> {
  readonly port: number;
  readonly firstPlace: number;
  readonly points: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** URI of a place's namespace; default: the namespace index 1. */
  readonly namespaceOf?: (place: number) => string;
  /** Further elements of each node, by its number among the points. */
  readonly nodeSettings?: (point: number) => string;
  /** Nodes before those of the points. */
  readonly furtherNodes?: readonly (XmlNode | string)[];
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
  return opcUaServersXml(...servers.map(withNodes));
}

function withNodes({ host = "127.0.0.1", port, firstPlace, points, ...server }: BornOpcUaServer): XmlOpcUaServer {
  const { namespaceOf, nodeSettings = () => "", furtherNodes = [], ...rest } = server;
  const nodes = Array.from({ length: points }, (_, point): XmlNode => {
    const place = firstPlace + point;
    const name = pointName(place);
    const settings = nodeSettings(point);
    if (namespaceOf === undefined) return { name, settings };
    return { name, settings, namespace: text("NamespaceUri", namespaceOf(place)) };
  });
  return { ...rest, url: `opc.tcp://${host}:${port}`, nodes: [...furtherNodes, ...nodes] };
}
