// Who logs in, in node-opcua's words, and only by a way that shows no secret to anybody on the wire.

import { SecurityPolicy, UserTokenType, crypto_utils } from "node-opcua-client";
import type { EndpointDescription, UserIdentityInfo, UserTokenPolicy } from "node-opcua-client";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
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

/** Insecure as policies of a channel are, and why: the login is encrypted or signed with it. */
const weakPolicies: ReadonlyMap<string, string> = new Map<string, string>([
  [SecurityPolicy.Basic128Rsa15, "RSA PKCS #1 v1.5 and SHA-1 (Basic128Rsa15), which can be broken"],
  [SecurityPolicy.Basic256, "SHA-1 (Basic256), which is withdrawn"],
]);

/** Weakest first. */
const tokenStrengths: readonly string[] = [
  SecurityPolicy.Basic128Rsa15,
  SecurityPolicy.Basic256,
  SecurityPolicy.Basic256Sha256,
  SecurityPolicy.Aes128_Sha256_RsaOaep,
  SecurityPolicy.Aes256_Sha256_RsaPss,
];

/**
 * Every endpoint must take the configured kind of identity. For user names more than that: node-opcua chooses among the token
 * policies and likes one without encryption where the channel encrypts already. Elsewhere such a policy would show the password to
 * everybody on the wire (OPC 10000-4, 7.40.2); it is taken away here, from the list that node-opcua looks at, and so is all but
 * the strongest of those that encrypt. A login that is weak at its strongest is refused where security is required, unless that is
 * relaxed for this very server.
 */
export function requireTokenPolicy(server: OpcUaServer, endpoints: readonly EndpointDescription[]): void {
  const wanted = UserTokenType[server.identity.kind];
  for (const endpoint of endpoints) {
    const channel = endpoint.securityPolicyUri ?? "";
    const policies = endpoint.userIdentityTokens ?? [];
    const usable = policies.filter(({ tokenType }) => tokenType === wanted);
    endpoint.userIdentityTokens = wanted === UserTokenType.Anonymous ? usable : strongest(usable, server, channel);
    const isDemanding = server.requiresSecurity === true && server.relaxations?.ignoreWeakLogin !== true;
    const weakness = isDemanding ? weaknessOfLogin(server, [endpoint]) : undefined;
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

/** How the login could be read or forged by somebody on the way, for the log; `endpoints` as `userIdentity` left them. */
export function weaknessOfLogin(
  { mode, identity }: OpcUaServer,
  endpoints: readonly EndpointDescription[],
): string | undefined {
  if (identity.kind === "Anonymous") return undefined;
  const weak = endpoints.flatMap(({ userIdentityTokens, securityPolicyUri: channel }) =>
    (userIdentityTokens ?? []).flatMap((token) => {
      const policy = policyOf(token, channel ?? "");
      // What the whole channel is encrypted with is named where it is configured.
      return policy === channel && mode === "SignAndEncrypt" ? [] : (weakPolicies.get(policy) ?? []);
    }),
  );
  if (weak[0] === undefined) return undefined;
  const what = identity.kind === "UserName" ? "passwords encrypted" : "users' certificates signed for";
  return (
    `the server has ${what} with ${weak[0]}, at best; have it offer a newer policy for users, ` +
    "Basic256Sha256 or a later one, or name its certificate in <server_certificate> and set <ignore_weak_login>"
  );
}

/** A policy that names none is that of the channel. */
function policyOf({ securityPolicyUri }: UserTokenPolicy, channel: string): string {
  return securityPolicyUri === null || securityPolicyUri === "" ? channel : securityPolicyUri;
}

/** At most one. */
function strongest(
  policies: readonly UserTokenPolicy[],
  { mode, identity }: OpcUaServer,
  channel: string,
): UserTokenPolicy[] {
  const strength = (policy: UserTokenPolicy): number => tokenStrengths.indexOf(policyOf(policy, channel));
  const protecting = policies.filter((policy) => strength(policy) >= 0).toSorted((a, b) => strength(b) - strength(a));
  const plain = policies.filter(({ securityPolicyUri }) => securityPolicyUri === noEncryption);
  const isPlainEnough = mode === "SignAndEncrypt" || identity.kind === "Certificate";
  return [...protecting, ...(isPlainEnough ? plain : [])].slice(0, 1);
}
