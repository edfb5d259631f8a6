import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfiguration } from "../../../../packages/bridge/src/load-configuration.ts";

function errorsOf(settings: Readonly<Record<string, unknown>>, allowed: readonly string[] = []): string {
  const text = JSON.stringify({ outputs: [{ type: "jetstream", address: "tls://a.example:4222", ...settings }] });
  const place = { file: "bridge.yaml", environment: {}, stateFolder: "/nonexistent", noCommands: true, allowed };
  return loadConfiguration(text, place).problems.errors.join("\n");
}

test("settings of a stream: good ones", () => {
  assert.equal(errorsOf({}), "");
  assert.equal(
    errorsOf({
      subject: "plant1.gateway7",
      layout: "server",
      stream: "SITE",
      createStream: false,
      domain: "gateway7",
      replicas: 3,
      maxSize: "4G",
      maxAge: "48h",
      duplicateWindow: "5m",
      alternatives: ["tls://b.example:4222", "tls://c.example"],
    }),
    "",
  );
});

test("settings of a stream: each bad one is named", () => {
  for (const [settings, error] of [
    [{ subject: "plant 1" }, /subject can have elements between dots/],
    [{ subject: "plant.>" }, /subject can have elements between dots/],
    [{ subject: "plant..gw" }, /subject can have elements between dots/],
    [{ stream: "A.B" }, /stream cannot have blanks, dots/],
    [{ layout: "topic" }, /layout is .topic.; it can be point, server/],
    [{ replicas: 6 }, /replicas must be a whole number from 1 to 5/],
    [{ address: "mqtt://a.example" }, /write nats:\/\/HOST:PORT, or tls:\/\/HOST:PORT/],
    [{ alternatives: ["b.example:4222"] }, /alternatives is .*; write nats:\/\/HOST:PORT/],
    [{ alternatives: ["nats://b.example:4222"] }, /alternatives must all be with TLS or all without it/],
    [{ credentials: "/nonexistent/gw7.creds" }, /credentials refers to .*gw7\.creds.* does not exist/],
    [{ retain: true }, /retain is not a setting/],
  ] as const)
    assert.match(errorsOf(settings), error);
});

test("--allow holds for the other servers of a cluster, too", () => {
  const alternatives = ["tls://b.example:4222"];
  assert.match(
    errorsOf({ alternatives }, ["a.example:4222"]),
    /alternatives leads to b\.example:4222, which --allow does not name/,
  );
  assert.equal(errorsOf({ alternatives }, ["a.example:4222", "b.example:*"]), "");
});
