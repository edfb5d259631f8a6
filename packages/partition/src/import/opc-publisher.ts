// The published nodes of OPC Publisher (JSON): a list of entries, each with an endpoint and its nodes; also of its first versions.
//
// That program subscribes, and so does what comes of it; a node that it reads in a cycle is read.

import { Findings, type Imported, type NodeDraft, type OpcUaDraft, type Settings } from "./draft.ts";
import { list, number, record, text, type Fields } from "./foreign-fields.ts";
import { securityOf } from "./foreign-security.ts";
import { monitoringOf, typeOfMonitored } from "./monitoring.ts";
import { parseNodeId } from "./node-id.ts";
import { UniqueNames, withIntervals } from "./servers.ts";

/** What says nothing about which values are read, or is understood. */
const silent: ReadonlySet<string> = new Set(
  (
    "EndpointUrl UseSecurity EndpointSecurityMode EndpointSecurityPolicy OpcNodes NodeId " +
    "OpcAuthenticationMode OpcAuthenticationUsername OpcAuthenticationPassword EncryptedAuthUsername " +
    "EncryptedAuthPassword DataSetWriterGroup DataSetWriterId DataSetName DataSetDescription " +
    "DataSetPublishingInterval DataSetPublishingIntervalTimespan Version LastChangeDateTime LastChangeTimespan Tag"
  ).split(" "),
);
const silentOfNode: ReadonlySet<string> = new Set(
  (
    "Id ExpandedNodeId AttributeId IndexRange UseCyclicRead FetchDisplayName DisplayName DataSetFieldId QueueSize " +
    "OpcSamplingInterval OpcSamplingIntervalTimespan OpcPublishingInterval OpcPublishingIntervalTimespan " +
    "DataChangeTrigger DeadbandType DeadbandValue"
  ).split(" "),
);

/** Of a node where others of its server have one. */
const defaultPublishingInterval = "1";

