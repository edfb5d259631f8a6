// `cpc cert list`: who we are, whom we trust, whom we turned away, and for how long that holds.

import { TrustList } from "../certificates/trust-list.ts";
import { certificateLine } from "./certificate-text.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface CertListSettings {
  readonly certificates: string;
}

export function certList({ certificates }: CertListSettings): ExitCode {
  const list = new TrustList(certificates);
  const nowMs = Date.now();
  for (const [title, folder] of [
    ["own", list.ownFolder],
    ["trusted", list.trustedFolder],
    ["issuers", list.issuersFolder],
    ["rejected", list.rejectedFolder],
  ] as const) {
    const unusable: string[] = [];
    const stored = list.stored(folder, (why) => unusable.push(`  ${terminalLine(why)}`));
    const lines = [...stored.map(({ file, certificate }) => certificateLine(certificate, file, nowMs)), ...unusable];
    print(`${title}:\n${lines.length === 0 ? "  none" : lines.join("\n")}`);
  }
  return ExitCode.fine;
}
