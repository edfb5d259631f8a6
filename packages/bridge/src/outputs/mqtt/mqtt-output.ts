// The output `mqtt`: plain MQTT with JSON, one topic for each point or for each server.
//
//   BASE/bridge                  online or not, and what waits on disk    retained; the will says offline
//   BASE/servers/SERVER          connected or not                         retained
//   BASE/live/SERVER[/POINT]     values as they come                      retained where a topic is one point
//   BASE/history/SERVER[/POINT]  older values                             never retained

import type { Fields } from "../../configuration/fields.ts";
import { elementOf } from "../../names.ts";
import { MqttConnection } from "../mqtt-connection.ts";
import { mqttSchemes, readMostMessageBytes, readMqttTimes } from "../mqtt-settings.ts";
import type { Output, OutputContext, Session } from "../output.ts";
import type { OutputKind, OutputSetting } from "../output-kind.ts";
import { MqttSession } from "./mqtt-session.ts";

export const mqtt: OutputKind = { schemes: mqttSchemes, read: readMqtt };

function readMqtt(fields: Fields, { name, broker }: OutputSetting): Output {
  const base = fields.text("topic") ?? "cpc";
  if (/[+#\0]|^\/|\/$|^\$/.test(base))
    fields.error("topic", "cannot have + or #, begin with / or $, or end with /; write for example plant1/gateway7");
  const layout = fields.choice("layout", ["point", "server"] as const, "point");
  const retains = fields.boolean("retain", true);
  const times = readMqttTimes(fields);
  const mostMessageBytes = readMostMessageBytes(fields);
  const clientId = fields.text("clientId") ?? `cpc-${elementOf(base)}`;
  const will = {
    topic: `${base}/bridge`,
    payload: Buffer.from(JSON.stringify({ online: false })),
    qos: 1,
    retain: true,
  } as const;
  return {
    name,
    fingerprint: () => broker.fingerprint(),
    connect: async ({ log, signal }: OutputContext): Promise<Session> => {
      const connection = await MqttConnection.open({ broker, clientId, ...times, will }, signal);
      return new MqttSession(connection, { base, layout, retains, mostMessageBytes }, log);
    },
  };
}
