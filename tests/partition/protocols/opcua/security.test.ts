import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  CreateSessionRequest,
  CreateSessionResponse,
  MessageSecurityMode,
  SecurityPolicy,
  UserTokenType,
} from "node-opcua-client";
import type { EndpointDescription } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import { noRelaxations } from "../../../../packages/partition/src/certificates/server-certificate-check.ts";
import { fingerprint } from "../../../../packages/partition/src/certificates/certificate-file.ts";
import { matchingEndpoints } from "../../../../packages/partition/src/protocols/opcua/endpoint-discovery.ts";
import { requireTokenPolicy } from "../../../../packages/partition/src/protocols/opcua/user-identity.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { connectAndRead, OpcUaRig } from "../../../plant/opcua-rig.ts";
import {
  addDoubles,
  allPolicies,
  certificateIn,
  configuredServer,
  portOf,
  startServer,
} from "../../../plant/opcua-server.ts";
import type { CertificateFiles } from "../../../plant/opcua-server.ts";

const rig = new OpcUaRig();
let trusted: string;
let certificates: Record<"server" | "other" | "user" | "stranger" | "client", CertificateFiles>;
/** Anonymous is refused there. */
let closed: { server: OPCUAServer; url: string };

before(async () => {
  await rig.up;
  trusted = join(rig.directory, "trusted", "certs");
  const made = await Promise.all(
    (["other", "user", "stranger", "client"] as const).map(
      async (name) => [name, await certificateIn(rig.folder, name)] as const,
    ),
  );
  certificates = { server: rig.certificate, ...Object.fromEntries(made) } as typeof certificates;
  closed = await startServer({
    folder: join(rig.folder, "closed"),
    certificate: certificates.server,
    users: { operator: "right" },
    trustedUserCertificate: readFileSync(certificates.user.certificateFile),
    build: (server) => addDoubles(server, ["a"]),
  });
});

after(() => closed.server.shutdown(0));

beforeEach(() => {
  rmSync(join(rig.directory, "trusted"), { recursive: true, force: true });
  rmSync(join(rig.directory, "rejected"), { recursive: true, force: true });
  mkdirSync(trusted, { recursive: true });
});

function trustServer(): void {
  copyFileSync(certificates.server.certificateFile, join(trusted, "server.der"));
}

async function refusal(client: OpcUaClient, code: FailureKind): Promise<string> {
  let message = "";
  await assert.rejects(connectAndRead(client), (error: ServerError) => {
    assert.equal(error.code, code, error.message);
    message = error.message;
    return true;
  });
  return message;
}

const secure = { policy: "Basic256Sha256", mode: "SignAndEncrypt" } as const;

describe("every policy and mode of the contract connects and reads", () => {
  test("None", () => connectAndRead(rig.client({})));
  for (const policy of allPolicies) {
    for (const mode of ["Sign", "SignAndEncrypt"] as const) {
      test(`${policy} ${mode}`, async () => {
        trustServer();
        await connectAndRead(rig.client({ policy, mode }));
      });
    }
  }
});

