// How requests travel to a Modbus server: how many at a time, and in which frames. Servers that share an address and port share the connection, so they have
// to agree.

import type { ModbusFraming, ModbusServer, Tolerance } from "./modbus-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { quote, type Findings } from "../../../configuration/problem.ts";

type LineSettings = Pick<ModbusServer, "maxInFlight" | "framing" | "tolerates">;

/** What cannot be is left in the findings. */
export function readLine(fields: Fields): LineSettings {
  const maxInFlight = fields.number("maxInFlight") ?? 1;
  const framing = (fields.token("framing") as ModbusFraming | undefined) ?? "tcp";
  if (maxInFlight > 1) refuseOneByOne(fields, maxInFlight);
  if (framing === "rtu") refuseBesideRtu(fields, maxInFlight);
  const tolerates = (fields.token("tolerate")?.split(" ") ?? []) as Tolerance[];
  refuseBesideTolerance(fields, { maxInFlight, framing, tolerates });
  return { maxInFlight, framing, tolerates };
}

/** Settings that leave one request at a time. */
function refuseOneByOne(fields: Fields, maxInFlight: number): void {
  const several = `<maxInFlight> ${maxInFlight} sends several requests at a time`;
  if ((fields.milliseconds("pauseBetweenRequests") ?? 0) > 0) {
    const because = "but <pauseBetweenRequests> waits between one and the next";
    fields.findings.error(fields.lineOf("maxInFlight"), `${several}, ${because}; remove one of the two`);
  }
  if (fields.token("connection") === "perRequest") {
    const because = "but <connection>perRequest</connection> closes the connection after each";
    fields.findings.error(fields.lineOf("maxInFlight"), `${several}, ${because}; remove one of the two`);
  }
}

function refuseBesideRtu(fields: Fields, maxInFlight: number): void {
  const line = fields.lineOf("framing");
  if (maxInFlight > 1) {
    const because = `RTU frames do not say which request they answer, so only one can be outstanding, not <maxInFlight> ${maxInFlight}`;
    fields.findings.error(
      line,
      `${because}; remove <maxInFlight>, or set the gateway to Modbus TCP and remove <framing>`,
    );
  }
  if (fields.has("tls")) {
    const because =
      "<framing>rtu</framing> cannot be combined with <tls>, because Modbus/TCP Security has frames of Modbus TCP";
    fields.findings.error(line, `${because}; remove one of the two`);
  }
}

function refuseBesideTolerance(fields: Fields, { maxInFlight = 1, framing, tolerates = [] }: LineSettings): void {
  const line = fields.lineOf("tolerate");
  if (framing === "rtu" && tolerates.length > 0) {
    fields.findings.error(
      line,
      "<tolerate> is about frames of Modbus TCP, not <framing>rtu</framing>; remove one of the two",
    );
  }
  if (maxInFlight > 1 && tolerates.includes("transactionId")) {
    fields.findings.error(
      line,
      `<tolerate>transactionId</tolerate> leaves nothing that tells replies apart, so only one request can be outstanding, not <maxInFlight> ${maxInFlight}; remove one of the two`,
    );
  }
}

type SharingServer = LineSettings & Pick<ModbusServer, "alias" | "host" | "port" | "location">;

export function checkSharedLines(servers: readonly SharingServer[], findings: Findings): void {
  for (const [first, ...others] of Map.groupBy(servers, ({ host, port }) => `${host.toLowerCase()}:${port}`).values()) {
    for (const other of others) {
      if (first === undefined) continue;
      if (first.framing !== other.framing) {
        findings
          .in(other.location.file)
          .error(
            other.location.line,
            `${quote(other.alias)} has <framing> ${other.framing} and ${quote(first.alias)} ${first.framing}, but ${other.host}:${other.port} speaks one of the two; write the same in both`,
          );
      }
      if (String(first.tolerates) !== String(other.tolerates)) {
        findings
          .in(other.location.file)
          .error(
            other.location.line,
            `${quote(other.alias)} and ${quote(first.alias)} have different <tolerate>, but both are reached through the connection to ${other.host}:${other.port}; write the same in both`,
          );
      }
      if (first.maxInFlight === other.maxInFlight) continue;
      findings
        .in(other.location.file)
        .error(
          other.location.line,
          `${quote(other.alias)} has <maxInFlight> ${other.maxInFlight} and ${quote(first.alias)} ${first.maxInFlight}, but both are reached through the connection to ${other.host}:${other.port}; write the same number in both`,
        );
    }
  }
}
