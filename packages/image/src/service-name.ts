// The services of a partition, one for each protocol. Their names begin the names of all OS objects; images and journals have a code.

export type ServiceName = "opcua" | "modbus";

const nameByCode: ReadonlyMap<number, ServiceName> = new Map([
  [1, "opcua"],
  [2, "modbus"],
]);

/** The one list of what programs that read images look for. A service whose image is not there costs nothing. */
export const serviceNames: readonly ServiceName[] = [...nameByCode.values()];

/** One that a newer writer has is shown by its code. */
export function serviceOfCode(code: number): ServiceName {
  return nameByCode.get(code) ?? (`service ${code}` as ServiceName);
}

/** 0 for a service that has none. */
export function codeOfService(name: ServiceName): number {
  for (const [code, known] of nameByCode) if (known === name) return code;
  return 0;
}
