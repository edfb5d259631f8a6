// Points that a list places on servers, gathered by server: each with a name of its own, and with what all of its points have in common.

import {
  placeholderHost,
  type EndpointDraft,
  type Findings,
  type ImportSettings,
  type ModbusDraft,
  type NodeDraft,
  type OpcUaDraft,
  type Settings,
} from "./draft.ts";

/** What stands beside an endpoint in its row; "" where nothing does. */
export interface PlacedEndpoint {
  readonly endpoint: EndpointDraft;
  readonly server: string;
  readonly host: string;
  readonly port: string;
  readonly unitId: string;
}

export interface PlacedNode {
  readonly node: NodeDraft;
  readonly server: string;
  readonly url: string;
}

const modbusPort = 502;

export function modbusServers(
  placed: readonly PlacedEndpoint[],
  { device, alias, unit, wordOrder }: Partial<ImportSettings>,
  findings: Findings,
): readonly ModbusDraft[] {
  const [, givenHost, givenPort] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(device ?? "") ?? [];
  const names = new UniqueNames();
  return gathered(placed, ({ server, host, port }) => [server, host, port].join("\n")).map((members) => {
    const [{ server, host, port } = { server: "", host: "", port: "" }] = members;
    const address = host || givenHost || placeholderHost;
    if (address === placeholderHost)
      findings.note(
        `the file does not say where the device is: replace ${placeholderHost} in <ipaddr>, or use --device HOST:PORT`,
      );
    const unitIds = members.map(({ unitId }) => unitId || (unit === undefined ? "" : String(unit)));
    const usual = commonest(unitIds);
    return {
      protocol: "modbus",
      alias: names.take(server || alias || (address === placeholderHost ? "Device" : address)),
      host: address.replace(/^\[(.*)\]$/, "$1"),
      port: Number(port || givenPort || modbusPort),
      settings: { unitId: usual || undefined, wordOrder },
      endpoints: members.map(({ endpoint }, at) =>
        withUnitId(endpoint, unitIds[at] === usual ? "" : (unitIds[at] ?? "")),
      ),
    };
  });
}

export function opcUaServers(
  placed: readonly PlacedNode[],
  { device, alias }: ImportSettings,
  findings: Findings,
): readonly OpcUaDraft[] {
  const names = new UniqueNames();
  return gathered(placed, ({ server, url }) => `${server}\n${url}`).map((members) => {
    const [{ server, url } = { server: "", url: "" }] = members;
    const known = url.startsWith("opc.tcp:") ? url : device;
    if (known === undefined)
      findings.note(
        `the file does not say where the server is: replace ${placeholderHost} in <server_app_uri>, or use --device opc.tcp://HOST:PORT`,
      );
    findings.note(
      "the file does not say how the server is secured: <policy> and <mode> are the usual ones; cpc cert fetch shows the server's certificate",
    );
    return {
      protocol: "opcua",
      alias: names.take(server || alias || "Server"),
      url: known ?? `opc.tcp://${placeholderHost}:4840`,
      policy: "SecurityPolicyBasic256Sha256",
      mode: "SignAndEncrypt",
      username: undefined,
      settings: {},
      nodes: members.map(({ node }) => node),
    };
  });
}

/** Aliases of one file differ. */
export class UniqueNames {
  readonly #taken = new Set<string>();

  take(wanted: string): string {
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = `${wanted} ${number}`;
    this.#taken.add(name);
    return name;
  }
}

/** The interval of most of its points becomes the server's; the others keep theirs. */
export function withIntervals<Server extends ModbusDraft | OpcUaDraft>(server: Server): Server {
  const points = server.protocol === "modbus" ? server.endpoints : server.nodes;
  const usual = commonest(points.map(({ settings }) => settings["interval"] ?? "")) || undefined;
  const withoutUsual = ({ interval, ...settings }: Settings): Settings =>
    interval === undefined || interval === usual ? settings : { ...settings, interval };
  const changed = points.map((point) => Object.assign({}, point, { settings: withoutUsual(point.settings) }));
  return Object.assign({}, server, {
    settings: { ...server.settings, interval: usual },
    [server.protocol === "modbus" ? "endpoints" : "nodes"]: changed,
  });
}

function withUnitId(endpoint: EndpointDraft, unitId: string): EndpointDraft {
  return unitId === "" ? endpoint : { ...endpoint, settings: { ...endpoint.settings, unitId } };
}

function gathered<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly Item[][] {
  return [...Map.groupBy(items, keyOf).values()];
}

function commonest(texts: readonly string[]): string {
  const counts = [...Map.groupBy(texts, (text) => text)].map(([text, all]) => ({ text, count: all.length }));
  return counts.reduce((most, one) => (one.count > most.count ? one : most), { text: "", count: 0 }).text;
}
