// The `<tls>` of a Modbus server: files that are there, the name that is expected, the role that the certificate should have.
//
// Promises: without an error the result is complete. Does not judge certificates: that is done at every connect.

import { readBoundedFile } from "@cpc-partition/process/bounded-file";

import { certificateRole } from "./certificate-role.ts";
import type { ModbusTls, TlsVersion } from "./modbus-server.ts";
import { existingFile } from "../../../configuration/existing-file.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { readHostField } from "../../../configuration/host.ts";
import { quote, quotePath } from "../../../configuration/problem.ts";

const PLAIN_PORT = 502;
const largestCertificateBytes = 1024 * 1024;

/** As far as it could be read. */
interface ModbusPlace {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** Undefined, with errors, when a file is missing: it never means "plain Modbus TCP". */
export function readTls(
  fields: Fields,
  { host, port }: ModbusPlace,
  certificatesDirectory: string,
): ModbusTls | undefined {
  const caFile = existingFile(fields, "ca", certificatesDirectory);
  const clientCertificateFile = existingFile(fields, "client_certificate", certificatesDirectory);
  const clientPrivateKeyFile = existingFile(fields, "client_private_key", certificatesDirectory);
  if (port === PLAIN_PORT) {
    fields.findings.warn(
      fields.element.line,
      `<tls> with <port> ${PLAIN_PORT}, where devices speak plain Modbus: one that does not look closely can take a TLS handshake for requests, writing ones too; 802 is the port of Modbus over TLS`,
    );
  }
  if (clientCertificateFile !== undefined) checkRole(fields, clientCertificateFile);
  if (caFile === undefined || clientCertificateFile === undefined || clientPrivateKeyFile === undefined)
    return undefined;
  return {
    caFile,
    clientCertificateFile,
    clientPrivateKeyFile,
    serverName: readHostField(fields, "server_name") ?? host?.replace(/%.*/, "") ?? "",
    minimumVersion: (fields.token("minimum_version") as TlsVersion | undefined) ?? "1.2",
  };
}

/** What a client may do is decided by the device, by the role in the certificate; a wrong one shows only as refused requests. */
function checkRole(fields: Fields, certificateFile: string): void {
  const wanted = fields.token("role");
  if (wanted === undefined) return;
  const found = certificateRole(readBoundedFile(certificateFile, { largestBytes: largestCertificateBytes }));
  if (found === wanted) return;
  const has = found === undefined ? "has none" : `has the role ${quote(found)}`;
  fields.findings.warn(
    fields.lineOf("role"),
    `<role> is ${quote(wanted)}, but the client certificate ${quotePath(certificateFile)} ${has}; use a certificate with that role`,
  );
}
