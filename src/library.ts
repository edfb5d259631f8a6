// The public face: `import { ... } from "cpc-partition"`. The services themselves work with these same parts.

/// <reference types="node" preserve="true" />

import "./require-node.ts";

export { ModbusClientManager } from "./modbus-tcp-client/modbus-client-manager.ts";
export { ModbusTcpClient, type ReadAnswer } from "./modbus-tcp-client/modbus-tcp-client.ts";
export { opcuaService } from "./service/opcua-service.ts";
export { modbusTcpService } from "./service/modbus-tcp-service.ts";
export type { ServiceOptions } from "./service/service-options.ts";
export { main } from "./commands/main.ts";
export { ExitCode } from "./commands/exit-code.ts";
export { ModbusConnections } from "./modbus-tcp-client/modbus-connections.ts";
export { OpcUaClientManager, type OpcUaManagerOptions } from "./opcua-client/opcua-client-manager.ts";
export { OpcUaClient, type NodeValue } from "./opcua-client/opcua-client.ts";
export { silenceNodeOpcUa } from "./opcua-client/session/silence.ts";
export type { ManagerOptions, PeriodicReadSettings } from "./polling/client-manager.ts";
export type { ImageProvider } from "./polling/image-generations.ts";
export { ConsumerPair, openConsumerPair, type ConsumerPairHandle } from "./shared-memory/consumer-pair.ts";
export { consumerPairNames, type ConsumerPairNames } from "./shared-memory/consumer-names.ts";
export type { DocumentSettings } from "./shared-memory/document-form.ts";
export { DocumentSegment } from "./shared-memory/document-segment.ts";
export { Guard } from "./shared-memory/guard.ts";
export type { Log, LogLevel } from "./logging/log.ts";
export type * from "./config/configuration.ts";
export { ConfigurationError, formatProblem, type Problem } from "./config/problem.ts";
export { PosixError, UnsuitableObjectError } from "./posix/errno.ts";
export { AnotherWriterError } from "./posix/single-writer.ts";
export { BuiltInType, builtInTypeName, type BuiltInTypeName } from "./point/built-in-type.ts";
export type { PointDescription } from "./point/point.ts";
export type { ServerClient } from "./point/server-client.ts";
export { ServerError, type ServerErrorCode } from "./point/server-error.ts";
export { isBad, isGood, StatusCode } from "./point/status-code.ts";
export type { Scalar, Value } from "./point/value.ts";
