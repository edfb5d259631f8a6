// The `<security>` of an OPC UA server: policy and mode that go together, one identity, files that are there.

import { isInsecure } from "./opc-ua-server.ts";
import type {
  OpcUaIdentity,
  OpcUaServer,
  SecurityModeName,
  SecurityPolicyName,
  SecurityRelaxations,
} from "./opc-ua-server.ts";
import { existingFile } from "../../../configuration/existing-file.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { readHiddenSecret, readSecret, type SecretRules } from "../../../configuration/secret.ts";

export type OpcUaSecurity = Pick<
  OpcUaServer,
  | "policy"
  | "mode"
  | "serverCertificateFile"
  | "clientCertificateFile"
  | "clientPrivateKeyFile"
  | "privateKeyPassphrase"
  | "relaxations"
  | "identity"
  | "requiresSecurity"
>;

export interface SecurityRules extends SecretRules {
  /** Insecure policies are errors. */
  readonly requireSecurity: boolean;
}

// OPC 10000-7, 6.6.161 and following; the last part of the policy's URI.
const policies: ReadonlyMap<string, SecurityPolicyName> = new Map([
  ["SecurityPolicyNone", "None"],
  ["SecurityPolicyBasic128Rsa15", "Basic128Rsa15"],
  ["SecurityPolicyBasic256", "Basic256"],
  ["SecurityPolicyBasic256Sha256", "Basic256Sha256"],
  ["SecurityPolicyAes128Sha256RsaOaep", "Aes128_Sha256_RsaOaep"],
  ["SecurityPolicyAes256Sha256RsaPss", "Aes256_Sha256_RsaPss"],
]);

export function readSecurity(fields: Fields, rules: SecurityRules): OpcUaSecurity | undefined {
  const policy = policies.get(fields.token("policy") ?? "");
  const mode = fields.token("mode") as SecurityModeName | undefined;
  if (policy === undefined || mode === undefined) return undefined;
  if ((policy === "None") !== (mode === "None")) {
    fields.findings.error(
      fields.lineOf("mode"),
      `<mode> ${mode} contradicts <policy> ${fields.token("policy")}; None goes with SecurityPolicyNone, Sign or SignAndEncrypt with every other policy`,
    );
  } else judgePolicy(fields, policy, rules.requireSecurity);
  const files = readFiles(fields, rules, policy);
  const relaxations = readRelaxations(fields, rules.requireSecurity);
  const identity = readIdentity(fields, rules, mode);
  const demand = rules.requireSecurity ? { requiresSecurity: true as const } : {};
  return identity && { policy, mode, ...files, relaxations, identity, ...demand };
}

function judgePolicy(fields: Fields, policy: SecurityPolicyName, requireSecurity: boolean): void {
  if (!isInsecure(policy)) return;
  const name = fields.token("policy");
  const trouble =
    policy === "None"
      ? `${name} is insecure: anybody on the way can read and change the values; use SecurityPolicyBasic256Sha256 or newer with SignAndEncrypt`
      : `${name} is insecure: it is built on SHA-1 and withdrawn; use SecurityPolicyBasic256Sha256 or newer`;
  const line = fields.lineOf("policy");
  if (requireSecurity) fields.findings.error(line, `${trouble} (refused because security is required)`);
  else fields.findings.warn(line, trouble);
}

const relaxationElements: Readonly<Record<keyof SecurityRelaxations, string>> = {
  ignoreHostName: "ignore_host_name",
  ignoreExpiry: "ignore_expiry",
  ignoreUnknownRevocation: "ignore_unknown_revocation",
  ignoreShortNonce: "ignore_short_nonce",
  ignoreKeyLength: "ignore_key_length",
  ignoreHashAlgorithm: "ignore_hash_algorithm",
  ignoreKeyUsage: "ignore_key_usage",
  ignoreWeakLogin: "ignore_weak_login",
};
/** They weaken what a certificate proves, or what is sent to whoever proves it, so they are for one that is known byte for byte. */
const onlyWithPin: ReadonlySet<string> = new Set([
  "ignore_key_length",
  "ignore_hash_algorithm",
  "ignore_key_usage",
  "ignore_weak_login",
]);
const adviceForPin: Readonly<Record<string, string>> = {
  ignore_weak_login: "name the certificate of the server that may have the login so",
};

