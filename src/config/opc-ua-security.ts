// The `<security>` of an OPC UA server: policy and mode that go together, an identity that is not sent in clear, files that are there.

import type { OpcUaIdentity, OpcUaServer, SecurityModeName, SecurityPolicyName } from "./configuration.ts";
import { existingFile } from "./existing-file.ts";
import type { Fields } from "./fields.ts";

export type OpcUaSecurity = Pick<
  OpcUaServer,
  "policy" | "mode" | "serverCertificateFile" | "clientCertificateFile" | "clientPrivateKeyFile" | "identity"
>;

// OPC 10000-7, 6.6.161 and following; the last part of the policy's URI.
const policies: ReadonlyMap<string, SecurityPolicyName> = new Map([
  ["SecurityPolicyNone", "None"],
  ["SecurityPolicyBasic128Rsa15", "Basic128Rsa15"],
  ["SecurityPolicyBasic256", "Basic256"],
  ["SecurityPolicyBasic256Sha256", "Basic256Sha256"],
  ["SecurityPolicyAes128Sha256RsaOaep", "Aes128_Sha256_RsaOaep"],
  ["SecurityPolicyAes256Sha256RsaPss", "Aes256_Sha256_RsaPss"],
]);

export function readSecurity(fields: Fields, certificatesDirectory: string): OpcUaSecurity | undefined {
  const { findings } = fields;
  const policy = policies.get(fields.token("policy") ?? "");
  const mode = fields.token("mode") as SecurityModeName | undefined;
  if (policy === undefined || mode === undefined) return undefined;
  const secured = policy !== "None" && mode !== "None";
  if ((policy === "None") !== (mode === "None")) {
    findings.error(
      fields.lineOf("mode"),
      `<mode> ${mode} contradicts <policy> ${fields.token("policy")}; None goes with SecurityPolicyNone, Sign or SignAndEncrypt with every other policy`,
    );
  } else if (!secured) {
    findings.warn(
      fields.lineOf("policy"),
      "SecurityPolicyNone is insecure: anybody on the way can read and change the values; SecurityPolicyBasic256Sha256 or newer with SignAndEncrypt is right",
    );
  } else if (policy === "Basic128Rsa15" || policy === "Basic256") {
    findings.warn(
      fields.lineOf("policy"),
      `${fields.token("policy")} is insecure: it is built on SHA-1 and withdrawn; SecurityPolicyBasic256Sha256 or newer is right`,
    );
  }
  const files = readFiles(fields, certificatesDirectory, policy);
  const identity = readIdentity(fields, certificatesDirectory, mode);
  return identity && { policy, mode, ...files, identity };
}

function readFiles(
  fields: Fields,
  directory: string,
  policy: SecurityPolicyName,
): Pick<OpcUaSecurity, "serverCertificateFile" | "clientCertificateFile" | "clientPrivateKeyFile"> {
  if (policy === "None") {
    // Existing files name certificates here that need not exist: nothing would be done with them.
    const unused = ["server_certificate", "client_certificate"].find((name) => filled(fields, name));
    if (unused !== undefined) {
      fields.findings.warn(fields.lineOf(unused), `<${unused}> is not used with SecurityPolicyNone`);
    }
    return { serverCertificateFile: undefined, clientCertificateFile: undefined, clientPrivateKeyFile: undefined };
  }
  checkPair(fields, "client_certificate", "client_private_key");
  return {
    serverCertificateFile: existingFile(fields, "server_certificate", directory),
    clientCertificateFile: existingFile(fields, "client_certificate", directory),
    clientPrivateKeyFile: existingFile(fields, "client_private_key", directory),
  };
}

function readIdentity(fields: Fields, directory: string, mode: SecurityModeName): OpcUaIdentity | undefined {
  const { findings } = fields;
  const userName = fields.text("username") ?? "";
  const password = fields.text("password");
  const certificate = filled(fields, "user_certificate") || filled(fields, "user_private_key");
  if (certificate && userName !== "") {
    findings.error(
      fields.lineOf("username"),
      "<username> and <user_certificate> are both given; one way to log in is right",
    );
  }
  if (certificate) {
    if (mode === "None") {
      findings.error(
        fields.lineOf("user_certificate"),
        "<user_certificate> needs a secured connection; a <policy> other than SecurityPolicyNone is right",
      );
    }
    checkPair(fields, "user_certificate", "user_private_key");
    const certificateFile = existingFile(fields, "user_certificate", directory);
    const privateKeyFile = existingFile(fields, "user_private_key", directory);
    if (certificateFile === undefined || privateKeyFile === undefined) return undefined;
    return { kind: "Certificate", certificateFile, privateKeyFile };
  }
  if (userName === "") {
    if (password !== undefined && password !== "") {
      findings.error(fields.lineOf("password"), "<password> stands without a <username>; both or neither is right");
    }
    return { kind: "Anonymous" };
  }
  if (password === undefined) {
    findings.error(fields.lineOf("username"), "<username> stands without a <password>; both or neither is right");
    return undefined;
  }
  if (mode === "None") {
    findings.error(
      fields.lineOf("username"),
      "the password would be sent in clear because <mode> is None; a secured connection, or no <username> is right",
    );
  }
  return { kind: "UserName", userName, password };
}

function filled(fields: Fields, name: string): boolean {
  return (fields.token(name) ?? "") !== "";
}

function checkPair(fields: Fields, certificate: string, key: string): void {
  const missing = filled(fields, certificate) ? key : certificate;
  if (filled(fields, certificate) === filled(fields, key)) return;
  const present = missing === key ? certificate : key;
  fields.findings.error(fields.lineOf(present), `<${present}> stands without <${missing}>; both or neither is right`);
}
