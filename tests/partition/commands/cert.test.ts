// `cpc cert` against a real server, and a partition that believes exactly what these commands decided.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { OPCUAServer } from "node-opcua-server";
import { fingerprint } from "../../../packages/partition/src/certificates/certificate-file.ts";
import { ParsedCertificate } from "../../../packages/partition/src/certificates/parsed-certificate.ts";
import { certificate, dayMs } from "../../plant/certificates.ts";
import { addDoubles, certificateIn, startServer, temporaryFolder } from "../../plant/opcua-server.ts";
import type { CertificateFiles } from "../../plant/opcua-server.ts";
import { Sandbox } from "./cpc.ts";
import { opcUaXml } from "../../plant/configuration-xml.ts";

const watchdog = { timeout: 200_000 };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let files: CertificateFiles;
let serverDer: Buffer;
let plant: { server: OPCUAServer; url: string };

before(async () => {
  folder = await temporaryFolder();
  files = await certificateIn(folder.path, "server");
  serverDer = readFileSync(files.certificateFile);
  plant = await startServer({
    folder: folder.path,
    certificate: files,
    users: { operator: "a-password-nobody-guesses" },
    build: (server) => addDoubles(server, ["a"]),
  });
});

after(async () => {
  await plant.server.shutdown(0);
  await folder.remove();
});

async function cert(sandbox: Sandbox, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.ran("cert", ...args);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return stdout;
}

test(
  "create makes an application certificate with the right URI and hosts, and a key for nobody else",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    await cert(sandbox, "create", "urn:plant:cpc", "--host", "gateway.example,192.0.2.1", "--days", "365");
    const own = join(sandbox.folder, "certificates", "own");
    const [name = ""] = readdirSync(join(own, "certs"));
    const { content } = new ParsedCertificate(readFileSync(join(own, "certs", name)));
    assert.deepEqual(content.uris, ["urn:plant:cpc"]);
    assert.deepEqual(content.hostNames, ["gateway.example", "192.0.2.1"]);
    assert.ok(Math.abs(content.notAfterMs - Date.now() - 365 * dayMs) < dayMs);
    const [key = ""] = readdirSync(join(own, "private"));
    assert.equal(statSync(join(own, "private", key)).mode & 0o777, 0o600);
    assert.match(await cert(sandbox, "list"), /own:\n {2}CN=cpc-partition, 36[45] days left/);
    const again = await sandbox.cpc(["cert", "create", "urn:plant:cpc"]).ended;
    assert.equal(again.code, 1);
    assert.match(again.stderr, /it exists/);
  },
);

test(
  "fetch shows and keeps a server's certificate, trust believes it, reject does so no longer",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const print = fingerprint(serverDer);
    const fetched = await cert(sandbox, "fetch", plant.url);
    const shown = print.toUpperCase().match(/../g)?.join(":") ?? assert.fail();
    for (const part of [
      shown,
      "urn:cpc-partition:test:server",
      "127.0.0.1",
      `\n  npm run -s cpc -- cert trust --certificates ${sandbox.folder}/certificates ${print}`,
      "Nothing else stands in the way.",
    ]) {
      assert.ok(fetched.includes(part), fetched);
    }
    const pki = (kind: string): string[] => {
      const path = join(sandbox.folder, "certificates", kind, "certs");
      return existsSync(path) ? readdirSync(path) : [];
    };
    assert.deepEqual([pki("trusted").length, pki("rejected").length], [0, 1]);
    // As it was shown, in pairs.
    await cert(sandbox, "trust", shown);
    assert.deepEqual([pki("trusted").length, pki("rejected").length], [1, 0]);
    await cert(sandbox, "trust", shown); // who asks twice gets the same answer
    assert.deepEqual([pki("trusted").length, pki("rejected").length], [1, 0]);
    assert.match(await cert(sandbox, "fetch", plant.url), /It is trusted\./);
    assert.match(await cert(sandbox, "list"), new RegExp(`trusted:\n.*\n {4}${print}`));
    await cert(sandbox, "reject", print);
    assert.deepEqual([pki("trusted").length, pki("rejected").length], [0, 1]);
    await cert(sandbox, "trust", files.certificateFile);
    assert.deepEqual([pki("trusted").length, pki("rejected").length], [1, 0]);
  },
);

test("fetch and trust say what would still be refused, and every way out of it", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const fetched = await cert(sandbox, "fetch", plant.url.replace("127.0.0.1", "localhost"));
  assert.match(fetched, /would be refused for:\n {2}HostName: it is for .*not for localhost\n/);
  for (const way of ["<server_app_uri>", "<server_certificate>", "<ignore_host_name>"])
    assert.ok(fetched.includes(way), fetched);
  const issued = await certificate({ name: "issued", issuer: { name: "somebody" }, key: { bits: 1024 } });
  const file = join(sandbox.folder, "issued.der");
  writeFileSync(file, issued.der);
  const trusted = await cert(sandbox, "trust", file);
  assert.match(trusted, /KeyLength: .*1024 bits/);
  assert.match(trusted, /RevocationUnknown: its issuer "CN=somebody" is not known/);
  for (const way of [
    "<ignore_key_length>",
    `${sandbox.folder}/certificates/issuers/certs`,
    "<ignore_unknown_revocation>",
  ]) {
    assert.ok(trusted.includes(way), trusted);
  }
  assert.match(trusted, /must have the host plc\.example or 192\.0\.2\.7; .*urn:example:server/);
});