/** Undefined when none is asked for. */
function readRelaxations(fields: Fields, requireSecurity: boolean): SecurityRelaxations | undefined {
  const isSet = (name: string): boolean => ["true", "1"].includes(fields.token(name) ?? "");
  const set = Object.values(relaxationElements).filter((name) => isSet(name));
  if (set.length === 0) return undefined;
  for (const name of set) {
    const line = fields.lineOf(name);
    if (onlyWithPin.has(name) && !filled(fields, "server_certificate")) {
      const advice = adviceForPin[name] ?? "name the certificate there that may be weak";
      fields.findings.error(line, `<${name}> is set without <server_certificate>; ${advice}`);
    } else if (requireSecurity) {
      fields.findings.warn(line, `<${name}> overlooks a security check although security is required`);
    }
  }
  const entries = Object.entries(relaxationElements).map(([relaxation, name]) => [relaxation, isSet(name)] as const);
  return Object.fromEntries(entries) as unknown as SecurityRelaxations;
}

function readFiles(
  fields: Fields,
  places: SecretRules,
  policy: SecurityPolicyName,
): Pick<
  OpcUaSecurity,
  "serverCertificateFile" | "clientCertificateFile" | "clientPrivateKeyFile" | "privateKeyPassphrase"
> {
  const { directory } = places;
  if (policy === "None") {
    // Existing files name certificates here that need not exist: nothing would be done with them.
    // A password is encrypted with the server's key all the same, so that its certificate may be named.
    const encrypts = filled(fields, "username");
    const names = encrypts ? ["client_certificate"] : ["server_certificate", "client_certificate"];
    const unused = names.find((name) => filled(fields, name));
    if (unused !== undefined) {
      fields.findings.warn(
        fields.lineOf(unused),
        `<${unused}> has no effect with SecurityPolicyNone; remove it, or use a secure <policy>`,
      );
    }
    const serverCertificateFile = encrypts ? existingFile(fields, "server_certificate", directory) : undefined;
    return { serverCertificateFile, clientCertificateFile: undefined, clientPrivateKeyFile: undefined };
  }
  checkPair(fields, "client_certificate", "client_private_key");
  return {
    serverCertificateFile: existingFile(fields, "server_certificate", directory),
    clientCertificateFile: existingFile(fields, "client_certificate", directory),
    clientPrivateKeyFile: existingFile(fields, "client_private_key", directory),
    privateKeyPassphrase: readHiddenSecret(fields, "client_private_key_passphrase", places),
  };
}

function readIdentity(fields: Fields, places: SecretRules, mode: SecurityModeName): OpcUaIdentity | undefined {
  const { findings } = fields;
  const userName = readSecret(fields, "username", places)?.value ?? "";
  const password = readHiddenSecret(fields, "password", places);
  const certificate = filled(fields, "user_certificate") || filled(fields, "user_private_key");
  if (certificate && userName !== "") {
    findings.error(fields.lineOf("username"), "<username> and <user_certificate> are both given; keep one of the two");
  }
  if (certificate) {
    if (mode === "None") {
      findings.error(
        fields.lineOf("user_certificate"),
        "<user_certificate> needs a secured connection; use a <policy> other than SecurityPolicyNone",
      );
    }
    checkPair(fields, "user_certificate", "user_private_key");
    const certificateFile = existingFile(fields, "user_certificate", places.directory);
    const privateKeyFile = existingFile(fields, "user_private_key", places.directory);
    const privateKeyPassphrase = readHiddenSecret(fields, "user_private_key_passphrase", places);
    if (certificateFile === undefined || privateKeyFile === undefined) return undefined;
    return { kind: "Certificate", certificateFile, privateKeyFile, privateKeyPassphrase };
  }
  if (userName === "") {
    if (password !== undefined && password !== "" && !filled(fields, "username")) {
      findings.error(fields.lineOf("password"), "<password> is set without a <username>; set both or neither");
    }
    return { kind: "Anonymous" };
  }
  if (password === undefined) {
    if (fields.has("password")) return undefined;
    findings.error(fields.lineOf("username"), "<username> is set without a <password>; set both or neither");
    return undefined;
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
  fields.findings.error(fields.lineOf(present), `<${present}> is set without <${missing}>; set both or neither`);
}
