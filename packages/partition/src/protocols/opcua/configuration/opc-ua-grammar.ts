// The grammar of the OPC UA configuration, and what other people write for its words.

import type { Grammar } from "../../../configuration/open-configuration.ts";

export const opcUaGrammar: Grammar = {
  file: "opcua-endpoints.xsd",
  otherNames: {
    // The end of the policies' URIs (OPC 10000-7), as other clients show them.
    Policy: {
      SecurityPolicyNone: "none",
      SecurityPolicyBasic128Rsa15: "basic128rsa15",
      SecurityPolicyBasic256: "basic256",
      SecurityPolicyBasic256Sha256: "basic256sha256",
      SecurityPolicyAes128Sha256RsaOaep: "aes128sha256rsaoaep",
      SecurityPolicyAes256Sha256RsaPss: "aes256sha256rsapss",
    },
    Mode: { SignAndEncrypt: "signencrypt" },
    IdentifierType: {
      Numeric: "i int integer number",
      String: "s text",
      Guid: "g uuid",
      Opaque: "b bytestring base64",
    },
    Acquisition: { read: "poll polling polled reading", subscribe: "subscription subscribed subscribing monitor" },
    Switch: { true: "1 yes on", false: "0 no off" },
  },
};
