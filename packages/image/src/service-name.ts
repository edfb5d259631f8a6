/** The two services of the partition; their names begin the names of all OS objects. */
export type ServiceName = "opcua" | "modbus";
