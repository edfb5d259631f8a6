// What the evidence has to show, claim by claim. Pure.

import { loadedRequests } from "../../packages/partition/src/protocols/opcua/loaded-code.ts";
import type { Evidence, ObjectModes } from "./gather-evidence.ts";
import { connectingAndReading } from "./recorded-plant.ts";

export interface Claim {
  readonly text: string;
  /** What speaks against it; nothing when it holds. */
  readonly against: readonly string[];
}

export function judgeEvidence(evidence: Evidence): readonly Claim[] {
  return [
    {
      text: "The OPC UA server was asked for nothing but connecting and reading.",
      against: others(Object.keys(evidence.services), connectingAndReading, "service"),
    },
    {
      text: "Modbus devices got the function codes 1 to 4 and no others.",
      against: others(Object.keys(evidence.functionCodes), ["1", "2", "3", "4"], "function code"),
    },
    {
      text: "Every poll asked for the same, byte for byte but for what counts up, whatever consumers did.",
      against: changedPolls(evidence),
    },
    {
      text: "What consumers did opened no connection to the plant.",
      against: [...evidence.alone, ...evidence.besideHarm].flatMap(({ server, connections }) =>
        connections === 0 ? [] : [`${server}: ${connections} new connections`],
      ),
    },
    {
      text: "No process of the partition listens, and none is connected with anything but the configured servers.",
      against: evidence.sockets.flatMap(({ name, listening, strayConnections }) => [
        ...listening.map((socket) => `${name} listens: ${socket}`),
        ...(strayConnections === 0 ? [] : [`${name}: ${strayConnections} other connections`]),
      ]),
    },
    {
      text: "Others than owner and group have no access to any object, the group cannot write to an image or a journal, and private keys are their owner's.",
      against: evidence.objects.flatMap((object) => {
        const trouble = tooOpen(object);
        return trouble === undefined ? [] : [`${object.name} (${object.mode}): ${trouble}`];
      }),
    },
    {
      text: "Of all classes of OPC UA requests only those that connect, browse, read and subscribe were loaded, and none of the packages that do more.",
      against: [
        ...others(evidence.loadedRequests, loadedRequests, "class"),
        ...evidence.unwantedPackages.map((name) => `package ${name}`),
      ],
    },
  ];
}

function others(seen: readonly string[], allowed: readonly string[], what: string): readonly string[] {
  return seen.filter((name) => !allowed.includes(name)).map((name) => `${what} ${name}`);
}

function changedPolls({ alone, besideHarm }: Evidence): readonly string[] {
  return alone.flatMap(({ server, polls256 }, index) => {
    const all = new Set([...polls256, ...(besideHarm[index]?.polls256 ?? [])]);
    return all.size === 1 ? [] : [`${server}: ${all.size} kinds of polls`];
  });
}

function tooOpen({ kind, name, mode }: ObjectModes): string | undefined {
  const bits = Number.parseInt(mode, 8);
  if (kind === "private key") return (bits & 0o077) === 0 ? undefined : "others than the owner may read it";
  if (kind === "certificate or list") return (bits & 0o022) === 0 ? undefined : "others than the owner may write it";
  if ((bits & 0o007) !== 0) return "everybody has access";
  const isReadOnly = /_(?:image|journal|documents)\b/.test(name);
  return isReadOnly && (bits & 0o020) !== 0 ? "the group may write it" : undefined;
}
