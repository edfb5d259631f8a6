// Security policy and mode as other programs write them. Where a file leaves the choice to its program, the strongest usual one is written down.

import { fold } from "../configuration/words.ts";
import type { Findings } from "./draft.ts";

const policies: Readonly<Record<string, string>> = {
  none: "SecurityPolicyNone",
  basic128rsa15: "SecurityPolicyBasic128Rsa15",
  basic256: "SecurityPolicyBasic256",
  basic256sha256: "SecurityPolicyBasic256Sha256",
  aes128sha256rsaoaep: "SecurityPolicyAes128Sha256RsaOaep",
  aes256sha256rsapss: "SecurityPolicyAes256Sha256RsaPss",
};
const modes: Readonly<Record<string, string>> = { none: "None", sign: "Sign", signandencrypt: "SignAndEncrypt" };

export function securityOf(
  wanted: { readonly policy: string; readonly mode: string },
  findings: Findings,
): { readonly policy: string; readonly mode: string } {
  const named = policies[fold(wanted.policy.split("#").at(-1) ?? "")];
  const mode = modes[fold(wanted.mode)];
  if (named === "SecurityPolicyNone" || (named === undefined && mode === "None"))
    return { policy: "SecurityPolicyNone", mode: "None" };
  if (named === undefined || mode === undefined || mode === "None")
    findings.note(
      "the file leaves the security of a server open: SecurityPolicyBasic256Sha256 with SignAndEncrypt was written; cpc cert fetch shows the server's certificate",
    );
  return {
    policy: named ?? "SecurityPolicyBasic256Sha256",
    mode: mode === undefined || mode === "None" ? "SignAndEncrypt" : mode,
  };
}
