// `cpc browse`: what an OPC UA server has, as a tree, or as configuration. Browses and reads, nothing else.

import { resolve } from "node:path";
import { createLog } from "@cpc-partition/process/pino-log";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { stopSignal } from "@cpc-partition/process/signals";
import { printError } from "@cpc-partition/process/standard-error";
import { print } from "@cpc-partition/process/standard-output";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { CertificateError } from "../certificates/certificate-file.ts";
import { readUrlHost } from "../certificates/host-name.ts";
import type {
  OpcUaIdentity,
  SecurityModeName,
  SecurityPolicyName,
} from "../protocols/opcua/configuration/opc-ua-server.ts";
import { opcUaXml } from "../import/write-xml.ts";
import type { Browsed } from "../protocols/opcua/browsing/browse-server.ts";
import { loadOnlyReading } from "../protocols/opcua/loaded-code.ts";
import { keepGarbageSmall } from "../small-process.ts";
import { ServerError } from "../sources/server-error.ts";
import { configurationOf, keepMatching, leftOutText, treeText } from "./browsed-text.ts";
import { patternOf } from "@cpc-partition/process/glob";
import { Progress } from "./progress.ts";

export interface BrowseSettings {
  readonly filter: string | undefined;
  readonly from: string;
  readonly xml: boolean;
  readonly alias: string | undefined;
  readonly policy: SecurityPolicyName | undefined;
  readonly mode: SecurityModeName | undefined;
  readonly serverCertificate: string | undefined;
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
  readonly certificates: string;
  readonly timeout: number;
  readonly most: number;
}

const applicationUri = "urn:cpc-partition:client";

export async function browse(url: string, settings: BrowseSettings): Promise<ExitCode> {
  if (!URL.canParse(url) || new URL(url).protocol !== "opc.tcp:" || !("host" in readUrlHost(url))) {
    printError(`${terminalLine(url)} is not an endpoint URL; use opc.tcp://host:port/path`);
    return ExitCode.invalidInput;
  }
  keepGarbageSmall();
  loadOnlyReading();
  const { browseServer } = await import("../protocols/opcua/browsing/browse-server.ts");
  const { silenceNodeOpcUa } = await import("../protocols/opcua/silence.ts");
  silenceNodeOpcUa();
  const stop = new AbortController();
  void stopSignal("SIGHUP").then(() => stop.abort());
  const progress = new Progress();
  try {
    const { policy, mode, from, most } = settings;
    const order = {
      url,
      security:
        policy === undefined ? undefined : { policy, mode: mode ?? (policy === "None" ? "None" : "SignAndEncrypt") },
      serverCertificateFile: settings.serverCertificate,
      identity: identityOf(settings),
      applicationUri,
      certificatesDirectory: settings.certificates,
      timeoutMs: settings.timeout * 1000,
      from,
      mostNodes: most,
    } as const;
    const log = createLog({ level: "warn", format: "pretty" });
    const browsed = await browseServer(order, log, stop.signal, (nodes, step) =>
      progress.show(`${step}: ${nodes} nodes`),
    );
    progress.clear();
    return show(url, browsed, settings);
  } catch (error) {
    progress.clear();
    if (error instanceof ServerError || error instanceof CertificateError)
      throw new CommandError(error.message, { cause: error });
    throw error;
  }
}

function show(url: string, { space, security }: Browsed, settings: BrowseSettings): ExitCode {
  const { filter, xml, alias, user, serverCertificate } = settings;
  const pattern = filter === undefined ? undefined : patternOf(filter);
  const root = pattern === undefined ? space.root : keepMatching(space.root, (text) => pattern.test(text));
  if (space.isCut)
    printError(`there are more than ${settings.most} nodes; begin further down with --from, or allow more with --most`);
  for (const left of space.leftOut) printError(leftOutText(left));
  if (space.variables === 0) throw new CommandError(`${settings.from} has no variable, and none is below it`);
  if (root === undefined) {
    printError(`no variable of ${space.variables} has a name or node id like ${filter}`);
    return ExitCode.failed;
  }
  const { host } = new URL(url);
  if (xml) {
    const { draft, remarks } = configurationOf(root, space.namespaces, {
      alias: alias ?? host,
      url,
      policy: `SecurityPolicy${security.policy.replaceAll("_", "")}`,
      mode: security.mode,
      serverCertificate: serverCertificate === undefined ? undefined : resolve(serverCertificate),
      username: user,
    });
    if (draft.nodes.length === 0)
      throw new CommandError(`cannot make a configuration because no variable below ${settings.from} can be read`);
    print(opcUaXml([draft], remarks).trimEnd());
  } else print(treeText(root));
  printError(`${space.variables} variables, ${security.policy}/${security.mode}`);
  return ExitCode.fine;
}

function identityOf({ user, passwordFile }: BrowseSettings): OpcUaIdentity {
  if (user === undefined) return { kind: "Anonymous" };
  if (passwordFile === undefined) throw new CommandError("cannot log in without a password; give --password-file");
  try {
    const password = readBoundedFile(passwordFile, { largestBytes: 65_536 })
      .toString()
      .replace(/\r?\n$/, "");
    return { kind: "UserName", userName: user, password };
  } catch (error) {
    throw new CommandError(`cannot read ${passwordFile} because ${readingTrouble(error)}`, { cause: error });
  }
}
