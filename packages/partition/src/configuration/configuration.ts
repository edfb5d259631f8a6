// The configuration after reading: readonly, checked, with every default filled in. Nothing in it needs a second look in a cycle.

import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";

/** Where a thing stands in its file, for messages. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

export interface ModbusConfiguration {
  readonly file: string;
  readonly servers: readonly ModbusServer[];
}

export interface ModbusServer {
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  /** Poll interval; undefined: the service's. */
  readonly intervalMs: number | undefined;
  /** Longest wait for a connection or a response. */
  readonly timeoutMs: number;
  readonly retryIntervalMs: number;
  /** 1 to 125. */
  readonly maxRegistersPerRequest: number;
  /** Registers or bits nobody asked for that may be read along to save a request. */
  readonly maxGap: number;
  readonly pauseBetweenRequestsMs: number;
  /** Rest of the device after each connect. */
  readonly pauseAfterConnectMs: number;
  /** Each request has a connection of its own. */
  readonly connectsPerRequest: boolean;
  /** Absent or undefined: plain Modbus TCP. There is no fallback from one to the other. */
  readonly tls?: ModbusTls | undefined;
  /** In configuration order, quantities already expanded: one entry per value. */
  readonly points: readonly ModbusPoint[];
  readonly location: Location;
}

/** MODBUS/TCP Security Protocol Specification: TLS with certificates on both sides. */
export interface ModbusTls {
  /** Absolute paths. Certificates PEM or DER, key PEM. */
  readonly caFile: string;
  readonly clientCertificateFile: string;
  readonly clientPrivateKeyFile: string;
  /** Host name or address that the device's certificate must be for. */
  readonly serverName: string;
  readonly minimumVersion: TlsVersion;
}

export type TlsVersion = "1.2" | "1.3";

export type ReadFunction = 1 | 2 | 3 | 4;

/** Order of the bytes of a 32-bit value 0xAABBCCDD in two registers; for 64 bits the same rule is applied to four registers. */
export type WordOrder = "ABCD" | "CDAB" | "BADC" | "DCBA";

export interface ModbusPoint {
  /** `{serveralias}: {name}`, with `[n]` from the second element of a quantity on. */
  readonly key: string;
  readonly description: string;
  readonly unit: string;
  /** MODBUS function code: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers. */
  readonly functionCode: ReadFunction;
  readonly unitId: number;
  /** Protocol address, 0-based, as on the wire. */
  readonly address: number;
  /** Addresses that this value takes: 1, 2 or 4; for a String as many registers as it has. */
  readonly width: number;
  /** Boolean, Int16 .. UInt64, Float, Double or String: the type on the wire. */
  readonly wireType: BuiltInType;
  /** The type published: Double when scale or bias apply, else the wire type. */
  readonly type: BuiltInType;
  /** Bit of the register, 0 = least significant; -1: the whole register. */
  readonly bit: number;
  readonly wordOrder: WordOrder;
  /** Decimal numbers as they are written, "0.1": see decimal.ts. */
  readonly scale: string;
  readonly bias: string;
  /** Absent or undefined: every raw value is one. */
  readonly noValue?: NoValue | undefined;
  /** Of a String; absent or undefined: UTF-8, two bytes in a register. */
  readonly text?: ModbusText | undefined;
  readonly location: Location;
}

/** The raw values by which a device says that it has no value. */
export interface NoValue {
  /** The bits of the registers, after the word order is undone, in hexadecimal: "0x8000". */
  readonly patterns: readonly string[];
  /** Every NaN of a Float or Double. */
  readonly notANumber: boolean;
}

export interface ModbusText {
  readonly encoding: "UTF-8" | "ISO-8859-1" | "windows-1252" | "UTF-16BE";
  /** Bytes of the text in a register; always 1, a code unit, for UTF-16BE. */
  readonly charactersPerRegister: 1 | 2;
}

export interface OpcUaConfiguration {
  readonly file: string;
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
  /** In configuration order, folders (`datatype` Object) already left out. */
  readonly nodes: readonly OpcUaNode[];
  readonly location: Location;
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

export interface OpcUaNode {
  readonly displayName: string;
  /** `{namespaceIndex}:{BrowseName}`: the key, without asking the server. Absent or undefined: the server tells. */
  readonly browseName?: string | undefined;
  readonly namespace: { readonly index: number } | { readonly uri: string };
  /** Opaque identifiers are base64, as in the text form of a node id (OPC 10000-6, 5.1.12). */
  readonly identifier:
    | { readonly type: "Numeric"; readonly value: number }
    | { readonly type: "String" | "Guid" | "Opaque"; readonly value: string };
  /** `datatype` as written, when it names a built-in type; Null otherwise. Informative: the server's answer decides. */
  readonly type: BuiltInType;
  readonly description: string;
  readonly unit: string;
  /** Room for texts, byte strings and arrays in the process image. */
  readonly capacityBytes: number;
  readonly location: Location;
}

/** The configuration of one service, whatever its protocol. */
export type ServiceConfiguration = OpcUaConfiguration | ModbusConfiguration;

/** Of each service that is configured. */
export interface ServiceConfigurations {
  readonly opcua: OpcUaConfiguration | undefined;
  readonly modbus: ModbusConfiguration | undefined;
}
