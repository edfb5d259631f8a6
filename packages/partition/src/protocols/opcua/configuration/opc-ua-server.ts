// The configuration of OPC UA servers after reading: readonly, checked, with every default filled in. Nothing in it needs a second look in a cycle.

import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Location } from "../../../configuration/configuration.ts";

export interface OpcUaConfiguration {
  readonly servers: readonly OpcUaServer[];
}

export type SecurityPolicyName =
  "None" | "Basic128Rsa15" | "Basic256" | "Basic256Sha256" | "Aes128_Sha256_RsaOaep" | "Aes256_Sha256_RsaPss";

/** Anybody can listen, or the policy is built on SHA-1 and withdrawn (OPC 10000-7). */
export function isInsecure(policy: SecurityPolicyName): boolean {
  return policy === "None" || policy === "Basic128Rsa15" || policy === "Basic256";
}

export type SecurityModeName = "None" | "Sign" | "SignAndEncrypt";

export interface OpcUaServer {
  readonly alias: string;
  /** `opc.tcp://host:port/path` */
  readonly endpointUrl: string;
  /** Application URI of the client, as in its certificate. */
  readonly applicationUri: string;
  /** As the policy URI ends (`http://opcfoundation.org/UA/SecurityPolicy#...`). */
  readonly policy: SecurityPolicyName;
  readonly mode: SecurityModeName;
  /** Absolute paths. Certificates DER (PEM is read too), key PEM. */
  readonly serverCertificateFile: string | undefined;
  readonly clientCertificateFile: string | undefined;
  readonly clientPrivateKeyFile: string | undefined;
  /** Of an encrypted client key. */
  readonly privateKeyPassphrase?: string | undefined;
  /** Absent or undefined: every check counts. */
  readonly relaxations?: SecurityRelaxations | undefined;
  /** What is found to be insecure only at the server is refused, too. Absent: it draws a warning. */
  readonly requiresSecurity?: true;
  readonly identity: OpcUaIdentity;
  readonly intervalMs: number | undefined;
  readonly timeoutMs: number;
  readonly retryIntervalMs: number;
  /** Upper bound of the nodes in one request; absent or undefined: ours. */
  readonly maxNodesPerRead?: number | undefined;
  /** Absent or undefined: its nodes are polled. */
  readonly subscription?: OpcUaSubscription | undefined;
  /** In configuration order, folders (`datatype` Object) already left out. */
  readonly nodes: readonly OpcUaNode[];
  readonly location: Location;
}

/** The server sends what changes (OPC 10000-4, 5.14). */
export interface OpcUaSubscription {
  /** Undefined: the interval of the server. */
  readonly publishingIntervalMs: number | undefined;
  /** From one Read to the next that proves of quiet nodes that they are not forgotten. */
  readonly quietCheckMs: number;
}

/** How the server looks at one node that is subscribed to (OPC 10000-4, 7.21 and 7.22.2). */
export interface OpcUaItem {
  /** 0: as often as the server can; undefined: the publishing interval. */
  readonly samplingIntervalMs: number | undefined;
  /** Undefined: what the two intervals ask for. */
  readonly queueSize: number | undefined;
  /** 0: every change is sent. */
  readonly deadband: { readonly kind: "Absolute" | "Percent"; readonly value: number };
  readonly trigger: "Status" | "StatusValue" | "StatusValueTimestamp";
}

/** Checks of the server's certificate that a site chose to overlook; each use is logged. */
export interface SecurityRelaxations {
  readonly ignoreHostName: boolean;
  /** Expired and not yet valid. */
  readonly ignoreExpiry: boolean;
  /** A revocation list that is missing or out of date; what is revoked stays refused. */
  readonly ignoreUnknownRevocation: boolean;
  /** Of the session, not of the certificate: the server's nonce may have fewer than 32 bytes. */
  readonly ignoreShortNonce?: boolean;
  /** Only of the certificate that `serverCertificateFile` names, like the two below: RSA keys from 1024 bits on. */
  readonly ignoreKeyLength?: boolean;
  /** A signature with SHA-1 or older. */
  readonly ignoreHashAlgorithm?: boolean;
  readonly ignoreKeyUsage?: boolean;
  /** Of the login, to the server with that certificate: a user token policy that is insecure, where security is required. */
  readonly ignoreWeakLogin?: boolean;
}

export type OpcUaIdentity =
  | { readonly kind: "Anonymous" }
  | { readonly kind: "UserName"; readonly userName: string; readonly password: string }
  | {
      readonly kind: "Certificate";
      readonly certificateFile: string;
      readonly privateKeyFile: string;
      readonly privateKeyPassphrase?: string | undefined;
    };

/** Where in a structure a value is. */
export interface OpcUaMember {
  /** Index of the node that has the structure, in the same server; its members follow it there. */
  readonly owner: number;
  /** "Drive.Phases[2].Current" */
  readonly path: string;
  readonly steps: readonly (string | number)[];
}

export interface OpcUaNode {
  readonly displayName: string;
  /** `{namespaceIndex}:{BrowseName}`: the key, without asking the server. Absent or undefined: the server tells. */
  readonly browseName?: string | undefined;
  readonly namespace: { readonly index: number } | { readonly uri: string };
  /** Opaque identifiers are base64, as in the text form of a node id (OPC 10000-6, 5.1.12). */
  readonly identifier:
    | { readonly type: "Numeric"; readonly value: number }
    | { readonly type: "String" | "Guid" | "Opaque"; readonly value: string };
  /** The part of the value that is asked for (OPC 10000-4, 7.27), "0:9"; absent or undefined: all of it. */
  readonly indexRange?: string | undefined;
  /** It is a member of the structure that is the value of another node; absent or undefined: the value itself. */
  readonly member?: OpcUaMember | undefined;
  /** `datatype` as written, when it names a built-in type; Null otherwise. Informative: the server's answer decides. */
  readonly type: BuiltInType;
  readonly description: string;
  readonly unit: string;
  /** Room for texts, byte strings and arrays in the process image. */
  readonly capacityBytes: number;
  /** Poll interval; absent or undefined: the server's. */
  readonly intervalMs?: number | undefined;
  /** Absent or undefined: it is polled. */
  readonly item?: OpcUaItem | undefined;
  /** Its deadband is a percentage, so the server has to state a range. Only where the node is compared and not subscribed to. */
  readonly needsRange?: boolean;
  readonly location: Location;
}
