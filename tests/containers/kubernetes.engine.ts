// The gateway in Kubernetes, as far as it can be judged without a cluster: valid, closed, and in agreement with the programs that it runs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createProgram } from "../../packages/partition/src/commands/program.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { Manifests, render, root, troubles } from "./rendered-manifests.ts";

const folders = ["gateway", "exposed"] as const;
const versions = ["1.29", "1.33", "1.37"];
const texts = new Map(folders.map((folder) => [folder, render(folder)]));
const gateway = new Manifests(texts.get("gateway") ?? "");
const exposed = new Manifests(texts.get("exposed") ?? "");

for (const [folder, text] of texts)
  for (const version of versions)
    test(`${folder} is valid for Kubernetes ${version}`, () => assert.deepEqual(troubles(text, version), []));

test("a field that does not exist and a value of the wrong type would be found", () => {
  const text = texts.get("gateway") ?? "";
  for (const [right, wrong] of [
    ["readOnlyRootFilesystem", "readonlyRootFilesystem"],
    ["replicas: 1", "replicas: one"],
    ["policyTypes", "policyType"],
  ] as const) {
    assert.ok(text.includes(right));
    assert.match(troubles(text.replace(right, wrong), "1.37").join("\n"), /did not validate/, wrong);
  }
});

for (const [folder, manifests] of Object.entries({ gateway, exposed }))
  test(`${folder}: no container is root, can become it, or writes elsewhere than to its volumes`, () => {
    const { replicas, template } = manifests.statefulSet.spec;
    const { containers, securityContext, automountServiceAccountToken } = template.spec;
    assert.equal(replicas, 1);
    assert.equal(automountServiceAccountToken, false);
    assert.deepEqual(containers.map(({ name }) => name).toSorted(), ["monitor", "partition"]);
    const { runAsNonRoot, seccompProfile, runAsUser, runAsGroup, fsGroup } = securityContext;
    assert.deepEqual(
      { runAsNonRoot, seccompProfile },
      { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    );
    assert.deepEqual({ runAsUser, runAsGroup, fsGroup }, { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 });
    for (const { name, image, securityContext: own, resources } of containers) {
      const { runAsUser: user = 1000, ...rest } = own;
      assert.deepEqual(
        rest,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
        name,
      );
      assert.equal(user, name === "partition" ? 1000 : 1001);
      assert.equal(resources.requests["memory"], resources.limits["memory"]);
      assert.ok(resources.limits["cpu"] !== undefined);
      assert.match(image, /:\d+\.\d+\.\d+$/);
    }
  });

/** "512m" of compose as "512Mi". */
function asQuantity(size: string): string {
  return size.toUpperCase().replace(/([MG])$/, "$1i");
}

test("the memory of the pod is that of compose.yaml, and only the partition writes to it or knows a secret of the plant", () => {
  const compose = readFileSync(join(root, "compose.yaml"), "utf8");
  const limitOf = (service: string): string =>
    new RegExp(`^  ${service}:[^]*?mem_limit: (\\S+)`, "m").exec(compose)?.[1] ?? assert.fail(service);
  for (const name of ["partition", "monitor"])
    assert.equal(gateway.container(name).resources.limits["memory"], asQuantity(limitOf(name)), name);
  const { volumes } = gateway.statefulSet.spec.template.spec;
  assert.deepEqual(
    volumes.find(({ name }) => name === "memory"),
    { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "128Mi" } },
  );
  assert.deepEqual(gateway.container("monitor").volumeMounts, [
    { name: "memory", mountPath: "/dev/shm", readOnly: true },
  ]);
  const writable = gateway.container("partition").volumeMounts.filter(({ readOnly }) => readOnly !== true);
  assert.deepEqual(writable, [
    { name: "state", mountPath: "/var/lib/cpc" },
    { name: "memory", mountPath: "/dev/shm" },
  ]);
});

