// Each case is the right certificate with one thing wrong, and says which check has to find it. Keeps the checks apart: a case fails
// exactly the checks named, no others.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  checkAhead,
  checkServerCertificate,
  noRelaxations,
} from "../../../packages/partition/src/certificates/server-certificate-check.ts";
import type {
  Relaxations,
  CertificateVerdict,
  ServerCertificateExpectations,
} from "../../../packages/partition/src/certificates/server-certificate-check.ts";
import {
  ParsedCertificate,
  ParsedRevocationList,
} from "../../../packages/partition/src/certificates/parsed-certificate.ts";
import { certificate, dayMs, Extension, KeyUsageFlags, revocationList } from "../../plant/certificates.ts";
import type { CertificateWishes } from "../../plant/certificates.ts";

const strict = noRelaxations;
const allRelaxed = Object.fromEntries(Object.keys(strict).map((name) => [name, true])) as unknown as Relaxations;

const expectations: ServerCertificateExpectations = {
  pinned: undefined,
  trusted: [],
  issuers: [],
  revocationLists: [],
  hostName: "plc.example",
  applicationUri: "urn:example:server",
  nowMs: Date.now(),
  relaxations: strict,
};

function verdict(
  chain: readonly Uint8Array[],
  change: Partial<ServerCertificateExpectations> = {},
): CertificateVerdict {
  return checkServerCertificate(chain, { ...expectations, ...change });
}

function failed(chain: readonly Uint8Array[], change: Partial<ServerCertificateExpectations> = {}): string[] {
  return verdict(chain, change).failed.map(({ check }) => check);
}

const root = { name: "root" };
const middle = { name: "middle" };
const now = Date.now();
const partOnly = new Extension("2.5.29.28", false, Uint8Array.of(0x30, 3, 0x81, 1, 0xff)); // issuing distribution point: user certificates
const changesOnly = new Extension("2.5.29.27", true, Uint8Array.of(2, 1, 1)); // delta CRL indicator

let self: Buffer;
let rootDer: Buffer;
let middleDer: Buffer;
let issued: Buffer;
let rootList: Buffer;
let middleList: Buffer;

before(async () => {
  self = (await certificate({ name: "self" })).der;
  rootDer = (await certificate({ name: "root", authority: true })).der;
  middleDer = (await certificate({ name: "middle", issuer: root, authority: true, serialNumber: "0b" })).der;
  issued = (await certificate({ name: "issued", issuer: middle, serialNumber: "0a" })).der;
  rootList = await revocationList({ issuer: root });
  middleList = await revocationList({ issuer: middle });
});

/** Everything that the certificate issued by "middle" needs. */
function authorities(change: Partial<ServerCertificateExpectations> = {}): Partial<ServerCertificateExpectations> {
  return { trusted: [rootDer], issuers: [middleDer], revocationLists: [rootList, middleList], ...change };
}

