// What can be known of the certificates of devices behind TLS before anybody connects.

import { readCertificateFile } from "../../certificates/certificate-file.ts";
import { ParsedCertificate } from "../../certificates/parsed-certificate.ts";
import { dateProblems } from "../../certificates/validity-problems.ts";
import type { ModbusConfiguration } from "./configuration/modbus-server.ts";
import type { Problem } from "../../configuration/problem.ts";
import { problemsOf } from "../certificate-troubles.ts";
import { tlsOptions } from "./connection/transport-security.ts";

/** What a Modbus device behind TLS will not be reached with, for each device. */
export function modbusCertificateProblems({ servers }: ModbusConfiguration, nowMs: number): Problem[] {
  return servers.flatMap(({ alias, tls, location: { file, line } }) => {
    if (tls === undefined) return [];
    const problems = problemsOf(() => {
      tlsOptions(tls);
      return [tls.caFile, tls.clientCertificateFile].flatMap((path) => {
        const [first = Buffer.alloc(0)] = readCertificateFile(path);
        return dateProblems(`the certificate ${path}`, new ParsedCertificate(first).content, nowMs);
      });
    });
    return problems.map((problem) => ({ file, line, message: `server ${alias}: ${problem}` }));
  });
}
