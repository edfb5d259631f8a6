// An OPC UA server ends, refuses or outlives a session, a channel, or what they are trusted for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { OpenSecureChannelResponse, StatusCodes } from "node-opcua-client";
import { fingerprint } from "../../packages/partition/src/certificates/certificate-file.ts";
import { fault, times } from "./fault.ts";
import { neighbourOfFile, retryMs, OpcUaScene, timeoutMs, Victim } from "./opcua-scene.ts";
import { Certificates, policy } from "./trusted-opcua.ts";

const neighbour = neighbourOfFile();
/** Whom a server refused, or who refused a server, is tried again after that. */
const afterRefusalMs = 60_000;
const isLong = times({ quick: 0, usual: 0, long: 1 }) === 1;

fault({
  area: "OPC UA server",
  trigger: "it closes the session under us",
  holds: "the values are bad at once, and good in a new session",
  extent: "quick",
  run: async (t) => {
    const victim = await Victim.start(t, 2);
    // On a busy machine a shorter time-out would end the session before the server's answer does.
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), victimTimeoutMs: 5000 });
    await scene.isHealthy();
    for (let turn = 0; turn < times({ quick: 1, usual: 5, long: 50 }); turn++) {
      const { engine } = victim.server;
      for (const { authenticationToken } of engine.getSessions())
        engine.closeSession(authenticationToken, true, "Terminated");
      await scene.isFailing("ConnectionFailed", /the server answers BadSessionIdInvalid/);
      await scene.recovers();
    }
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it has too many sessions to open another one",
  holds: "status says so, refused attempts leave nothing at the server, and the values come with the next free session",
  run: async (t) => {
    const victim = await Victim.start(t, 2);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour() });
    await scene.isHealthy();
    const { engine } = victim.server;
    engine.serverCapabilities.maxSessions = 0;
    for (const { authenticationToken } of engine.getSessions())
      engine.closeSession(authenticationToken, true, "Terminated");
    await scene.isFailing("ServiceFault", /the server answers BadTooManySessions/);
    await scene.partition.until("several attempts were refused", () => scene.failures("ServiceFault") >= 5);
    assert.ok(victim.channels <= 1, `${victim.channels} channels at the server`);
    assert.equal(victim.sessions, 0);
    engine.serverCapabilities.maxSessions = 20;
    await scene.recovers();
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "the tokens of its channel end every second",
  holds: "they are renewed as often, and no value is missing",
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const certificate = await certificates.ofServer();
    const victim = await Victim.start(t, 2, { certificate });
    victim.alter = (response) => {
      if (response instanceof OpenSecureChannelResponse) response.securityToken.revisedLifetime = 1000;
    };
    const { args } = certificates;
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml: { policy }, args });
    await scene.isHealthy();
    scene.partition.witness.rule({ bystanders: ["victim", "neighbour"] });
    const wanted = times({ quick: 2, usual: 20, long: 100 });
    // Shorter waits than one for all of them, each with a watchdog of its own.
    for (let renewals = 5; renewals <= wanted; renewals += 5)
      await scene.partition.until(`${renewals} tokens were renewed`, () => victim.renewals >= renewals);
    assert.equal(scene.reconnects, 0);
    scene.partition.witness.rule({ bystanders: ["neighbour"] });
    await scene.ends(victim);
  },
  limitMs: 150_000,
});

fault({
  area: "OPC UA server",
  trigger: "it refuses to renew a token",
  holds:
    "status says so while the old token is still good, the session is closed in order, and the values come by a new channel",
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const certificate = await certificates.ofServer();
    const victim = await Victim.start(t, 2, { certificate, tokenLifetimeMs: 4000 });
    const { args } = certificates;
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml: { policy }, args });
    await scene.isHealthy();
    victim.renewalRefusal = StatusCodes.BadSecurityChecksFailed;
    await scene.isFailing("ConnectionFailed", /the server does not renew the token of its channel/);
    victim.renewalRefusal = undefined;
    await scene.recovers();
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it returns with another certificate of an authority that is trusted",
  holds: "its values are good again without anybody's help",
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const victim = await Victim.start(t, 2, { certificate: await certificates.ofServer() });
    const { args } = certificates;
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml: { policy }, args });
    await scene.isHealthy();
    await victim.comesBack({ certificate: await certificates.ofServer() });
    await scene.partition.untilBad("victim");
    await scene.recovers();
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it returns with a certificate that nobody trusts",
  holds: "no value is taken from it, status says why, and when it is trusted its values come by themselves",
  limitMs: 3 * afterRefusalMs,
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const victim = await Victim.start(t, 2, { certificate: await certificates.ofServer() });
    const { args, folder } = certificates;
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml: { policy }, args });
    await scene.isHealthy();
    const certificate = await certificates.ofServer({ isStranger: true });
    await victim.comesBack({ certificate });
    await scene.isFailing("SecurityRefused", /its certificate, SHA-256 \w+, is refused \(Trusted\)/);
    assert.equal(victim.sessions + victim.channels, 0);
    if (isLong) {
      const print = fingerprint(readFileSync(certificate.certificateFile));
      const { code, stderr } = await scene.partition.sandbox.cpc(["cert", "trust", "--certificates", folder, print])
        .ended;
      assert.equal(code, 0, stderr);
      await scene.recoversSlowly();
    }
    await scene.ends(isLong ? victim : undefined);
  },
});