describe("the server's certificate", () => {
  test("is refused when it is unknown, kept for the operator, and accepted once it was moved to the trusted ones", async () => {
    const message = await refusal(rig.client(secure), "SecurityRefused");
    const der = readFileSync(certificates.server.certificateFile);
    // Whole in the 192 bytes that the status has room for.
    assert.match(message.slice(0, 192), new RegExp(fingerprint(der)));
    const rejected = join(rig.directory, "rejected", "certs");
    const [name = ""] = readdirSync(rejected);
    assert.ok(
      message.includes(join(rejected, name)) &&
        message.includes(`npm run -s cpc -- cert trust --certificates ${rig.directory} `),
      message,
    );
    assert.deepEqual(readFileSync(join(rejected, name)), der);
    renameSync(join(rejected, name), join(trusted, name));
    await connectAndRead(rig.client(secure));
  });

  test("is checked again at every connect", async () => {
    trustServer();
    const client = rig.client(secure);
    await connectAndRead(client);
    rmSync(join(trusted, "server.der"));
    await refusal(client, "SecurityRefused");
  });

  test("is accepted when the configuration names it, without the trust list", async () => {
    await connectAndRead(rig.client({ ...secure, serverCertificateFile: certificates.server.certificateFile }));
  });

  test("is refused when the configuration names another one, even if it is trusted", async () => {
    trustServer();
    const pinned = { ...secure, serverCertificateFile: certificates.other.certificateFile };
    await refusal(rig.client(pinned), "SecurityRefused");
  });

  test("that was checked is the one whose key the channel needs: another server behind it gets nothing", async () => {
    trustServer();
    const impostor = await rig.another({ certificate: () => Promise.resolve(certificates.other) });
    // The first connection asks for the endpoints, the second opens the channel.
    const proxy = await rig.proxy((connection) => portOf(connection === 0 ? rig.url : impostor.url));
    await assert.rejects(connectAndRead(rig.client({ ...secure, timeoutMs: 2000 }, proxy.url)));
    assert.equal(proxy.connections, 2);
    assert.equal(impostor.server.engine.currentSessionCount, 0);
  });

  test("must be shown again by CreateSession", async () => {
    trustServer();
    const other = readFileSync(certificates.other.certificateFile);
    await withChangedCreateSession(
      (response) => {
        response.serverCertificate = other;
      },
      async () => assert.match(await refusal(rig.client(secure), "SecurityRefused"), /another certificate/),
    );
  });

  test("must have signed the client's nonce", async () => {
    trustServer();
    await withChangedCreateSession(
      (response) => {
        const { signature } = response.serverSignature;
        signature[0] = (signature[0] ?? 0) ^ 1;
      },
      async () => assert.match(await refusal(rig.client(secure), "SecurityRefused"), /signature/),
    );
  });
});

function withChangedCreateSession(
  change: (response: CreateSessionResponse) => void,
  body: () => Promise<void>,
): Promise<void> {
  const see = (response: unknown): void => {
    if (response instanceof CreateSessionResponse) change(response);
  };
  return rig.during("response", see, body);
}

describe("the configured security is never lowered", () => {
  test("a policy that the server does not offer is refused, with what it offers", async () => {
    const plain = await rig.another({});
    const endpoints = plain.server.endpoints[0]?.endpointDescriptions() ?? [];
    endpoints.splice(
      0,
      endpoints.length,
      ...endpoints.filter(({ securityMode }) => securityMode === MessageSecurityMode.None),
    );
    const message = await refusal(rig.client(secure, plain.url), "SecurityRefused");
    assert.match(
      message,
      /does not offer security policy Basic256Sha256 with mode SignAndEncrypt; it offers None\/None/,
    );
  });
});

/** The server's token policies for user names of one mode all have this security policy. */
async function withTokens(mode: MessageSecurityMode, uri: string | null, body: () => Promise<void>): Promise<void> {
  const policies = (closed.server.endpoints[0]?.endpointDescriptions() ?? [])
    .filter(({ securityMode }) => securityMode === mode)
    .flatMap(({ userIdentityTokens }) => userIdentityTokens ?? [])
    .filter(({ tokenType }) => tokenType === UserTokenType.UserName);
  assert.ok(policies.length > 0);
  const uris = policies.map(({ securityPolicyUri }) => securityPolicyUri);
  for (const policy of policies) policy.securityPolicyUri = uri;
  try {
    await body();
  } finally {
    policies.forEach((policy, i) => (policy.securityPolicyUri = uris[i] ?? null));
  }
}

