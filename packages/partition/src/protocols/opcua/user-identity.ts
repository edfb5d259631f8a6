// Who logs in, in node-opcua's words, and only by a way that shows no secret to anybody on the wire.

import { SecurityPolicy, UserTokenType, crypto_utils } from "node-opcua-client";
import type { EndpointDescription, UserIdentityInfo, UserTokenPolicy } from "node-opcua-client";
import type { OpcUaServer } from "../../configuration/configuration.ts";
import { ServerError } from "../../sources/server-error.ts";

/** The X.509 user certificate (DER) and its key. */
export interface UserCertificate {
  readonly certificate: Buffer;
  readonly privateKeyPem: string;
}

/** `endpoints`: those of the configured policy and mode; token policies that must not be used are taken out of them. */
export function userIdentity(
  server: OpcUaServer,
  userCertificate: UserCertificate | undefined,
  endpoints: readonly EndpointDescription[],
): UserIdentityInfo {
  const { identity } = server;
  requireTokenPolicy(server, endpoints);
  switch (identity.kind) {
    case "Anonymous":
      return { type: UserTokenType.Anonymous };
    case "UserName":
      return { type: UserTokenType.UserName, userName: identity.userName, password: identity.password };
    case "Certificate":
      if (userCertificate === undefined) throw new TypeError("no user certificate given");
      return {
        type: UserTokenType.Certificate,
        certificateData: userCertificate.certificate,
        keyOperations: crypto_utils.keyOperationsFromPrivateKey(
          crypto_utils.makePrivateKeyFromPem(userCertificate.privateKeyPem),
        ),
      };
    default:
      return identity satisfies never;
  }
}

const noEncryption: string = SecurityPolicy.None;

/** It encrypts with PKCS #1 v1.5 (rsa-1_5), which can be broken with the server's help. */
const weakEncryption: string = SecurityPolicy.Basic128Rsa15;

/** Weakest first. */
const tokenStrengths: readonly string[] = [
  weakEncryption,
  SecurityPolicy.Basic256,
  SecurityPolicy.Basic256Sha256,
  SecurityPolicy.Aes128_Sha256_RsaOaep,
  SecurityPolicy.Aes256_Sha256_RsaPss,
];

/**
 * Every endpoint must take the configured kind of identity. For user names more than that: node-opcua chooses among the token
 * policies and likes one without encryption where the channel encrypts already. Elsewhere such a policy would show the password to
 * everybody on the wire (OPC 10000-4, 7.40.2); it is taken away here, from the list that node-opcua looks at, and so is all but
 * the strongest of those that encrypt.
 */
export function requireTokenPolicy(server: OpcUaServer, endpoints: readonly EndpointDescription[]): void {
  const wanted = UserTokenType[server.identity.kind];
  for (const endpoint of endpoints) {
    const channel = endpoint.securityPolicyUri ?? "";
    const policies = endpoint.userIdentityTokens ?? [];
    const usable = policies.filter(({ tokenType }) => tokenType === wanted);
    endpoint.userIdentityTokens = wanted === UserTokenType.UserName ? strongest(usable, server.mode, channel) : usable;
    const weakness = server.requiresSecurity ? weaknessOfLogin(server, [endpoint]) : undefined;
    if (endpoint.userIdentityTokens.length > 0 && weakness === undefined) continue;
    const accepted = new Set(policies.map(({ tokenType }) => UserTokenType[tokenType]));
    if (weakness !== undefined) {
      const message = `cannot log in to ${server.endpointUrl} because security is required and ${weakness}`;
      throw new ServerError("IdentityRefused", server.alias, message);
    }
    const reason = accepted.has(UserTokenType[wanted])
      ? "it takes passwords only unencrypted; choose a <mode> of SignAndEncrypt, or have the server encrypt them"
      : `it does not accept the identity ${UserTokenType[wanted]}, only: ${[...accepted].join(", ")}`;
    const message = `cannot log in to ${server.endpointUrl} because ${reason}`;
    throw new ServerError("IdentityRefused", server.alias, message);
  }
}

/** How the password could be read by somebody on the way, for the log; `endpoints` as `userIdentity` left them. */
export function weaknessOfLogin(
  { mode, identity }: OpcUaServer,
  endpoints: readonly EndpointDescription[],
): string | undefined {
  if (identity.kind !== "UserName" || mode === "SignAndEncrypt") return undefined;
  const isWeak = endpoints.some(({ userIdentityTokens, securityPolicyUri }) =>
    userIdentityTokens?.some((token) => (token.securityPolicyUri || securityPolicyUri) === weakEncryption),
  );
  return isWeak
    ? "the server has passwords encrypted with RSA PKCS #1 v1.5 (Basic128Rsa15) at best, which can be broken; " +
        "choose a <mode> of SignAndEncrypt, or have the server offer a newer policy for user names"
    : undefined;
}

/** At most one. A policy that names none is that of the channel. */
function strongest(
  policies: readonly UserTokenPolicy[],
  mode: OpcUaServer["mode"],
  channel: string,
): UserTokenPolicy[] {
  const strength = ({ securityPolicyUri }: UserTokenPolicy): number =>
    tokenStrengths.indexOf(securityPolicyUri === null || securityPolicyUri === "" ? channel : securityPolicyUri);
  const encrypting = policies.filter((policy) => strength(policy) >= 0).toSorted((a, b) => strength(b) - strength(a));
  const plain = policies.filter(({ securityPolicyUri }) => securityPolicyUri === noEncryption);
  return [...encrypting, ...(mode === "SignAndEncrypt" ? plain : [])].slice(0, 1);
}
