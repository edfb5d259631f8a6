// The public face: `import { ... } from "cpc-partition"`. The services themselves work with these same parts.

/// <reference types="node" preserve="true" />

import "@cpc-partition/image/require-node";

export { ModbusClientManager } from "./library/modbus-client-manager.ts";
export { ModbusTcpClient, type ReadAnswer } from "./library/modbus-tcp-client.ts";
export { opcuaService } from "./library/opcua-service.ts";
export { modbusTcpService } from "./library/modbus-tcp-service.ts";
export type { ServiceOptions } from "./library/service-options.ts";
export { main } from "./commands/main.ts";
export { ExitCode } from "@cpc-partition/process/exit-code";
export { ModbusConnections } from "./protocols/modbus/connection/modbus-connections.ts";
export { OpcUaClientManager, type OpcUaManagerOptions } from "./library/opcua-client-manager.ts";
export { OpcUaClient } from "./library/opcua-client.ts";
export type { NodeValue } from "./protocols/opcua/opcua-session.ts";
export { silenceNodeOpcUa } from "./protocols/opcua/silence.ts";
export type { ManagerOptions, PeriodicReadSettings } from "./library/client-manager.ts";
export type { ImageProvider } from "./sources/image-generations.ts";
export { ConsumerPair, openConsumerPair, type ConsumerPairHandle } from "@cpc-partition/documents/consumer-pair";
export { consumerPairNames, type ConsumerPairNames } from "@cpc-partition/documents/consumer-names";
export type { DocumentSettings } from "@cpc-partition/documents/document-form";
export { DocumentSegment } from "@cpc-partition/documents/document-segment";
export { Guard } from "@cpc-partition/documents/guard";
export type { Log, LogLevel } from "@cpc-partition/process/log";
export type * from "./configuration/configuration.ts";
export type * from "./protocols/modbus/configuration/modbus-server.ts";
export type * from "./protocols/opcua/configuration/opc-ua-server.ts";
export { ConfigurationError, formatProblem, type Problem } from "./configuration/problem.ts";
export { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
export { AnotherWriterError } from "@cpc-partition/image/posix/single-writer";
export { BuiltInType, builtInTypeName, type BuiltInTypeName } from "@cpc-partition/image/values/built-in-type";
export type { PointDescription } from "@cpc-partition/image/point";
export type { ServerClient } from "./library/server-client.ts";
export type { FailureKind } from "@cpc-partition/image/failure-kind";
export { ServerError } from "./sources/server-error.ts";
export { isBad, isGood, StatusCode } from "@cpc-partition/image/values/status-code";
export type { Scalar, Value } from "@cpc-partition/image/values/value";
