// Who logs in, in node-opcua's words, and only by a way that shows no secret to anybody on the wire.

import { SecurityPolicy, UserTokenType, crypto_utils } from "node-opcua-client";
import type { EndpointDescription, UserIdentityInfo } from "node-opcua-client";
import type { OpcUaServer } from "../../config/configuration.ts";
import { ServerError } from "../../point/server-error.ts";

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
  requireTokenPolicy(server, endpoints, UserTokenType[identity.kind]);
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

/**
 * Every endpoint must take the configured kind of identity. For user names more than that: node-opcua chooses among the token
 * policies and likes one without encryption where the channel encrypts already. Where it only signs, such a policy would show
 * the password to everybody on the wire (OPC 10000-4, 7.40.2); it is taken away here, from the list that node-opcua looks at.
 */
function requireTokenPolicy(
  server: OpcUaServer,
  endpoints: readonly EndpointDescription[],
  wanted: UserTokenType,
): void {
  const maySendPlain = wanted !== UserTokenType.UserName || server.mode === "SignAndEncrypt";
  for (const endpoint of endpoints) {
    const policies = endpoint.userIdentityTokens ?? [];
    endpoint.userIdentityTokens = policies.filter(
      ({ tokenType, securityPolicyUri }) =>
        tokenType === wanted && (maySendPlain || securityPolicyUri !== noEncryption),
    );
    if (endpoint.userIdentityTokens.length > 0) continue;
    const accepted = new Set(policies.map(({ tokenType }) => UserTokenType[tokenType]));
    const reason = accepted.has(UserTokenType[wanted])
      ? "it takes passwords only unencrypted"
      : `it does not accept the identity ${UserTokenType[wanted]}, only: ${[...accepted].join(", ")}`;
    const message = `cannot log in to ${server.endpointUrl} because ${reason}`;
    throw new ServerError("IdentityRefused", server.alias, message);
  }
}