describe("a self-signed certificate", () => {
  const cases: readonly (readonly [string, Partial<CertificateWishes>, readonly string[]])[] = [
    ["with everything right", {}, []],
    ["that expired", { notAfterMs: now - 1000 }, ["Expired"]],
    ["that is not yet valid", { notBeforeMs: now + dayMs }, ["NotYetValid"]],
    ["for another host", { hosts: ["other.example", "192.0.2.8"] }, ["HostName"]],
    ["for a host name with a wildcard", { hosts: ["*.example"] }, ["HostName"]],
    ["for no host at all", { hosts: [] }, ["HostName"]],
    ["with another application URI", { uri: "urn:example:other" }, ["ApplicationUri"]],
    ["without an application URI", { uri: "" }, ["ApplicationUri"]],
    ["with 1024 bits", { key: { bits: 1024 } }, ["KeyLength"]],
    ["signed with SHA-1", { key: { hash: "SHA-1" } }, ["HashAlgorithm"]],
    ["with an elliptic curve key", { key: { type: "EC" } }, ["KeyType"]],
    ["whose key may not decrypt", { keyUsage: KeyUsageFlags.digitalSignature }, ["KeyUsage"]],
    [
      "whose key may not sign",
      { keyUsage: KeyUsageFlags.keyEncipherment | KeyUsageFlags.dataEncipherment },
      ["KeyUsage"],
    ],
    ["for clients only", { extendedKeyUsage: ["1.3.6.1.5.5.7.3.2"] }, ["KeyUsage"]],
    ["for servers and clients", { extendedKeyUsage: ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"] }, []],
    [
      "with a critical extension that nobody knows",
      { extensions: [new Extension("1.2.3.4", true, Uint8Array.of(5, 0))] },
      ["Readable"],
    ],
    ["with all at once", { notAfterMs: now - 1000, hosts: [], uri: "" }, ["Expired", "HostName", "ApplicationUri"]],
  ];
  for (const [what, wishes, expected] of cases) {
    test(`${what} is ${expected.length === 0 ? "accepted" : `refused: ${expected.join(", ")}`}`, async () => {
      const { der } = await certificate({ name: "self", ...wishes });
      assert.deepEqual(failed([der], { trusted: [der] }), expected);
      // Only a pin overlooks names, and nothing else.
      const pinned = expected.filter((check) => check !== "HostName" && check !== "ApplicationUri");
      assert.deepEqual(failed([der], { pinned: der }), pinned);
    });
  }

  test("of 4096 bits is accepted, a longer one is not", async () => {
    const [most, more] = await Promise.all([4096, 4104].map((bits) => certificate({ name: "long", key: { bits } })));
    assert.ok(most && more);
    assert.deepEqual(failed([most.der], { trusted: [most.der] }), []);
    assert.deepEqual(failed([more.der], { trusted: [more.der] }), ["KeyLength"]);
  });

  test("that is unknown is refused", async () => {
    assert.deepEqual(failed([self]), ["Trusted"]);
    assert.deepEqual(failed([self], { issuers: [self] }), ["Trusted"]);
  });

  test("with a wrong signature is refused, even when it lies in the trust list or is pinned", async () => {
    const forged = Buffer.from(self);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    assert.deepEqual(failed([forged], { trusted: [self] }), ["Trusted", "Signature"]);
    assert.deepEqual(failed([forged], { trusted: [forged] }), ["Signature"]);
    assert.deepEqual(failed([forged], { pinned: forged }), ["Signature"]);
    assert.deepEqual(failed([forged], { pinned: self }), ["Pinned"]);
  });

  test("is refused when the configuration names another one, even if it is trusted", () => {
    assert.deepEqual(failed([self], { trusted: [self], pinned: rootDer }), ["Pinned"]);
  });

  test("that is cut off, changed in its structure or rubbish is refused as unreadable", () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from("rubbish"),
      self.subarray(0, -1),
      self.subarray(0, 40),
      Buffer.concat([self.subarray(0, 4), Buffer.alloc(self.length - 4)]),
    ]) {
      assert.deepEqual(failed([bytes], { trusted: [bytes] }), ["Readable"]);
      assert.deepEqual(failed([bytes], { pinned: bytes }), ["Readable"]);
    }
  });

  test("with any single byte changed is never accepted in its place", () => {
    for (let at = 0; at < self.length; at += 7) {
      const changed = Buffer.from(self);
      changed[at] = (changed[at] ?? 0) ^ 0x55;
      assert.notDeepEqual(failed([changed], { trusted: [self] }), []);
    }
  });
});

describe("the host of the endpoint URL", () => {
  for (const [named, dialled] of [
    ["PLC.Example", "plc.example"],
    ["plc.example", "PLC.EXAMPLE."],
    ["192.0.2.7", "192.0.2.7"],
    ["2001:db8::7", "2001:0DB8:0:0:0:0:0:7"],
    ["xn--anlage--cxa.example", "anlage-ä.example"],
  ] as const) {
    test(`${dialled} is found as ${named}`, async () => {
      const { der } = await certificate({ name: "self", hosts: [named] });
      assert.deepEqual(failed([der], { trusted: [der], hostName: dialled }), []);
    });
  }
});

