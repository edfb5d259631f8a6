// The connection to an OPC UA server fails in every way in which connections do.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { fault } from "./fault.ts";
import { OpcUaLines } from "./opcua-lines.ts";
import type { Direction, TcpProxy } from "./tcp-proxy.ts";

let server: OpcUaLines;
const endings: (() => Promise<void>)[] = [];
before(async () => {
  server = await OpcUaLines.start({ after: (ending) => void endings.push(ending) });
});
after(async () => {
  for (const ending of endings) await ending();
});

const both: ReadonlySet<Direction> = new Set(["to client", "to server"]);
const answers: ReadonlySet<Direction> = new Set(["to client"]);

/** Numbers of the requests' binary encodings (OPC 10000-6, A.3). */
const requests = { GetEndpoints: 428, CreateSession: 461, ActivateSession: 467, Read: 631 } as const;

/** Is this the request? Its type follows five numbers of 4 bytes and the head of the chunk (OPC 10000-6, 7.1.2.2 and 6.7.2). */
function isRequest(bytes: Buffer, kind: string): boolean {
  const chunk = bytes.toString("latin1", 0, 3);
  if (chunk !== "MSG") return chunk === kind;
  return bytes.readUInt16LE(26) === requests[kind as keyof typeof requests];
}

/** In each connect, no answer comes from the `nth` request of this kind on. */
function silenceAt(line: TcpProxy, kind: string, nth: number): void {
  let seen = 0;
  line.onBytes = (direction, bytes) => {
    if (direction === "to client") return;
    if (line.faults.drop.size > 0 && isRequest(bytes, "HEL")) {
      line.faults.drop = new Set();
      seen = 0;
    }
    if (isRequest(bytes, kind) && ++seen === nth) line.faults.drop = answers;
  };
}

/** Each connect asks for the endpoints on a channel of its own first. */
const places: readonly (readonly [kind: string, nth: number, reason: RegExp])[] = [
  ["HEL", 1, /^cannot connect to .* no answer came/],
  ["OPN", 1, /^cannot connect to .* no answer came/],
  ["GetEndpoints", 1, /^cannot read the endpoints .* no answer came/],
  ["HEL", 2, /^cannot open a secure channel .* no answer came/],
  ["OPN", 2, /^cannot open a secure channel .* no answer came/],
  ["CreateSession", 1, /^cannot open a session .* no answer came/],
  ["ActivateSession", 1, /^cannot open a session .* no answer came/],
  ["Read", 1, /^cannot read from .* no answer came/],
  ["Read", 5, /^cannot read from .* no answer came/],
];

fault({
  area: "OPC UA server",
  trigger: "it accepts and never answers, from any step of a connect on",
  holds: "each step ends after the time-out with its own reason, and all are good again when it answers",
  extent: "quick",
  run: async (t) => {
    const scene = await server.scene(t, [{}, ...places.map(() => ({}))]);
    await scene.allGood();
    const [{ line: deaf }, ...others] = [scene.victim(0), ...scene.victims.slice(1)];
    deaf.faults.drop = both;
    places.forEach(([kind, nth], index) => {
      const line = others[index]?.line;
      if (line !== undefined) silenceAt(line, kind, nth);
    });
    for (const { line } of scene.victims) line.cut();
    await scene.patient.untilBad(...scene.aliases);
    await scene.patient.until("each tells its reason", () =>
      [/^cannot connect to .* no answer came/, ...places.map(([, , reason]) => reason)].every((reason, index) =>
        reason.test(scene.health(scene.victim(index).alias).lastError),
      ),
    );
    for (const { line } of scene.victims) line.onBytes = () => {};
    await scene.recovers();
    for (const alias of scene.aliases) assert.ok((scene.health(alias).failures.Timeout ?? 0) > 0, alias);
    await scene.end();
  },
});
