import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { trustCommand } from "../../../packages/partition/src/certificates/ways-out.ts";

test("the command that trusts a certificate can be pasted, wherever that is and whatever the directory is called", () => {
  assert.match(trustCommand("certificates", "AB:CD"), new RegExp(` --certificates ${resolve("certificates")} AB:CD$`));
  assert.match(trustCommand("/srv/the plant's", "AB:CD"), / --certificates '\/srv\/the plant'\\''s' AB:CD$/);
});