describe("a certificate of an authority", () => {
  test("is accepted when the root is trusted, the issuer known and nothing revoked", () => {
    assert.deepEqual(failed([issued], authorities()), []);
  });

  test("is accepted when the server itself shows the authority in between", () => {
    assert.deepEqual(failed([issued, middleDer], authorities({ issuers: [] })), []);
  });

  test("is accepted when the authority in between is the trusted one, and the root known", () => {
    assert.deepEqual(failed([issued], authorities({ trusted: [middleDer], issuers: [rootDer] })), []);
  });

  test("is refused when its authorities are known but not trusted", () => {
    assert.deepEqual(failed([issued], authorities({ trusted: [], issuers: [rootDer, middleDer] })), ["Trusted"]);
  });

  test("is not believed because it shows its root itself", () => {
    assert.deepEqual(failed([issued, middleDer, rootDer], authorities({ trusted: [], issuers: [] })), ["Trusted"]);
  });

  test("is refused when its issuer is missing", () => {
    const change = authorities({ issuers: [] });
    assert.deepEqual(failed([issued], change), ["Trusted", "Chain", "RevocationUnknown"]);
    // The root is missing: nobody vouches for the one in between but the trust list.
    const untilMiddle = authorities({ trusted: [middleDer], issuers: [] });
    assert.deepEqual(failed([issued], untilMiddle), ["Chain", "RevocationUnknown"]);
  });

  test("that lies in the trust list or is pinned needs no issuer but for its revocation", () => {
    for (const change of [{ trusted: [issued] }, { pinned: issued }]) {
      assert.deepEqual(failed([issued], change), ["RevocationUnknown"]);
      const relaxations = { ...strict, ignoreUnknownRevocation: true };
      assert.deepEqual(failed([issued], { ...change, relaxations }), []);
    }
  });

  test("is refused when another key than the issuer's signed it", async () => {
    const { der } = await certificate({ name: "issued", issuer: { name: "middle", keyName: "impostor" } });
    assert.deepEqual(failed([der], authorities()), ["Trusted", "Signature"]);
    assert.deepEqual(failed([der], authorities({ trusted: [der, rootDer] })), ["Signature"]);
  });

  test("is refused when the issuer is no authority", async () => {
    const server = await certificate({ name: "middle" });
    const change = authorities({ trusted: [server.der], issuers: [] });
    // Nor may these sign a revocation list.
    assert.deepEqual(failed([issued], change), ["Chain", "RevocationUnknown"]);
    const noSigner = await certificate({ name: "middle", authority: true, keyUsage: KeyUsageFlags.cRLSign });
    assert.deepEqual(failed([issued], { ...change, trusted: [noSigner.der] }), ["Chain"]);
    const noAuthority = await certificate({ name: "middle", keyUsage: KeyUsageFlags.keyCertSign });
    assert.deepEqual(failed([issued], { ...change, trusted: [noAuthority.der] }), ["Chain", "RevocationUnknown"]);
  });

  test("is refused when the path is longer than an authority allows", async () => {
    const [none, one] = await Promise.all([0, 1].map((authority) => certificate({ name: "root", authority })));
    assert.ok(none && one);
    assert.deepEqual(failed([issued], authorities({ trusted: [none.der] })), ["Chain"]);
    assert.deepEqual(failed([issued], authorities({ trusted: [one.der] })), []);
  });

  test("is accepted when an authority between has a new key: a certificate for that takes no place in the path", async () => {
    const old = await certificate({ name: "root", keyName: "old root", authority: 1 });
    const by = { name: "root", keyName: "old root" };
    const renewed = async (key = {}) =>
      await certificate({ name: "root", issuer: { ...by, ...key }, authority: true, serialNumber: "0c" });
    const lists = [rootList, middleList, await revocationList({ issuer: by })];
    const known = authorities({ trusted: [old.der], issuers: [middleDer], revocationLists: lists });
    assert.deepEqual(failed([issued, (await renewed()).der], known), []);
    const none = await certificate({ name: "root", keyName: "old root", authority: 0 });
    assert.deepEqual(failed([issued, (await renewed()).der], { ...known, trusted: [none.der] }), ["Chain"]);
    // It is no root, so its signature counts.
    const weak = { key: { hash: "SHA-1" } } as const;
    const weakRoot = await certificate({ name: "root", keyName: "old root", ...weak, authority: true });
    const weakLists = [rootList, middleList, await revocationList({ issuer: { ...by, ...weak } })];
    const change = { ...known, trusted: [weakRoot.der], revocationLists: weakLists };
    assert.deepEqual(failed([issued, (await renewed(weak)).der], change), ["HashAlgorithm", "RevocationUnknown"]);
  });

  test("is accepted when an authority was renewed with its key, wherever the certificate of before lies", async () => {
    const rootBefore = (await certificate({ name: "root", authority: true, notAfterMs: now - 1000 })).der;
    const middleBefore = await certificate({
      name: "middle",
      issuer: root,
      authority: true,
      serialNumber: "0c",
      notAfterMs: now - 1000,
    });
    for (const trusted of [
      [rootBefore, rootDer],
      [rootDer, rootBefore],
    ])
      for (const issuers of [
        [middleBefore.der, middleDer],
        [middleDer, middleBefore.der],
      ])
        assert.deepEqual(failed([issued], authorities({ trusted, issuers })), []);
    assert.deepEqual(failed([issued], authorities({ trusted: [rootBefore] })), ["Expired"]);
  });

  test("is refused when an authority has a critical extension that is not known, also one that limits names", async () => {
    for (const type of ["1.2.3.4", "2.5.29.30", "2.5.29.36", "2.5.29.54"]) {
      const extensions = [new Extension(type, true, Uint8Array.of(48, 0))];
      const limited = await certificate({ name: "root", authority: true, extensions });
      assert.deepEqual(failed([issued], authorities({ trusted: [limited.der] })), ["Readable"], type);
    }
  });

  test("is refused when its chain goes in a circle, or is longer than any real one", async () => {
    const a = await certificate({ name: "a", issuer: { name: "b" }, authority: true });
    const b = await certificate({ name: "b", issuer: { name: "a" }, authority: true });
    const leaf = await certificate({ name: "leaf", issuer: { name: "a" } });
    const circle = { trusted: [a.der], issuers: [b.der], relaxations: { ...strict, ignoreUnknownRevocation: true } };
    assert.deepEqual(failed([leaf.der], circle), ["Chain"]);
    const links = await Promise.all(
      Array.from({ length: 9 }, (_, i) =>
        certificate({
          name: `link ${i}`,
          keyName: "link",
          authority: i > 0,
          ...(i === 8 ? {} : { issuer: { name: `link ${i + 1}`, keyName: "link" } }),
        }),
      ),
    );
    const [first, ...rest] = links.map(({ der }) => der);
    assert.ok(first);
    assert.deepEqual(failed([first], { ...circle, trusted: rest }), ["Chain"]);
  });

  test("is refused when an authority expired, is weak or signed with SHA-1", async () => {
    const expired = await certificate({ name: "root", authority: true, notAfterMs: now - 1000 });
    assert.deepEqual(failed([issued], authorities({ trusted: [expired.der] })), ["Expired"]);

    const weak = { name: "weak", key: { bits: 1024 } };
    const weakRoot = await certificate({ ...weak, authority: true });
    const byWeak = await certificate({ name: "leaf", issuer: weak });
    const lists = [await revocationList({ issuer: weak })];
    assert.deepEqual(failed([byWeak.der], { trusted: [weakRoot.der], revocationLists: lists }), ["KeyLength"]);

    const old = await certificate({ name: "leaf", issuer: { name: "old", key: { hash: "SHA-1" } } });
    const oldRoot = await certificate({ name: "old", key: { hash: "SHA-1" }, authority: true });
    const oldLists = [await revocationList({ issuer: { name: "old", key: { hash: "SHA-1" } } })];
    const known = { trusted: [oldRoot.der], revocationLists: oldLists };
    assert.deepEqual(failed([old.der], known), ["HashAlgorithm", "RevocationUnknown"]);
  });
});

