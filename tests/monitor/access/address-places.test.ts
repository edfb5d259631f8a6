import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressPlaces, networkOf } from "../../../packages/monitor/src/access/address-places.ts";

test("an address has so many places and no more, whatever others have", () => {
  const places = new AddressPlaces(2);
  assert.deepEqual(
    ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"].map((address) => places.take(address)),
    [true, true, false, true],
  );
  places.leave("10.0.0.1");
  assert.deepEqual([places.take("::ffff:10.0.0.1"), places.take("10.0.0.1")], [true, false]);
});

test("addresses of one IPv6 network are one, however they are written", () => {
  const same = ["2001:db8:0:1::1", "2001:DB8:0:1:ffff:ffff:ffff:ffff", "2001:0db8::1:0:0:0:9", "2001:db8:0:1::"];
  assert.deepEqual(new Set(same.map(networkOf)), new Set(["2001:db8:0:1"]));
  assert.equal(networkOf("fe80::1%eth0"), "fe80:0:0:0");
  assert.equal(networkOf("::1"), "0:0:0:0");
  assert.notEqual(networkOf("2001:db8:0:2::1"), networkOf("2001:db8:0:1::1"));
  for (const address of ["10.0.0.1", "", "unknown"]) assert.equal(networkOf(address), address);
});
