// The output `sparkplug`: the bridge as an edge node of MQTT Sparkplug B 3.0.

import type { Fields } from "../../configuration/fields.ts";
import { elementOf } from "../../names.ts";
import { MqttConnection } from "../mqtt-connection.ts";
import { mqttSchemes, readMostMessageBytes, readMqttTimes } from "../mqtt-settings.ts";
import { OutputError, type Output, type OutputContext, type Session } from "../output.ts";
import type { OutputKind, OutputSetting } from "../output-kind.ts";
import { nextBirthSequence } from "./birth-sequence.ts";
import { EdgeNode } from "./edge-node.ts";
import { SparkplugSession } from "./sparkplug-session.ts";
import { edgeTopics } from "./topics.ts";

export const sparkplug: OutputKind = { schemes: mqttSchemes, read: readSparkplug };

function readSparkplug(fields: Fields, { name, broker, stateFolder, takesCommands }: OutputSetting): Output {
  const group = fields.requiredText("group", "Plant 1");
  const edgeNode = fields.requiredText("edgeNode", "Gateway 7");
  const primaryHost = fields.text("primaryHost");
  const usesAliases = fields.boolean("aliases", false);
  const times = readMqttTimes(fields);
  const mostMessageBytes = readMostMessageBytes(fields);
  const clientId = fields.text("clientId") ?? `cpc-${elementOf(group)}@${elementOf(edgeNode)}`;
  if (primaryHost !== undefined && !takesCommands)
    fields.error(
      "primaryHost",
      "needs a subscription, which commands: false (--no-commands) forbids; remove one of both",
    );
  if (primaryHost !== undefined && /[+#/\0]/.test(primaryHost))
    fields.error("primaryHost", "cannot have + # or /, which no id of a host has; write the id as the host has it");
  const topics = edgeTopics(group, edgeNode);
  return {
    name,
    fingerprint: () => broker.fingerprint(),
    connect: async ({ events, log, signal }: OutputContext): Promise<Session> => {
      const bdSeq = sequenceOf(stateFolder);
      const death = EdgeNode.death(topics, bdSeq);
      const will = { topic: death.topic, payload: death.payload, qos: 1, retain: false } as const;
      const connection = await MqttConnection.open({ broker, clientId, ...times, will }, signal);
      const settings = { topics, usesAliases, takesCommands, primaryHost, bdSeq, mostMessageBytes };
      return await SparkplugSession.open(connection, settings, events, log, signal).catch(async (error: unknown) => {
        await connection.end();
        throw error;
      });
    },
  };
}

function sequenceOf(stateFolder: string): number {
  try {
    return nextBirthSequence(stateFolder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OutputError(
      "Unreachable",
      `cannot connect because the number of the connection cannot be stored: ${why}`,
      {
        cause: error,
      },
    );
  }
}