describe("revocation", () => {
  test("of the certificate or of an authority above it is never overlooked", async () => {
    const relaxations = allRelaxed;
    const leaf = await revocationList({ issuer: middle, revoked: ["0a"] });
    const authority = await revocationList({ issuer: root, revoked: ["0b"] });
    for (const change of [{}, { relaxations }, { trusted: [issued, rootDer] }, { pinned: issued }]) {
      const known = authorities({ ...change, revocationLists: [rootList, leaf] });
      assert.deepEqual(failed([issued], known), ["Revoked"]);
      assert.deepEqual(failed([issued], { ...known, revocationLists: [authority, middleList] }), ["Revoked"]);
    }
  });

  test("is unknown without a list, with one of another issuer or key, and with one that is out of date or of the future", async () => {
    const lists = {
      "no list": [],
      "another issuer's list": [await revocationList({ issuer: { name: "self" } })],
      "a list signed by another key": [await revocationList({ issuer: { name: "middle", keyName: "impostor" } })],
      "a list that is out of date": [await revocationList({ issuer: middle, nextUpdateMs: now - 1000 })],
      "a list of the future": [await revocationList({ issuer: middle, thisUpdateMs: now + 1000 * 60 })],
      "a list without an end": [await revocationList({ issuer: middle, hasNoEnd: true })],
      "a list signed with SHA-1": [await revocationList({ issuer: middle, hash: "SHA-1" })],
      "a list of changes only": [await revocationList({ issuer: middle, extensions: [changesOnly] })],
      rubbish: [Buffer.from("rubbish")],
      "a list of a part only, which says so too softly": [
        await revocationList({ issuer: middle, extensions: [partOnly] }),
      ],
    };
    for (const [what, list] of Object.entries(lists)) {
      const known = authorities({ revocationLists: [rootList, ...list] });
      assert.deepEqual(failed([issued], known), ["RevocationUnknown"], what);
      const relaxations = { ...strict, ignoreUnknownRevocation: true };
      assert.deepEqual(failed([issued], { ...known, relaxations }), [], what);
    }
  });

  test("is not denied by a list without an end or with a weak signature, which revokes all the same", async () => {
    for (const [wish, reason] of [
      [{ hasNoEnd: true }, "does not say until when it is in force (nextUpdate)"],
      [{ hash: "SHA-1" }, "is signed with SHA-1; use SHA-256 or longer"],
    ] as const) {
      const weak = await revocationList({ issuer: middle, ...wish });
      const unknown = verdict([issued], authorities({ revocationLists: [rootList, weak] })).failed;
      assert.deepEqual(unknown, [
        { check: "RevocationUnknown", reason: `the revocation list of "CN=middle" ${reason}` },
      ]);
      assert.deepEqual(failed([issued], authorities({ revocationLists: [rootList, weak, middleList] })), []);
      const revoking = await revocationList({ issuer: middle, revoked: ["0a"], thisUpdateMs: now - 1000, ...wish });
      const known = authorities({ revocationLists: [rootList, revoking, middleList], relaxations: allRelaxed });
      assert.deepEqual(failed([issued], known), ["Revoked"]);
      const older = await revocationList({ issuer: middle, revoked: ["0a"], thisUpdateMs: now - 2 * dayMs });
      const both = authorities({ revocationLists: [rootList, weak, older] });
      assert.deepEqual(failed([issued], both), ["Revoked"], "a weak list that is newer takes nothing back");
    }
    const foreign = await revocationList({ issuer: { name: "middle", keyName: "impostor" } });
    const [unsigned] = verdict([issued], authorities({ revocationLists: [rootList, foreign] })).failed;
    assert.equal(unsigned?.reason, 'there is no revocation list of "CN=middle" whose signature can be verified');
  });

  test("is not denied by a list of an authority whose key usage forbids it to sign one, but told", async () => {
    const noLists = await certificate({
      name: "middle",
      issuer: root,
      authority: true,
      serialNumber: "0b",
      keyUsage: KeyUsageFlags.keyCertSign,
    });
    const known = authorities({ issuers: [noLists.der] });
    const [unknown, ...others] = verdict([issued], known).failed;
    assert.deepEqual(others, []);
    assert.deepEqual(unknown, {
      check: "RevocationUnknown",
      reason: '"CN=middle" may not sign a revocation list: its key usage forbids it',
    });
    const revoked = await revocationList({ issuer: middle, revoked: ["0a"] });
    const relaxations = allRelaxed;
    assert.deepEqual(failed([issued], { ...known, relaxations, revocationLists: [rootList, revoked] }), ["Revoked"]);
  });

  test("is unknown when an entry of the list says something critical that is not known here", async () => {
    const holds = new Extension("1.2.3.4", true, Uint8Array.of(5, 0));
    for (const [extensions, expected] of [
      [[holds], ["RevocationUnknown"]],
      [[new Extension("1.2.3.4", false, Uint8Array.of(5, 0))], []],
    ] as const) {
      const list = await revocationList({ issuer: middle, revoked: ["0f"], entryExtensions: extensions });
      assert.deepEqual(failed([issued], authorities({ revocationLists: [rootList, list] })), expected);
    }
    const list = await revocationList({ issuer: middle, revoked: ["0f"], entryExtensions: [holds] });
    assert.equal(new ParsedRevocationList(list).content.isComplete, false);
    // "FALSE" need not be written, but some do.
    list[list.indexOf(Buffer.from([1, 1, 0xff])) + 2] = 0;
    assert.equal(new ParsedRevocationList(list).content.isComplete, true);
  });

  test("is told by an outdated list, too, but the newest list counts", async () => {
    const outdated = await revocationList({ issuer: middle, revoked: ["0a"], nextUpdateMs: now - 1000 });
    assert.deepEqual(failed([issued], authorities({ revocationLists: [rootList, outdated] })), ["Revoked"]);
    const older = await revocationList({ issuer: middle, revoked: ["0a"], thisUpdateMs: now - 5 * dayMs });
    assert.deepEqual(failed([issued], authorities({ revocationLists: [rootList, older, middleList] })), []);
  });

  test("is found in a list of thousands", async () => {
    const others = Array.from({ length: 3500 }, (_, at) => (0x1000 + at).toString(16));
    for (const [revoked, expected] of [
      [[...others, "0a"], ["Revoked"]],
      [others, []],
    ] as const) {
      const list = await revocationList({ issuer: middle, revoked });
      assert.deepEqual(failed([issued], authorities({ revocationLists: [rootList, list] })), expected);
    }
  });

  test("is unknown with a list that cannot be read, and the reason says why", async () => {
    const entry = Buffer.from([0x30, 0x14, 0x02, 1, 0x0b]);
    const list = await revocationList({ issuer: middle, revoked: ["0b"] });
    const at = list.indexOf(entry);
    assert.ok(at > 0);
    for (const [offset, value, reason] of [
      [1, 0x7f, "it is cut off"],
      [2, 0x04, "an entry of it has no serial number"],
    ] as const) {
      const spoiled = Buffer.from(list);
      spoiled[at + offset] = value;
      const [unknown] = verdict([issued], authorities({ revocationLists: [rootList, spoiled] })).failed;
      assert.equal(
        unknown?.reason,
        'there is no revocation list of "CN=middle" (a file of trusted/crl or issuers/crl is passed over: ' +
          `it is not a certificate revocation list: ${reason})`,
      );
    }
  });

  test("of a serial number with leading zeros is the same number", async () => {
    const list = await revocationList({ issuer: middle, revoked: ["000a"] });
    assert.deepEqual(failed([issued], authorities({ revocationLists: [rootList, list] })), ["Revoked"]);
  });
});

