// Names and addresses of hosts: which of them mean one host and no other, and whether two mean the same.
//
// Promises: an IPv4 address is taken in one form only, four decimal numbers without leading zeros. The C library reads 010 as octal, 0x7f
// as hexadecimal and 127.1 as 127.0.0.1, and what looks like one device's address would lead to another. A host name has the characters of
// a host name, so that nothing that a URL parser would cut off counts as one. Does not look names up.

import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** `because` continues "HOST is no host name or address because it ..." and says what to write instead. */
export type HostReading = { readonly host: string } | { readonly because: string };

/** IPv6 addresses come back without brackets. */
export function readHost(written: string): HostReading {
  const bare = withoutBrackets(written);
  if (/^[^:[\]]*:\d*$|\]:\d*$/.test(written)) return { because: "has a port; write the host alone" };
  if (bare.includes(":")) return readIPv6(bare);
  if (!/^[\p{L}\p{N}\p{M}._。．｡-]+$/u.test(written)) {
    return { because: "has characters that no host name has; write letters, digits, hyphens and dots" };
  }
  const decimal = plainDecimals(written);
  // As the WHATWG URL Standard reads hosts, numbers in C's notations included; empty when it cannot.
  const ascii = domainToASCII(written.replace(/\.$/, ""));
  if (decimal !== undefined && decimal !== written) {
    const octal = isIPv4(ascii) && ascii !== decimal ? ` (the system reads them as octal: ${ascii})` : "";
    return { because: `has leading zeros${octal}; did you mean ${decimal}?` };
  }
  if (isIPv4(ascii)) {
    if (ascii === "0.0.0.0") return { because: "means every address of this machine; write the address of one host" };
    if (ascii === written) return { host: written };
    const isOctal = /^0\d|\.0\d/.test(written);
    const remedy = isOctal ? "write them without leading zeros" : `did you mean ${ascii}?`;
    return { because: `is an IPv4 address, but not as four decimal numbers; ${remedy}` };
  }
  if (ascii === "" && /(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(written)) {
    return { because: "is no IPv4 address; write four numbers from 0 to 255 with dots between them" };
  }
  return ascii === "" ? { because: "is no valid host name; write it as the name server has it" } : { host: written };
}

/** RFC 4007, 11: a link-local address says nothing without the interface, and no other address needs one. */
function readIPv6(bare: string): HostReading {
  const [address = "", zone] = bare.split("%");
  if (!isIPv6(bare)) {
    return { because: "is no IPv6 address; write it as in fd00::17" };
  }
  const canonical = canonicalIPv6(address);
  if (canonical === "::") return { because: "means every address of this machine; write the address of one host" };
  const isLinkLocal = /^fe[89ab]/.test(canonical);
  if (isLinkLocal && zone === undefined) {
    return { because: `is a link-local address; add the interface that leads to it, as in ${canonical}%eth0` };
  }
  if (!isLinkLocal && zone !== undefined) return { because: `needs no interface; did you mean ${canonical}?` };
  return { host: zone === undefined ? canonical : `${canonical}%${zone}` };
}

/** The host of an endpoint URL (`opc.tcp://host:port/path`), as written there. */
export function readUrlHost(url: string): HostReading {
  const authority = /^[^:/]*:\/\/([^/?#]*)/.exec(url)?.[1] ?? "";
  const host = authority.replace(/:\d*$/, "");
  if (/^\[(.*%|fe[89ab])/i.test(host)) {
    const because =
      "is an IPv6 address that needs an interface, which an endpoint URL cannot name; write a host name or another address of the server";
    return { because };
  }
  if (host.includes(":") && !host.startsWith("[")) {
    return { because: "has a colon; an IPv6 address stands in brackets, as in opc.tcp://[fd00::17]:4840" };
  }
  return readHost(host);
}

/** Either may be a DNS name or an IP address; an address is also found where a certificate has it as a DNS name. Exact names only: OPC UA knows no wildcards. */
export function hostNameMatches(named: string, dialled: string): boolean {
  const name = canonicalHost(named);
  return name !== undefined && name === canonicalHost(dialled);
}

/** The host of a sound endpoint URL as a name or address: without brackets, umlauts as written. */
export function hostOf(url: string): string {
  return withoutBrackets(decodeURIComponent(new URL(url).hostname));
}

/** As it stands before `:port`. */
export function hostInUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** One spelling for all that mean the same: lower case, punycode, no dot at the end, IPv6 at its shortest and without interface. */
function canonicalHost(written: string): string | undefined {
  const reading = readHost(written);
  if (!("host" in reading)) return isIPv6(written) ? canonicalIPv6(written) : undefined;
  const { host } = reading;
  return isIPv6(host) ? canonicalIPv6(host) : domainToASCII(host.replace(/\.$/, "")).toLowerCase();
}

/** RFC 5952, except that an IPv4 address in it is written as IPv6. */
function canonicalIPv6(address: string): string {
  return withoutBrackets(new URL(`http://[${address.split("%")[0]}]/`).hostname);
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** Four decimal numbers from 0 to 255, without their leading zeros. */
function plainDecimals(written: string): string | undefined {
  const parts = written.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number).join(".");
}
