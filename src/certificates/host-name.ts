// Is the host that was dialled one of those that a certificate names? Exact names only: OPC UA knows no wildcards.

import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** Either may be a DNS name or an IP address; an address is also found where a certificate has it as a DNS name. */
export function hostNameMatches(named: string, dialled: string): boolean {
  return plainName(named) === plainName(dialled) && plainName(named) !== "";
}

/** The host of an endpoint URL (`opc.tcp://host:port/path`) as a name or address: without brackets, umlauts as written. */
export function hostOf(url: string): string {
  const { hostname } = new URL(url);
  return decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1");
}

/** One spelling for all that mean the same: lower case, punycode, no dot at the end, IPv6 at its shortest. */
function plainName(name: string): string {
  if (isIPv6(name)) return new URL(`http://[${name}]/`).hostname;
  return domainToASCII(name.replace(/\.$/, "")).toLowerCase();
}
