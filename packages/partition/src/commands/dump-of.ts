// The command that shows all points of a service, for messages.

import type { ServiceName } from "@cpc-partition/image/service-name";
import { invocation } from "@cpc-partition/process/invocation";

export function dumpOf(prefix: string, service: ServiceName): string {
  return `${invocation} dump ${service} --image${prefix === "" ? "" : ` --prefix ${prefix}`}`;
}
