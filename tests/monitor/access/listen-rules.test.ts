import assert from "node:assert/strict";
import { test } from "node:test";
import {
  demandProtection,
  hostAndPort,
  isLoopback,
  parseListenAddress,
  type Protection,
} from "../../../packages/monitor/src/access/listen-rules.ts";

const none: Protection = { tlsCertificate: undefined, tlsKey: undefined, users: undefined, trustProxy: [] };
const tls = { tlsCertificate: "c.pem", tlsKey: "k.pem" };

test("an address is an IP address or localhost, with a port", () => {
  assert.deepEqual(parseListenAddress("127.0.0.1:9850"), { host: "127.0.0.1", port: 9850 });
  assert.deepEqual(parseListenAddress("[::1]:0"), { host: "::1", port: 0 });
  assert.deepEqual(parseListenAddress("localhost:80"), { host: "localhost", port: 80 });
  for (const wrong of [
    "9850",
    ":9850",
    "127.0.0.1",
    "127.0.0.1:70000",
    "::1:80",
    "[127.0.0.1]:80",
    "example.org:80",
    "1.2.3.4:x",
  ])
    assert.equal(parseListenAddress(wrong), undefined, wrong);
  assert.equal(hostAndPort({ host: "::1", port: 1 }), "[::1]:1");
});

test("loopback needs nothing; every other address needs TLS and users, or a proxy", () => {
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) {
    assert.ok(isLoopback(host), host);
    demandProtection({ host, port: 1 }, none);
  }
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "192.168.1.5"]) {
    const address = { host, port: 9850 };
    for (const lacking of [none, { ...none, ...tls }, { ...none, users: "u" }])
      assert.throws(
        () => demandProtection(address, lacking),
        /cannot listen on .* because other machines can reach it/,
        host,
      );
    demandProtection(address, { ...none, ...tls, users: "u" });
    demandProtection(address, { ...none, trustProxy: ["10.0.0.2"] });
  }
});

test("a refusal names what is missing, and the commands that would be right", () => {
  const address = { host: "10.0.0.1", port: 9850 };
  assert.throws(
    () => demandProtection(address, { ...none, ...tls }),
    /because other machines can reach it and users with passwords would be missing/,
  );
  assert.throws(
    () => demandProtection(address, none),
    (error: Error) => {
      assert.match(
        error.message,
        /: npm run -s cpc -- monitor --listen 10\.0\.0\.1:9850 --users users\.txt --tls-certificate cert\.pem --tls-key key\.pem /,
      );
      assert.match(error.message, /: npm run -s cpc -- monitor --listen 127\.0\.0\.1:9850$/);
      return true;
    },
  );
});

test("a certificate without its key is refused everywhere", () => {
  assert.throws(
    () => demandProtection({ host: "127.0.0.1", port: 1 }, { ...none, tlsCertificate: "c.pem" }),
    /a certificate needs its key/,
  );
});