function cpuMs(work: () => void): number {
  const earlier = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(earlier);
  return (user + system) / 1000;
}

test("a trust list of a thousand servers costs a check no parsing of each", async () => {
  const others = Array.from({ length: 1000 }, () => Buffer.from(self));
  const parsingMs = cpuMs(() => others.slice(0, 300).forEach((der) => new ParsedCertificate(der)));
  const known = authorities({ trusted: [...others, rootDer] });
  assert.deepEqual(failed([issued], known), []);
  const checkMs = cpuMs(() => assert.deepEqual(failed([issued], known), []));
  assert.ok(checkMs < parsingMs, `${checkMs} ms, and to parse 300 takes ${parsingMs} ms`);
});

describe("what a site relaxes", () => {
  const all: readonly (readonly [keyof typeof strict, Partial<CertificateWishes>, string])[] = [
    ["ignoreHostName", { hosts: ["other.example"] }, "HostName"],
    ["ignoreExpiry", { notAfterMs: now - 1000 }, "Expired"],
    ["ignoreExpiry", { notBeforeMs: now + dayMs }, "NotYetValid"],
  ];
  for (const [relaxation, wishes, check] of all) {
    test(`${relaxation} overlooks ${check}, says so, and nothing else does`, async () => {
      const { der } = await certificate({ name: "self", ...wishes });
      const others = Object.fromEntries(Object.keys(strict).map((name) => [name, name !== relaxation]));
      assert.deepEqual(failed([der], { trusted: [der], relaxations: { ...strict, ...others } }), [check]);
      const { failed: none, tolerated } = verdict([der], {
        trusted: [der],
        relaxations: { ...strict, [relaxation]: true },
      });
      assert.deepEqual(none, []);
      assert.deepEqual(
        tolerated.map(({ check: name, because }) => [name, because]),
        [[check, relaxation.replace("ignore", "Ignore")]],
      );
    });
  }

  const strengths: readonly (readonly [keyof typeof strict, Partial<CertificateWishes>, string])[] = [
    ["ignoreKeyLength", { key: { bits: 1024 } }, "KeyLength"],
    ["ignoreHashAlgorithm", { key: { hash: "SHA-1" } }, "HashAlgorithm"],
    ["ignoreKeyUsage", { keyUsage: KeyUsageFlags.digitalSignature }, "KeyUsage"],
    ["ignoreKeyUsage", { extendedKeyUsage: ["1.3.6.1.5.5.7.3.2"] }, "KeyUsage"],
  ];
  for (const [relaxation, wishes, check] of strengths) {
    test(`${relaxation} overlooks ${check} of a pinned certificate (${JSON.stringify(wishes)}), never of a trusted one`, async () => {
      const { der } = await certificate({ name: "self", ...wishes });
      const others = { ...allRelaxed, [relaxation]: false };
      assert.deepEqual(failed([der], { pinned: der, relaxations: others }), [check]);
      assert.deepEqual(failed([der], { trusted: [der], relaxations: allRelaxed }), [check]);
      const { failed: none, tolerated } = verdict([der], {
        pinned: der,
        relaxations: { ...strict, [relaxation]: true },
      });
      assert.deepEqual(none, []);
      assert.deepEqual(
        tolerated.map(({ check: name, because }) => [name, because]),
        [[check, relaxation.replace("ignore", "Ignore")]],
      );
    });
  }

  test("a pinned certificate of an old device, wrong in all that may be, passes; a key that can be broken does not", async () => {
    const old = { hosts: [], uri: "", keyUsage: KeyUsageFlags.keyEncipherment, notAfterMs: now - dayMs };
    const { der } = await certificate({ name: "old", ...old, key: { bits: 1024, hash: "SHA-1" } });
    assert.deepEqual(failed([der], { pinned: der, relaxations: allRelaxed }), []);
    assert.deepEqual(failed([der], { trusted: [der], relaxations: allRelaxed }).includes("KeyLength"), true);
    const { der: short } = await certificate({ name: "short", key: { bits: 768 } });
    assert.deepEqual(failed([short], { pinned: short, relaxations: allRelaxed }), ["KeyType"]);
  });

  test("a pin makes another host name or application URI a warning", async () => {
    const { der } = await certificate({ name: "self", hosts: ["other.example"], uri: "urn:example:other" });
    const { failed: none, tolerated } = verdict([der], { pinned: der });
    assert.deepEqual(none, []);
    assert.deepEqual(
      tolerated.map(({ check, because }) => [check, because]),
      [
        ["HostName", "Pinned"],
        ["ApplicationUri", "Pinned"],
      ],
    );
  });
});

test("ahead of the connection a certificate is compared with what is known of the server, as if it were trusted", () => {
  const none = { trusted: [], issuers: [], revocationLists: [] };
  const ahead = (dialled: Parameters<typeof checkAhead>[2]): string[] =>
    checkAhead([self], none, dialled, now).map(({ check }) => check);
  assert.deepEqual(ahead({}), []);
  assert.deepEqual(ahead({ hostName: "plc.example", applicationUri: "urn:example:server" }), []);
  assert.deepEqual(ahead({ hostName: "other.example" }), ["HostName"]);
  assert.deepEqual(ahead({ applicationUri: "urn:other" }), ["ApplicationUri"]);
});
