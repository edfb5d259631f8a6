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

/** `header.services`. Services without a code are none that anybody looks for. */
export function bitsOfServices(names: readonly ServiceName[]): number {
  let bits = 0;
  for (const [code, name] of nameByCode) if (names.includes(name)) bits |= 1 << (code - 1);
  return bits;
}

/** Those of a newer writer are left out. */
export function servicesOfBits(bits: number): readonly ServiceName[] {
  return Array.from(nameByCode).flatMap(([code, name]) => ((bits & (1 << (code - 1))) === 0 ? [] : [name]));
}