export function importOpcPublisher(json: string): Imported {
  const findings = new Findings();
  const names = new UniqueNames();
  const entries = list(JSON.parse(json)).map((entry, at) => ({ entry, where: `entry ${at + 1}` }));
  for (const { entry, where } of entries) {
    for (const key of Object.keys(entry)) if (!silent.has(key)) findings.leaveOut(where, `${key} has no counterpart`);
    if (usesCertificate(entry)) findings.leaveOut(where, "the user's certificate: name it in <user_certificate>");
  }
  // Its writer groups split one server over many entries.
  const byServer = Map.groupBy(entries, ({ entry }) =>
    JSON.stringify([text(entry["EndpointUrl"]), wantedSecurity(entry), usernameOf(entry)]),
  );
  const servers = [...byServer.values()].flatMap((members): readonly OpcUaDraft[] => {
    const [{ entry, where } = { entry: {}, where: "" }] = members;
    const nodes = members.flatMap((member) => nodesOf(member.entry, member.where, findings));
    const url = text(entry["EndpointUrl"]);
    if (nodes.length === 0) {
      findings.leaveOut(where, `"${url}" has no node that can be read`);
      return [];
    }
    const isSaid = nodes.some(({ settings }) => settings["interval"] !== undefined);
    return [
      withIntervals<OpcUaDraft>({
        protocol: "opcua",
        alias: names.take(url.replace(/^opc\.tcp:\/\//, "").replace(/[:/].*$/, "") || "Server"),
        url,
        ...securityOf(wantedSecurity(entry), findings),
        username: usernameOf(entry),
        settings: { acquisition: "subscribe" },
        nodes: isSaid ? nodes.map((node) => withDefaultInterval(node)) : nodes,
      }),
    ];
  });
  if (servers.length > 0)
    findings.note(
      "nodes are subscribed to, as by that program; <acquisition>read</acquisition> in <server> or <node> polls them",
    );
  return { servers, leftOut: findings.leftOut, notes: findings.notes };
}

function usesCertificate(entry: Fields): boolean {
  return text(entry["OpcAuthenticationMode"]).toLowerCase() === "certificate";
}

/** With a certificate the field has the certificate's subject. */
function usernameOf(entry: Fields): string | undefined {
  return usesCertificate(entry) ? undefined : text(entry["OpcAuthenticationUsername"]) || undefined;
}

/** Without security only where the file says so. */
function wantedSecurity(entry: Fields): { readonly policy: string; readonly mode: string } {
  const isOff = entry["UseSecurity"] === false && text(entry["EndpointSecurityMode"]) === "";
  return {
    policy: text(entry["EndpointSecurityPolicy"]),
    mode: isOff ? "None" : text(entry["EndpointSecurityMode"]),
  };
}

function nodesOf(entry: Fields, where: string, findings: Findings): readonly NodeDraft[] {
  const old = text(record(entry["NodeId"])["Identifier"]);
  const nodes = [...(old === "" ? [] : [{ Id: old }]), ...list(entry["OpcNodes"])] as readonly Fields[];
  const others = nodes.flatMap((node) =>
    Object.keys(node).filter((name) => !silentOfNode.has(name) && Boolean(node[name])),
  );
  const published = nodes.flatMap((node) => {
    const written = text(node["Id"]) || text(node["ExpandedNodeId"]);
    const id = parseNodeId(written);
    const attribute = text(node["AttributeId"]);
    const isValue = (attribute === "" || attribute === "Value" || attribute === "13") && node["BrowsePath"] == null;
    if (id === undefined || !isValue || node["EventFilter"] !== undefined || node["MethodMetadata"] !== undefined) {
      findings.leaveOut(where, `node "${written}" is no value that can be read`);
      return [];
    }
    const name = text(node["DisplayName"]) || text(node["DataSetFieldId"]) || id.identifier;
    const settings = settingsOf(node, entry, `${where}, node "${written}"`, findings);
    return [{ ...id, name, description: "", ...typeOfMonitored(settings, findings) }];
  });
  const ofEvents = new Set(["EventFilter", "MethodMetadata", "BrowsePath", "ConditionHandling"]);
  for (const [name, all] of Map.groupBy(others, (other) => other)) {
    if (!ofEvents.has(name)) findings.leaveOut(where, `${name} of ${all.length} nodes has no counterpart`);
  }
  return published;
}

function settingsOf(node: Fields, entry: Fields, where: string, findings: Findings): Settings {
  const range = { IndexRange: text(node["IndexRange"]) || undefined };
  const sampling = secondsOf(node, "OpcSamplingInterval");
  const publishing = secondsOf(node, "OpcPublishingInterval") ?? secondsOf(entry, "DataSetPublishingInterval");
  if (node["UseCyclicRead"] === true)
    return { ...range, acquisition: "read", interval: positive(sampling ?? publishing) };
  return {
    ...range,
    interval: positive(publishing),
    ...monitoringOf(
      {
        samplingInterval: sampling === publishing ? undefined : sampling,
        queueSize: number(node["QueueSize"]),
        trigger: text(node["DataChangeTrigger"]),
        deadbandType: text(node["DeadbandType"]) || "Absolute",
        deadband: number(node["DeadbandValue"]),
      },
      where,
      findings,
    ),
  };
}

/** A time of day with days before it ("1.02:03:04.5") wins over milliseconds. */
function secondsOf(fields: Fields, name: string): number | undefined {
  const [, days = "0", hours, minutes, seconds] =
    /^(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text(fields[`${name}Timespan`])) ?? [];
  if (hours !== undefined) return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  const milliseconds = number(fields[name]);
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}

function positive(seconds: number | undefined): string | undefined {
  return seconds === undefined || seconds <= 0 ? undefined : String(seconds);
}

function withDefaultInterval(node: NodeDraft): NodeDraft {
  return { ...node, settings: { ...node.settings, interval: node.settings["interval"] ?? defaultPublishingInterval } };
}