test("what cannot be done is said in a sentence, and nothing is trusted by half a fingerprint", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  await cert(sandbox, "fetch", plant.url);
  const rubbish = sandbox.write("rubbish.der", "rubbish");
  for (const [args, code, message] of [
    [["trust", fingerprint(serverDer).slice(0, 20)], 1, /whole fingerprint/],
    [["show", rubbish], 1, /no DER certificate/],
    [["fetch", "http://127.0.0.1"], 2, /opc\.tcp/],
    [["fetch", "opc.tcp://127.000.000.010:4840"], 2, /did you mean 127\.0\.0\.10\?/],
    [["create", "urn:plant:cpc", "--host", "plc,0x7f.1"], 2, /did you mean 127\.0\.0\.1\?/],
    [["create", "no uri"], 2, /not a URI/],
    [["nonsense"], 2, /unknown command/],
  ] as const) {
    const ended = await sandbox.ran("cert", ...args);
    assert.equal(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
    assert.match(ended.stderr, message);
    assert.doesNotMatch(ended.stderr, /\n {4}at /);
  }
  assert.match(await cert(sandbox, "list"), /trusted:\n {2}none/);
});

test("show prints every certificate of a file, without what would steer a terminal", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const evil = await certificate({ name: "\u001b[2Jevil", authority: true, notAfterMs: Date.now() - 3.5 * dayMs });
  const file = join(sandbox.folder, "chain.der");
  writeFileSync(file, Buffer.concat([serverDer, evil.der]));
  const shown = await cert(sandbox, "show", file);
  assert.ok(!shown.includes("\u001b"));
  assert.match(shown, /EXPIRED 4 days ago/);
  assert.match(shown, /Authority:/);
  assert.equal(shown.split("SHA-256:").length, 3);
});

test(
  "a server is connected as soon as it is trusted; a password reaches it and nobody else: no output, no shared memory, no status",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const opcua = sandbox.write(
      "opcua.xml",
      opcUaXml({ alias: "A", url: plant.url, user: { name: "operator", password: "${env:CPC_TEST_PASSWORD}" } }),
    );
    const wrong = sandbox.write(
      "wrong.xml",
      opcUaXml({ alias: "A", url: plant.url, user: { name: "operator", password: "another-nobody-guesses" } }),
    );
    const env = { CPC_TEST_PASSWORD: "a-password-nobody-guesses" };
    const args = ["--prefix", sandbox.prefix, "--log-format", "json", "--log-level", "debug"];
    const run = sandbox.cpc(["run", "--opcua", opcua, ...args], env);
    await run.until("it is refused", () => run.logged(/^cannot connect/).length > 0);
    // Long before the pause after a refusal ends.
    await cert(sandbox, "trust", files.certificateFile);
    await run.until("it is connected", () => sandbox.value("OPC UA Connections:A", "opcua_shm") === true);
    const texts = [
      (await sandbox.command("status", "--json")).stdout,
      (await sandbox.command("dump", "opcua", "--image")).stdout,
    ];
    texts.push(...sandbox.objects().map((name) => readFileSync(join("/dev/shm", name), "latin1")));
    // A refused one is in no message either.
    const refusals = (): number => run.logged(/BadUserAccessDenied|IdentityRefused|refused/i).length;
    const earlier = refusals();
    renameOver(sandbox, wrong, opcua);
    await run.until("the login is refused", () => refusals() > earlier);
    texts.push((await sandbox.command("status")).stdout, (await sandbox.ran("check", opcua)).stderr);
    const ended = await run.end();
    texts.push(ended.stdout, ended.stderr);
    texts.push(...sandbox.objects().map((name) => readFileSync(join("/dev/shm", name), "latin1")));
    for (const text of texts) assert.ok(!text.includes("nobody-guesses"), text);
    assert.equal(run.logged(/is in plain text/).length, 1);
  },
);

function renameOver(sandbox: Sandbox, from: string, to: string): void {
  sandbox.write(to.slice(sandbox.folder.length + 1), readFileSync(from, "utf8"));
}

test("with --require-security an insecure policy exits 2, in run and check", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const opcua = sandbox.write("opcua.xml", opcUaXml({ alias: "A", url: plant.url, policy: "None" }));
  for (const [args, env] of [
    [["check", opcua, "--require-security"], {}],
    [["check", opcua], { CPC_REQUIRE_SECURITY: "1" }],
    [["run", "--opcua", opcua, "--prefix", sandbox.prefix, "--require-security"], {}],
  ] as const) {
    const { code, stderr } = await sandbox.cpc(args, env).ended;
    assert.equal(code, 2);
    assert.match(stderr, /opcua\.xml:\d+: SecurityPolicyNone is insecure/);
  }
  const { code, stdout } = await sandbox.ran("check", opcua);
  assert.equal(code, 0);
  assert.match(stdout, /None, insecure/);
});
