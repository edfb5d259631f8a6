// What deploy/kubernetes/ makes of itself: rendered as a cluster would get it, and held against Kubernetes' own schemas. `scripts/test-kubernetes` brings the
// programs.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: Readonly<Record<"limits" | "requests", Readonly<Record<string, string>>>>;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly startupProbe?: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface Probe {
  readonly exec?: { readonly command: readonly string[] };
  readonly tcpSocket?: { readonly port: number };
}

export interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

export interface NetworkPolicy extends Named {
  readonly spec: {
    readonly podSelector: object;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly object[];
    readonly egress?: readonly {
      readonly to: readonly object[];
      readonly ports: readonly { readonly port: number }[];
    }[];
  };
}

export interface StatefulSet extends Named {
  readonly spec: { readonly replicas: number; readonly template: { readonly spec: Pod } };
}

interface ConfigMap extends Named {
  readonly data: Readonly<Record<string, string>>;
}

function output(command: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: "utf8" });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** YAML of a folder below deploy/kubernetes. */
export function render(folder: string): string {
  const path = join(root, "deploy/kubernetes", folder);
  const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
  return hasKubectl ? output("kubectl", ["kustomize", path]) : output("kustomize", ["build", path]);
}

const toJson = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";

export class Manifests {
  readonly #objects: readonly Named[];

  constructor(yaml: string) {
    this.#objects = JSON.parse(output("python3", ["-c", toJson], yaml)) as Named[];
  }

  get statefulSet(): StatefulSet {
    return this.#only("StatefulSet") as StatefulSet;
  }

  get configuration(): Readonly<Record<string, string>> {
    return (this.#only("ConfigMap") as ConfigMap).data;
  }

  get policies(): readonly NetworkPolicy[] {
    return this.#objects.filter(({ kind }) => kind === "NetworkPolicy") as NetworkPolicy[];
  }

  get kinds(): readonly string[] {
    return [...new Set(this.#objects.map(({ kind }) => kind))].toSorted();
  }

  container(name: string): Container {
    const found = this.statefulSet.spec.template.spec.containers.find((container) => container.name === name);
    return found ?? assert.fail(name);
  }

  #only(kind: string): Named {
    const [found, ...others] = this.#objects.filter((object) => object.kind === kind);
    assert.equal(others.length, 0);
    return found ?? assert.fail(kind);
  }
}

/** What a version of Kubernetes has against it; nothing if it is valid. Fields that it does not know are errors. */
export function troubles(yaml: string, version: string): readonly string[] {
  const args = ["--strict", "--kubernetes-version", version, "-"];
  const { stdout, stderr } = spawnSync("kubernetes-validate", args, { input: yaml, encoding: "utf8" });
  const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  assert.ok(
    lines.some((line) => line.startsWith("INFO") && line.includes(` version ${version}`)),
    lines.join("\n"),
  );
  return lines.filter((line) => !line.startsWith("INFO"));
}
