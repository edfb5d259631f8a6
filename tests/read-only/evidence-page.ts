// Evidence as one page, for a person who has to believe it: each claim, whether it held, and what was seen. Pure.

import type { Asked, Evidence } from "./gather-evidence.ts";
import type { Claim } from "./judge-evidence.ts";

export interface Circumstances {
  readonly version: string;
  readonly commit: string;
  readonly date: string;
  readonly command: string;
  /** Name -> version. */
  readonly software: Readonly<Record<string, string>>;
}

export function evidencePage(evidence: Evidence, claims: readonly Claim[], circumstances: Circumstances): string {
  const { version, commit, date, command, software } = circumstances;
  const failed = claims.filter(({ against }) => against.length > 0).length;
  const lines = [
    `# Evidence: cpc-partition ${version} only reads`,
    "",
    `Made by \`${command}\` on ${date}, from commit \`${commit}\`. A simulated plant, a recording proxy before each of its servers, and the whole partition, first`,
    "alone and then beside consumers that mean harm. Nothing here is copied from a document: every figure was seen in this run.",
    "",
    failed === 0 ? `**All ${claims.length} claims held.**` : `**${failed} of ${claims.length} claims DID NOT HOLD.**`,
    "",
    ...table(
      ["claim", "held", "what speaks against it"],
      claims.map(({ text, against }) => [text, against.length === 0 ? "yes" : "NO", against.join("; ")]),
    ),
    "",
    "## What the plant was asked",
    "",
    ...table(
      ["OPC UA service", "requests"],
      Object.entries(evidence.services).map(([name, count]) => [name, String(count)]),
    ),
    "",
    ...table(
      ["Modbus function code", "requests"],
      Object.entries(evidence.functionCodes).map(([name, count]) => [name, String(count)]),
    ),
    "",
    "## With and without consumers that mean harm",
    "",
    `After each of these, for both services, the same number of polls was waited for: ${evidence.attacks.join(", ")}.`,
    "",
    ...table(
      [
        "server",
        "part",
        "polls",
        "requests",
        "requests a poll",
        "bytes a poll",
        "kinds of polls",
        "SHA-256 of a poll",
        "new connections",
      ],
      evidence.alone.flatMap((asked, index) => [
        askedRow("alone", asked),
        ...evidence.besideHarm.slice(index, index + 1).map((other) => askedRow("beside harm", other)),
      ]),
    ),
    "",
    "A poll's sum leaves out what counts up in each request: the transaction id of Modbus, sequence numbers and request handles of OPC UA, of which service and size are summed.",
    "",
    "## Sockets",
    "",
    ...table(
      ["process", "listening", "connections", "of them to other than the configured servers"],
      evidence.sockets.map(({ name, listening, connections, strayConnections }) => [
        name,
        listening.join(" ") || "none",
        String(connections),
        String(strayConnections),
      ]),
    ),
    "",
    "## Permissions",
    "",
    ...table(
      ["object", "kind", "mode", "owner and group"],
      evidence.objects.map(({ name, kind, mode, owner }) => [`\`${name}\``, kind, mode, owner]),
    ),
    "",
    "## Code that was loaded",
    "",
    `The engine compiled code of ${evidence.loadedPackages} packages in all threads. Classes of OPC UA requests among it: ${evidence.loadedRequests.join(", ")}.`,
    "",
    "## Versions",
    "",
    ...table(["software", "version"], Object.entries(software)),
    "",
  ];
  return lines.join("\n");
}

function askedRow(part: string, asked: Asked): readonly string[] {
  const { server, polls, requests, requestsOfPoll, bytesOfPoll, polls256, connections } = asked;
  const sum = polls256.map((digest) => `\`${digest.slice(0, 16)}\``).join(" ");
  return [
    server,
    part,
    ...[polls, requests, requestsOfPoll, bytesOfPoll, polls256.length].map(String),
    sum,
    String(connections),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [tableLine(head), tableLine(head.map(() => "---")), ...rows.map(tableLine)];
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
