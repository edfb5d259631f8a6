// What of node-opcua a program of ours loads. The package is a client for everything: it brings requests that write, call methods and change
// the address space, a certificate store that watches folders, and an announcer that answers on UDP. We read and subscribe.
//
// Promises: of the services' requests only those of the list below exist in the process. The classes of the others are replaced by ones that cannot
// be made and have no encoder, and packages that nothing of ours reaches are replaced by names. So writing is not switched off, it is
// not there. Not: for a program that works with our library, whose modules are its own business; there `reading-services.ts` stands alone.

import { registerHooks, type LoadHookSync, type ResolveHookSync } from "node:module";

/**
 * OPC 10000-4: 5.5.4, 5.6.2, 5.6.3, 5.7.2, 5.7.3, 5.7.4, 5.9.2, 5.9.3, 5.9.4, 5.11.2; of subscriptions 5.13.2 (whose entries are the
 * MonitoredItemCreateRequest, no service), 5.13.6, 5.14.2, 5.14.5, 5.14.6, 5.14.7, 5.14.8.
 */
export const loadedRequests: readonly string[] = [
  "GetEndpointsRequest",
  "OpenSecureChannelRequest",
  "CloseSecureChannelRequest",
  "CreateSessionRequest",
  "ActivateSessionRequest",
  "CloseSessionRequest",
  "BrowseRequest",
  "BrowseNextRequest",
  "TranslateBrowsePathsToNodeIdsRequest",
  "ReadRequest",
  "CreateMonitoredItemsRequest",
  "MonitoredItemCreateRequest",
  "DeleteMonitoredItemsRequest",
  "CreateSubscriptionRequest",
  "PublishRequest",
  "RepublishRequest",
  "TransferSubscriptionsRequest",
  "DeleteSubscriptionsRequest",
];

/** Packages that are not loaded, with the names that node-opcua imports from them. A name that is missing here ends the start. */
const unused: Readonly<Record<string, readonly string[]>> = {
  // Keys, certificates and their folders are ours.
  "node-opcua-certificate-manager": ["getDefaultCertificateManager"],
  // Acknowledging and confirming alarms is calling methods.
  "node-opcua-alarm-condition": [
    "acknowledgeCondition",
    "callConditionRefresh",
    "callMethodCondition",
    "ClientAlarmList",
    "confirmCondition",
    "extractConditionFields",
    "fieldsToJson",
  ],
  // Looks into its own requests when it is loaded.
  "node-opcua-service-history": [
    "HistoryData",
    "HistoryReadRequest",
    "HistoryReadResponse",
    "ReadProcessedDetails",
    "ReadRawModifiedDetails",
  ],
  // Announces servers, and listens for others, on UDP.
  "sterfive-bonjour-service": ["Bonjour"],
};

/**
 * Asks the name server what this machine is called, when it is loaded, and the first session waits for the answer though nothing uses it: where
 * nobody answers, no value came for as long as the resolver's patience lasts.
 */
const ownName = "node-opcua-hostname";
const nameless = `export const extractFullyQualifiedDomainName = async () => "";\n${refusing("getHostname")}`;

const types = /\/node-opcua-types\/dist\/_generated_opcua_types\.js$/;
/** Between the types, each of which has a section of its own. */
const border = /^\/\/ -{20,}\n/m;

/** To be called before the first module of node-opcua is loaded, in this thread. */
export function loadOnlyReading(): void {
  registerHooks({ resolve, load });
}

const resolve: ResolveHookSync = (specifier, context, nextResolve) => {
  const source = specifier === ownName ? nameless : unused[specifier]?.map(refusing).join("\n");
  if (source === undefined) return nextResolve(specifier, context);
  return { url: `data:text/javascript,${encodeURIComponent(source)}`, format: "module", shortCircuit: true };
};

const load: LoadHookSync = (url, context, nextLoad) => {
  const loaded = nextLoad(url, context);
  if (!types.test(url)) return loaded;
  const { source = "" } = loaded;
  return { ...loaded, source: withoutWriting(typeof source === "string" ? source : new TextDecoder().decode(source)) };
};

/** The module with all types, without the classes of requests that are not on the list. Throws when it does not look as expected. */
export function withoutWriting(source: string): string {
  const missing = new Set(loadedRequests);
  const sections = source.split(border).map((section) => {
    const [, name = ""] = /^export class (\w+Request) /m.exec(section) ?? [];
    if (name === "" || missing.delete(name)) return section;
    return refusing(name);
  });
  if (missing.size > 0) throw new TypeError(`cannot load node-opcua because it has no ${[...missing].join(", ")}`);
  return sections.join("\n");
}

function refusing(name: string): string {
  const message = `cannot use ${name} because this program only reads`;
  return `export class ${name} { constructor() { throw new TypeError(${JSON.stringify(message)}); } }`;
}