describe("identities", () => {
  const right = { kind: "UserName", userName: "operator", password: "right" } as const;

  test("a user name with the right password logs in", async () => {
    trustServer();
    for (const mode of ["Sign", "SignAndEncrypt"] as const) {
      await connectAndRead(rig.client({ ...secure, mode, identity: right }, closed.url));
    }
  });

  test("a wrong password is refused", async () => {
    trustServer();
    const identity = { ...right, password: "wrong" };
    const message = await refusal(rig.client({ ...secure, identity }, closed.url), "IdentityRefused");
    assert.doesNotMatch(message, /wrong/);
  });

  test("Anonymous is refused where the server wants a user", async () => {
    trustServer();
    await refusal(rig.client(secure, closed.url), "IdentityRefused");
  });

  test("a password goes through a channel without security only encrypted, and only for a server that is trusted", async () => {
    await withTokens(MessageSecurityMode.None, SecurityPolicy.Basic256Sha256, async () => {
      const message = await refusal(rig.client({ identity: right }, closed.url), "SecurityRefused");
      assert.match(message, /\(Trusted\)/);
      trustServer();
      await connectAndRead(rig.client({ identity: right }, closed.url));
      await refusal(rig.client({ identity: { ...right, password: "wrong" } }, closed.url), "IdentityRefused");
      const pinned = { identity: right, serverCertificateFile: certificates.other.certificateFile };
      await refusal(rig.client(pinned, closed.url), "SecurityRefused");
    });
  });

  test("a password is never sent in clear without security, whether the token policy says None or nothing", async () => {
    trustServer();
    for (const uri of [SecurityPolicy.None, null, ""]) {
      await withTokens(MessageSecurityMode.None, uri, async () => {
        assert.match(await refusal(rig.client({ identity: right }, closed.url), "IdentityRefused"), /only unencrypted/);
      });
    }
  });

  test("an endpoint for HTTPS is none of ours, whatever it asks for", () => {
    const offers = ["https://a:4843", "opc.https://a", "opc.tcp://a:4840", "opc.wss://a", null].map(
      (endpointUrl) =>
        ({
          endpointUrl,
          securityPolicyUri: SecurityPolicy.Basic256Sha256,
          securityMode: MessageSecurityMode.SignAndEncrypt,
        }) as unknown as EndpointDescription,
    );
    const ours = matchingEndpoints(configuredServer(closed.url, secure), offers);
    assert.deepEqual(
      ours.map(({ endpointUrl }) => endpointUrl),
      ["opc.tcp://a:4840", null],
    );
  });

  test("of several token policies the strongest is used", () => {
    const offered = [null, SecurityPolicy.Basic128Rsa15, SecurityPolicy.Aes256_Sha256_RsaPss, SecurityPolicy.None];
    const chosen = (securityPolicyUri: string | null): string | null | undefined => {
      const userIdentityTokens = offered.map((uri) => ({ tokenType: UserTokenType.UserName, securityPolicyUri: uri }));
      const endpoint = { securityPolicyUri, userIdentityTokens } as unknown as EndpointDescription;
      requireTokenPolicy(configuredServer(closed.url, { ...secure, identity: right }), [endpoint]);
      return endpoint.userIdentityTokens?.map((token) => token.securityPolicyUri).join();
    };
    assert.equal(chosen(SecurityPolicy.Basic256Sha256), SecurityPolicy.Aes256_Sha256_RsaPss);
    assert.equal(chosen(SecurityPolicy.None), SecurityPolicy.Aes256_Sha256_RsaPss);
  });

  test("a password that is encrypted only weakly draws a warning, and is not sent where security is required", async () => {
    trustServer();
    await withTokens(MessageSecurityMode.Sign, SecurityPolicy.Basic128Rsa15, async () => {
      const signed = { ...secure, mode: "Sign", identity: right } as const;
      await connectAndRead(rig.client(signed, closed.url));
      const warnings = rig.logged.filter((line) => /^warn .*passwords encrypted with RSA PKCS #1 v1\.5/.test(line));
      assert.equal(warnings.length, 1);
      const strict = rig.client({ ...signed, requiresSecurity: true }, closed.url);
      assert.match(await refusal(strict, "IdentityRefused"), /security is required and .*set <ignore_weak_login>/);
      const encrypted = { ...signed, mode: "SignAndEncrypt", requiresSecurity: true } as const;
      await connectAndRead(rig.client(encrypted, closed.url));
    });
  });

  for (const policyOfUsers of [SecurityPolicy.Basic128Rsa15, SecurityPolicy.Basic256]) {
    test(`the policy ${policyOfUsers.split("#")[1]} for users is weak in the strongest channel, too`, async () => {
      trustServer();
      await withTokens(MessageSecurityMode.SignAndEncrypt, policyOfUsers, async () => {
        const strict = { ...secure, policy: "Aes256_Sha256_RsaPss", identity: right, requiresSecurity: true } as const;
        assert.match(
          await refusal(rig.client(strict, closed.url), "IdentityRefused"),
          /passwords encrypted with .*SHA-1/,
        );
        const relaxations = { ...noRelaxations, ignoreWeakLogin: true };
        await connectAndRead(rig.client({ ...strict, relaxations }, closed.url));
      });
    });
  }

  test("a password is never sent unencrypted through a channel that only signs", async () => {
    trustServer();
    await withTokens(MessageSecurityMode.Sign, SecurityPolicy.None, async () => {
      const client = rig.client({ ...secure, mode: "Sign", identity: right }, closed.url);
      assert.match(await refusal(client, "IdentityRefused"), /only unencrypted/);
    });
  });

  test("a trusted user certificate logs in, a strange one does not", async () => {
    trustServer();
    const identity = { kind: "Certificate", ...certificates.user } as const;
    await connectAndRead(rig.client({ ...secure, identity }, closed.url));
    const stranger = { kind: "Certificate", ...certificates.stranger } as const;
    await refusal(rig.client({ ...secure, identity: stranger }, closed.url), "IdentityRefused");
  });
});

function clientFiles() {
  const { certificateFile, privateKeyFile } = certificates.client;
  return { clientCertificateFile: certificateFile, clientPrivateKeyFile: privateKeyFile };
}

describe("the own certificate", () => {
  test("is made once per application URI, with a key for nobody else", async () => {
    trustServer();
    await connectAndRead(rig.client(secure));
    const own = join(rig.directory, "own");
    const count = readdirSync(join(own, "certs")).length;
    await connectAndRead(rig.client(secure));
    assert.equal(readdirSync(join(own, "certs")).length, count);
    for (const key of readdirSync(join(own, "private"))) {
      assert.equal(statSync(join(own, "private", key)).mode & 0o777, 0o600);
    }
  });

  test("is not needed, nor made, nor any directory for it, where there is no security", async () => {
    const nowhere = join(certificates.server.certificateFile, "not a directory");
    await connectAndRead(rig.client({}, rig.url, { directory: nowhere }));
  });

  test("is not there without security: the server hears the configured application URI", async () => {
    const heard: unknown[] = [];
    const hear = (request: unknown): void => {
      if (request instanceof CreateSessionRequest)
        heard.push([request.clientDescription.applicationUri, request.clientCertificate?.length ?? 0]);
    };
    const client = rig.client({ applicationUri: "urn:plant:gateway-7" });
    await rig.during("request", hear, async () => await connectAndRead(client));
    assert.deepEqual(heard, [["urn:plant:gateway-7", 0]]);
  });

  test("is named with its fingerprint when the server does not trust it", async () => {
    trustServer();
    const distrustful = await rig.another({ distrustsClients: true });
    const message = await refusal(rig.client({ ...secure, ...clientFiles() }, distrustful.url), "SecurityRefused");
    assert.match(message, new RegExp(fingerprint(readFileSync(certificates.client.certificateFile))));
  });

  test("is the configured one where there is one", async () => {
    trustServer();
    await connectAndRead(rig.client({ ...secure, ...clientFiles() }));
    const mismatched = { ...clientFiles(), clientPrivateKeyFile: certificates.other.privateKeyFile };
    const message = await refusal(rig.client({ ...secure, ...mismatched }), "SecurityRefused");
    assert.match(message, /is not its private key/);
  });
});
