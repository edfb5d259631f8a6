// What every output over MQTT can be told.

import type { Schemes } from "../configuration/broker-settings.ts";
import type { Fields } from "../configuration/fields.ts";

export const mqttSchemes: Schemes = { plain: "mqtt", tls: "mqtts", plainPort: 1883, tlsPort: 8883 };

export interface MqttTimes {
  readonly keepAliveMs: number;
  readonly timeoutMs: number;
}

/** Brokers do not say what they take. The least that some in use do unless told otherwise: nats-server 1 MiB. */
export function readMostMessageBytes(fields: Fields): number {
  return fields.size("maxMessage", 2 ** 20, { least: 16 * 1024, most: 256 * 2 ** 20 });
}

export function readMqttTimes(fields: Fields): MqttTimes {
  return {
    keepAliveMs: fields.duration("keepAlive", 30_000, { least: 1000, most: 3_600_000 }),
    timeoutMs: fields.duration("timeout", 10_000, { least: 100, most: 300_000 }),
  };
}
