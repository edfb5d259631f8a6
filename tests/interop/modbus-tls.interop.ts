// Modbus/TCP Security against a TLS server that nobody here wrote: stunnel with OpenSSL, before a libmodbus device.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { suite, test } from "node:test";
import { CertificateFolder, clientUse, serverUse, type Holder } from "../plant/certificate-folder.ts";
import { CHECKOUT, Peer } from "./peer.ts";
import { Partition } from "./partition.ts";
import { until } from "../until.ts";
import { Stunnel } from "./stunnel.ts";

interface SecureServer {
  readonly alias: string;
  readonly port: number;
  readonly ca: Holder;
  readonly client: Holder;
  readonly settings?: string;
}

function secureXml(servers: readonly SecureServer[]): string {
  const elements = servers.map(
    ({ alias, port, ca, client, settings = "" }) => `<server>
      <ipaddr>127.0.0.1</ipaddr><port>${port}</port><serveralias>${alias}</serveralias>
      <retryInterval>0.2</retryInterval>
      <tls>
        <ca>${ca.certificateFile}</ca>
        <client_certificate>${client.certificateFile}</client_certificate>
        <client_private_key>${client.keyFile}</client_private_key>
        ${settings}
      </tls>
      <endpoints><endpoint>
        <name>register</name><function>Read Holding Registers</function><address>1</address><quantity>1</quantity>
        <offset>-1</offset><type>register</type><description></description>
      </endpoint></endpoints>
    </server>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<modbus-servers>\n${elements.join("\n")}\n</modbus-servers>\n`;
}

interface Status {
  readonly services: readonly {
    readonly servers: readonly {
      readonly server: string;
      readonly state: string;
      readonly failures: Readonly<Record<string, number>>;
      readonly lastError: string;
      readonly certificateDaysLeft: number | null;
    }[];
  }[];
}

function statusOf(partition: Partition): Status["services"][0]["servers"] {
  const text = execFileSync(
    process.execPath,
    ["packages/partition/src/main.ts", "status", "--json", "--prefix", partition.prefix],
    {
      cwd: CHECKOUT,
      encoding: "utf8",
    },
  );
  return (JSON.parse(text) as Status).services[0]?.servers ?? [];
}

/** What the log says about the security of a server. */
function refusals(partition: Partition, alias: string): readonly string[] {
  return partition.log
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    .filter(({ server, code }) => server === alias && code === "SecurityRefused")
    .map(({ msg }) => String(msg));
}

suite("stunnel before a libmodbus device", () => {
  test("a good certificate is believed; every bad one is refused with its reason, beside the good one", async () => {
    using folder = new CertificateFolder();
    await using partition = new Partition();
    const device = partition.keep(Peer.libmodbus());
    const devicePort = (await device.message())["port"] as number;
    // libmodbus does not look at the protocol id, and takes a TLS handshake for requests of many kinds.
    const plainPort = (await partition.keep(Peer.libmodbus()).message())["port"] as number;

    const authority = await folder.make("Plant CA", { isAuthority: true });
    const stranger = await folder.make("Other CA", { isAuthority: true });
    const forDevice = { issuer: authority, names: ["127.0.0.1"], usage: serverUse };
    const client = await folder.make("client", { issuer: authority, usage: clientUse });
    const unknownClient = await folder.make("unknown client", { issuer: stranger, usage: clientUse });
    const vanishing = await folder.make("vanishing client", { issuer: authority, usage: clientUse });
    const faces = {
      good: await folder.make("device", forDevice),
      expired: await folder.make("expired", { ...forDevice, validFromDays: -3, validToDays: -1 }),
      elsewhere: await folder.make("elsewhere", { ...forDevice, names: ["other.example"] }),
      strange: await folder.make("strange", { ...forDevice, issuer: stranger }),
      own: await folder.make("own", { ...forDevice, issuer: undefined }),
      old: { ...(await folder.make("old", forDevice)), options: ["sslVersionMax = TLSv1.2"] },
    };
    await using stunnel = new Stunnel(devicePort, authority.certificateFile, faces);
    await using passing = new Stunnel(devicePort, authority.certificateFile, { good: faces.good });
    const to = async (alias: string, face: keyof typeof faces, changes: Partial<SecureServer> = {}) => ({
      alias,
      port: await stunnel.port(face),
      ca: authority,
      client,
      ...changes,
    });
    const servers = [
      await to("good", "good", { settings: "<minimum_version>1.3</minimum_version>" }),
      await to("TLS 1.2", "old"),
      await to("expected name", "elsewhere", { settings: "<server_name>other.example</server_name>" }),
      await to("too old", "old", { settings: "<minimum_version>1.3</minimum_version>" }),
      await to("expired", "expired"),
      await to("wrong name", "elsewhere"),
      await to("unknown CA", "strange"),
      await to("self-signed", "own"),
      await to("unknown client", "good", { client: unknownClient }),
      await to("unknown client 1.2", "old", { client: unknownClient }),
      { alias: "plain device", port: plainPort, ca: authority, client },
      { alias: "missing client", port: await passing.port("good"), ca: authority, client: vanishing },
    ];
    partition.run({ modbus: partition.write("modbus.xml", secureXml(servers)) });
    const consumer = await partition.consumer("modbus");
    const good = ["good", "TLS 1.2", "expected name"];
    for (const alias of [...good, "missing client"]) await partition.sees(consumer, `${alias}: register`, 257);
    // Files are read anew for every connection: the next one misses what is gone.
    rmSync(vanishing.certificateFile);
    await passing[Symbol.asyncDispose]();

    const reasons: Readonly<Record<string, RegExp>> = {
      "too old": /no TLS version that is new enough/,
      expired: /has expired/,
      "wrong name": /is not for 127\.0\.0\.1 but for DNS:other\.example/,
      "unknown CA": /issued by an authority that <ca> does not name/,
      "self-signed": /self-signed/,
      // In TLS 1.3 the alert comes when our first request is under way, and the reset that answers it may overtake the alert.
      "unknown client": /refuses? our certificate/,
      "unknown client 1.2": /refuses our certificate \(ERR_SSL_\w*UNKNOWN_CA\)/,
      "plain device": /no fallback to plain Modbus TCP|may not speak TLS/,
      "missing client": /cannot read certificate .*vanishing client\.pem/,
    };
    await until(`every bad server has its reason in the log: ${partition.log}`, () =>
      Object.keys(reasons).every((alias) => refusals(partition, alias).length > 0),
    );
    const status = statusOf(partition);
    for (const [alias, reason] of Object.entries(reasons)) {
      assert.ok(
        refusals(partition, alias).some((message) => reason.test(message)),
        `${alias}: ${refusals(partition, alias).join()}`,
      );
      const { state, lastError } = status.find(({ server }) => server === alias) ?? {};
      assert.notEqual(state, "connected", alias);
      assert.match(lastError ?? "", reason, alias);
    }
    for (const alias of good) {
      const { state, failures, certificateDaysLeft } = status.find(({ server }) => server === alias) ?? {};
      assert.deepEqual([state, failures, certificateDaysLeft], ["connected", {}, 9], alias);
    }
    assert.match(stunnel.log, /TLSv1\.3 ciphersuite/);
    assert.match(stunnel.log, /TLSv1\.2 ciphersuite/);
    assert.doesNotMatch(stunnel.log, /previous session reused/);
    assert.equal(await partition.stop(), 0);
    assert.deepEqual(Object.keys((await device.close()).at(-1)?.["requests"] as object), ["3"]);
  });
});
