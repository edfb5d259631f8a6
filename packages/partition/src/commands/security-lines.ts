// What `cpc status` says about the security of connections: what is insecure, and which certificates end when.

import type { ServerHealth } from "@cpc-partition/image/health";
import { terminalLine } from "@cpc-partition/process/terminal-text";

/** From here on a line of its own, as the log warns. */
const soonDays = 30;

export function securityLines(servers: readonly ServerHealth[]): string[] {
  const own = servers
    .filter(({ ownCertificateDaysLeft }) => ownCertificateDaysLeft !== null)
    .toSorted((a, b) => (a.ownCertificateDaysLeft ?? 0) - (b.ownCertificateDaysLeft ?? 0))
    .slice(0, 1)
    .map(
      ({ server, ownCertificateDaysLeft }) =>
        `own certificate (for ${terminalLine(server)}) ${ends(ownCertificateDaysLeft ?? 0)}`,
    );
  const others = servers.flatMap(({ server, isInsecure, certificateDaysLeft }) => [
    ...(isInsecure === true ? [`${terminalLine(server)}: INSECURE as configured`] : []),
    ...(certificateDaysLeft !== null && certificateDaysLeft <= soonDays
      ? [`${terminalLine(server)}: the server's certificate ${ends(certificateDaysLeft)}`]
      : []),
  ]);
  return [...own, ...others];
}

function ends(daysLeft: number): string {
  return daysLeft < 0 ? "IS EXPIRED" : `ends in ${daysLeft} days`;
}