test("nobody gets in, or viewers alone to the monitor, and only the plant and a name server are reached", () => {
  const [everything, ...others] = gateway.policies.toSorted((one, other) =>
    one.metadata.name < other.metadata.name ? -1 : 1,
  );
  assert.deepEqual(everything?.spec, { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  assert.ok(others.every(({ spec }) => spec.policyTypes.join() === "Egress" && spec.ingress === undefined));
  const ports = others.flatMap(({ spec }) => spec.egress ?? []).flatMap((rule) => rule.ports.map(({ port }) => port));
  assert.deepEqual(
    ports.toSorted((one, other) => one - other),
    [53, 53, 502, 4840],
  );
  assert.ok(others.flatMap(({ spec }) => spec.egress ?? []).every(({ to }) => to.length === 1));

  const further = exposed.policies.filter(({ spec }) => spec.ingress !== undefined);
  assert.deepEqual(
    further.map(({ metadata, spec }) => [metadata.name, spec.policyTypes]),
    [["viewers-to-monitor", ["Ingress"]]],
  );
  assert.equal(exposed.policies.length, gateway.policies.length + 1);
  assert.ok(!gateway.kinds.includes("Service") && exposed.kinds.includes("Service"));
});

test("the programs know the settings and the probes", async () => {
  const { commands } = await createProgram("0", () => {});
  const known = new Set(commands.flatMap(({ options }) => options.map(({ envVar }) => envVar)));
  const variables = ["partition", "monitor"].flatMap((name) => exposed.container(name).env ?? []);
  assert.ok(variables.length >= 8);
  for (const { name } of variables) assert.ok(known.has(name), name);
  const { startupProbe, livenessProbe, readinessProbe } = gateway.container("partition");
  const options = commands.find((command) => command.name() === "status")?.options.map(({ long }) => long) ?? [];
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    const [program, command, ...words] = probe?.exec?.command ?? [];
    assert.deepEqual([program, command], ["cpc", "status"]);
    for (const word of words) assert.ok(options.includes(word), word);
  }
});

test("the example configuration is valid, and its secret is one of the mounted ones", async (t) => {
  const sandbox = new Sandbox(t);
  const files = Object.entries(gateway.configuration).map(([name, text]) => sandbox.write(name, text));
  const { env = [], volumeMounts } = gateway.container("partition");
  for (const service of ["CPC_OPCUA", "CPC_MODBUS"]) {
    const path = env.find(({ name }) => name === service)?.value ?? "";
    assert.ok(path.replace(/^\/etc\/cpc\//, "") in gateway.configuration, path);
  }
  const { code, stderr } = await sandbox.cpc(["check", "--without-secrets", ...files]).ended;
  assert.equal(code, 0, stderr);
  const secrets = volumeMounts.find(({ name }) => name === "secrets")?.mountPath ?? "-";
  const [, reference = ""] = /\$\{file:([^}]*)\}/.exec(gateway.configuration["opcua-endpoints.xml"] ?? "") ?? [];
  assert.ok(reference.startsWith(`${secrets}/`), reference);
});

test("the page names the secrets, the folders and the pod as they are", () => {
  const page = readFileSync(join(root, "docs/kubernetes.md"), "utf8");
  const text = texts.get("exposed") ?? "";
  const secrets = Array.from(page.matchAll(/create secret generic (\S+)/g), ([, name]) => name);
  assert.deepEqual(secrets, ["cpc-secrets", "cpc-monitor"]);
  for (const name of secrets) assert.ok(text.includes(`secretName: ${name}`), name);
  for (const [, key] of page.matchAll(/--from-(?:file|literal)=([a-z.-]+)/g)) assert.ok(text.includes(`/${key}`), key);
  for (const folder of folders) assert.ok(page.includes(`--kustomize deploy/kubernetes/${folder}`));
  assert.ok(page.includes(`${gateway.statefulSet.metadata.name}-0`));
});
