// A Modbus device sends as much as its line takes, above TLS and below it, or takes nothing. It is dropped for what it does, it costs no memory, and
// its neighbour is asked on time.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { OtherProcess } from "../image/posix/other-process.ts";
import { fault } from "./fault.ts";
import { PollWatch, usuallyLateMs } from "./poll-watch.ts";
import { SecurePlant, secureTimeoutMs } from "./secure-plant.ts";
import { intervalMs, startModbusScene } from "./modbus-scene.ts";

interface Flood {
  readonly habit: string;
  readonly code: FailureKind;
  readonly because: RegExp;
  readonly isSecure?: true;
}

const floods: readonly Flood[] = [
  { habit: "answers nobody asked for", code: "ProtocolViolation", because: /transaction id \d+ where/ },
  { habit: "a gateway's exceptions", code: "ProtocolViolation", because: /transaction id \d+ where/ },
  { habit: "single bytes", code: "ProtocolViolation", because: /a reply had (?:protocol id|trailing bytes)/ },
  { habit: "garbage", code: "ProtocolViolation", because: /a reply had/ },
  { habit: "nothing, and reads nothing", code: "Timeout", because: /did not answer within/ },
  {
    habit: "session tickets",
    code: "ProtocolViolation",
    because: /it floods the connection: more than 32768 bytes came for one request/,
    isSecure: true,
  },
  { habit: "key updates", code: "ProtocolViolation", because: /it floods the connection/, isSecure: true },
  { habit: "empty records", code: "SecurityRefused", because: /the TLS connection failed/, isSecure: true },
  { habit: "renegotiations", code: "ProtocolViolation", because: /it floods the connection/, isSecure: true },
  {
    habit: "a handshake without end",
    code: "SecurityRefused",
    because: /the TLS handshake had no end within 262144 bytes/,
    isSecure: true,
  },
];

const quietPolls = 12;
const floodedPolls = 20;
const latestMs = 50;
const mostGrowthMiB = 64;

for (const { habit, code, because, isSecure = false } of floods) {
  fault({
    area: "Modbus server",
    trigger: `${isSecure ? "TLS: it" : "it"} sends ${habit}, as fast as it can`,
    holds:
      "it is dropped and status says why, it costs no memory, and its neighbour's polls begin within 50 ms of their time",
    run: async (t) => {
      const plant = isSecure ? await SecurePlant.start(t) : undefined;
      const own = await plant?.certificate("flooding");
      const files = own === undefined ? [] : [own.certificateFile, own.keyFile, plant?.authority.certificateFile ?? ""];
      const device = new OtherProcess(t, new URL("./flooding-device.ts", import.meta.url), [habit, ...files]);
      const port = Number(await device.next());
      const secure = plant === undefined ? {} : { settings: plant.settings, victimTimeoutMs: secureTimeoutMs };
      const scene = await startModbusScene(t, { port, ...secure });
      await scene.isHealthy();
      const { sandbox, child } = scene.partition;
      const watch = new PollWatch(sandbox, "modbus", "neighbour", child.processId);
      t.after(() => watch.end());
      await scene.partition.until("the neighbour is asked in peace", () => watch.count >= quietPolls);
      const before = residentMiB(child.processId);
      device.send("flood");
      await scene.isFailing(code, because);
      await scene.partition.until("the neighbour is asked all along", () => watch.count >= quietPolls + floodedPolls);
      const growthMiB = residentMiB(child.processId) - before;
      device.send("stop");
      const lateMs = usuallyLateMs(watch.lateness(quietPolls, intervalMs));
      t.diagnostic(`late by ${lateMs.toFixed(1)} ms, memory grew by ${growthMiB.toFixed(1)} MiB`);
      assert.ok(lateMs < latestMs, `the neighbour's polls began ${lateMs} ms late`);
      assert.ok(growthMiB < mostGrowthMiB, `the partition needs ${growthMiB} MiB more`);
      // A refusal for reasons of security lasts a minute.
      if (code !== "SecurityRefused") await scene.recovers();
      await scene.partition.end();
    },
  });
}

function residentMiB(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}
