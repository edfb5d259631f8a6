// What a person wants to know of a certificate, as lines of text. Names in it come from strangers: nothing in them may steer the terminal.

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { CertificateError, fingerprint } from "../certificates/certificate-file.ts";
import { ParsedCertificate } from "../certificates/parsed-certificate.ts";
import type { FailedCheck } from "../certificates/server-certificate-check.ts";
import { daysLeftText } from "../certificates/validity-problems.ts";
import { waysOut } from "../certificates/ways-out.ts";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export function certificateText(der: Uint8Array, nowMs: number): string {
  const certificate = parsed(der);
  if (certificate === undefined) return "not an X.509 certificate";
  const { subject, issuer, notBeforeMs, uris, hostNames, rsaBits, keyType, signatureHash } = certificate.content;
  const { notAfterMs, isAuthority } = certificate.content;
  const rows = {
    Subject: subject,
    Issuer: certificate.isSelfIssued ? "itself" : issuer,
    "Valid from": dateText(notBeforeMs) + (nowMs < notBeforeMs ? " (NOT YET)" : ""),
    "Valid until": `${dateText(notAfterMs)} (${daysLeftText(notAfterMs, nowMs)})`,
    "Application URI": uris.join(", ") || "none",
    Hosts: hostNames.join(", ") || "none",
    Key: rsaBits === undefined ? keyType : `${keyType.toUpperCase()} ${rsaBits} bits`,
    "Signed with": signatureHash ?? "an unknown algorithm",
    ...(isAuthority ? { Authority: "yes: trusting it trusts every certificate that it issues" } : {}),
    "SHA-256": fingerprintText(der, "sha256"),
    "SHA-1": fingerprintText(der, "sha1"),
  };
  return Object.entries(rows)
    .map(([name, value]) => `${`${name}:`.padEnd(17)}${terminalLine(value)}`)
    .join("\n");
}

/** One certificate of a list, on two lines. */
export function certificateLine(der: Uint8Array, file: string, nowMs: number): string {
  const certificate = parsed(der);
  const { subject = "not an X.509 certificate", notAfterMs, isAuthority = false } = certificate?.content ?? {};
  const end = notAfterMs === undefined ? "" : `, ${daysLeftText(notAfterMs, nowMs)}`;
  const print = createHash("sha256").update(der).digest("hex");
  return `  ${terminalLine(subject)}${isAuthority ? " (authority)" : ""}${end}\n    ${print}  ${terminalLine(file)}`;
}

/** What would still keep a trusted certificate from being used, with what can be done about each. */
export function furtherChecks(failed: readonly FailedCheck[], certificate: Uint8Array, directory: string): string {
  if (failed.length === 0) return "Nothing else stands in the way.";
  const context = { directory: resolve(directory), fingerprint: fingerprint(certificate) };
  const reasons = failed.map(({ check, reason }) => `  ${check}: ${reason}`);
  const ways = waysOut(failed, context).map((way) => `  ${way}`);
  return printableLines(["Trusted or not, it would be refused for:", ...reasons, "What to do:", ...ways]);
}

function printableLines(lines: readonly string[]): string {
  return lines.map((line) => terminalLine(line)).join("\n");
}

function parsed(der: Uint8Array): ParsedCertificate | undefined {
  try {
    return new ParsedCertificate(der);
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}

/** As other tools show it, in pairs, for the eye. */
function fingerprintText(der: Uint8Array, algorithm: "sha256" | "sha1"): string {
  const digits = createHash(algorithm).update(der).digest("hex").toUpperCase();
  return (digits.match(/../g) ?? []).join(":");
}

function dateText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