fault({
  area: "OPC UA server",
  trigger: "its certificate expires while it is connected",
  holds: "from then on no value is taken from it, status says why, and a new certificate is enough to come back",
  limitMs: 3 * afterRefusalMs,
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const certificate = await certificates.ofServer({ notAfterMs: Date.now() + 8000 });
    const victim = await Victim.start(t, 2, { certificate });
    const { args } = certificates;
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml: { policy }, args });
    await scene.isHealthy();
    await scene.isFailing("SecurityRefused", /its certificate, SHA-256 \w+, is refused \(Expired\)/);
    if (isLong) {
      await victim.comesBack({ certificate: await certificates.ofServer() });
      await scene.recoversSlowly();
    }
    await scene.ends(isLong ? victim : undefined);
  },
});

fault({
  area: "OPC UA server",
  trigger: "its password is changed",
  holds: "the old one is tried once a minute and not more often, and the right one is enough to come back",
  limitMs: 4 * afterRefusalMs,
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const certificate = await certificates.ofServer();
    let password = "the old one";
    let attempts = 0;
    const users = {
      get operator() {
        attempts++;
        return password;
      },
    };
    const victim = await Victim.start(t, 2, { certificate, users });
    const security = "<username>operator</username><password>the old one</password>";
    const { args } = certificates;
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml: { policy, security }, args });
    await scene.isHealthy();
    password = "the new one";
    await victim.comesBack({ certificate, users });
    attempts = 0;
    await scene.isFailing("IdentityRefused", /the server answers BadUserAccessDenied|BadIdentityTokenRejected/);
    const refusedMs = performance.now();
    const watchedMs = isLong ? afterRefusalMs + 10_000 : 10 * retryMs;
    while (performance.now() < refusedMs + watchedMs) await pause(100);
    assert.equal(attempts, isLong ? 2 : 1);
    assert.equal(victim.sessions + victim.channels, 0, "nothing is left at the server by an attempt");
    if (isLong) {
      password = "the old one";
      await scene.recoversSlowly();
    }
    await scene.ends(isLong ? victim : undefined);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it answers the Reads of a slow group late",
  holds: "everything stays good, and the fast group is read while an answer is awaited",
  run: async (t) => {
    const victim = await Victim.start(t, 4);
    const xml = { nodeSettings: (point: number) => (point < 2 ? "" : "<interval>1</interval>") };
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points: 4, xml });
    await scene.isHealthy();
    const { engine } = victim.server;
    const read = engine.read.bind(engine);
    /** Fast Reads that were answered during each slow one. */
    const meanwhile: number[] = [];
    let fastReads = 0;
    engine.read = async (context, request) => {
      const isSlow = request.nodesToRead?.some(({ nodeId }) => String(nodeId).endsWith("s=p2")) ?? false;
      if (!isSlow) fastReads++;
      else {
        const before = fastReads;
        await pause(0.8 * timeoutMs);
        meanwhile.push(fastReads - before);
      }
      return await read(context, request);
    };
    let wasBad = false;
    await scene.partition.until("three slow Reads were answered", () => {
      wasBad ||= !scene.partition.witness.isGood("victim");
      return meanwhile.length >= 3;
    });
    assert.equal(wasBad, false);
    assert.ok(
      meanwhile.every((reads) => reads > 0),
      meanwhile.join(),
    );
    await scene.ends(victim);
  },
});
