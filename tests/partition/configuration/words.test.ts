import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { decimalOf, recognise } from "../../../packages/partition/src/configuration/words.ts";
import { modbusGrammar } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-grammar.ts";
import { opcUaGrammar } from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-grammar.ts";

const otherNames = { ...modbusGrammar.otherNames, ...opcUaGrammar.otherNames };

const dataTypes = ["Boolean", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double", "String"];
const wordOrders = ["ABCD", "CDAB", "BADC", "DCBA"];
const encodings = ["UTF-8", "ISO-8859-1", "windows-1252", "UTF-16BE"];
const policies = ["None", "Basic128Rsa15", "Basic256", "Basic256Sha256"].map((name) => `SecurityPolicy${name}`);

test("every word of a closed set is recognised in any capitals and with spaces, hyphens and underscores in it", () => {
  const separators = fc.array(fc.constantFrom("", "", "", " ", "-", "_"), { minLength: 40, maxLength: 40 });
  const capitals = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
  const sets = [
    ["DataType", dataTypes],
    ["WordOrder", wordOrders],
    ["Encoding", encodings],
    ["Policy", policies],
    ["Switch", ["true", "false"]],
  ] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...sets),
      fc.nat(),
      separators,
      capitals,
      ([typeName, words], index, between, upper) => {
        const word = words[index % words.length] ?? assert.fail();
        const letters = Array.from(word, (letter, at) =>
          upper[at] === true ? letter.toUpperCase() : letter.toLowerCase(),
        );
        const written = letters.map((letter, at) => `${letter}${between[at]}`).join("");
        assert.deepEqual(recognise(written, words, otherNames[typeName]), { word });
      },
    ),
  );
});

for (const [written, word] of [
  ["float32", "Float"],
  ["REAL", "Float"],
  ["LREAL", "Double"],
  ["Bool", "Boolean"],
  ["DINT", "Int32"],
  ["uint16_t", "UInt16"],
  ["DWORD", "UInt32"],
]) {
  test(`the data type ${written} means ${word}`, () => {
    assert.deepEqual(recognise(written ?? "", dataTypes, otherNames.DataType), { word });
  });
}

for (const [written, word] of [
  ["Latin-1", "ISO-8859-1"],
  ["CP1252", "windows-1252"],
  ["ASCII", "UTF-8"],
  ["UCS-2", "UTF-16BE"],
]) {
  test(`the encoding ${written} means ${word}`, () => {
    assert.deepEqual(recognise(written ?? "", encodings, otherNames.Encoding), { word });
  });
}

for (const [typeName, words, written, candidates] of [
  ["DataType", dataTypes, "INT", ["Int16", "Int32"]],
  ["DataType", dataTypes, "unsigned", ["UInt16", "UInt32"]],
  ["DataType", dataTypes, "Flaot", ["Float"]],
  ["DataType", dataTypes, "Int24", []],
  ["DataType", dataTypes, "Temperature", []],
  ["WordOrder", wordOrders, "little endian", ["CDAB", "DCBA"]],
  ["WordOrder", wordOrders, "BA", ["BADC", "DCBA"]],
  ["Encoding", encodings, "UTF-16LE", ["UTF-16BE"]],
  ["Policy", policies, "SecurityPolicyBasci256", ["SecurityPolicyBasic256"]],
  ["Switch", ["true", "false"], "", []],
] as const) {
  test(`${JSON.stringify(written)} for a ${typeName} is not guessed`, () => {
    assert.deepEqual(recognise(written, words, otherNames[typeName]), { candidates });
  });
}

test("hexadecimal numbers are read in the three ways people write them, everything else stays as it is", () => {
  fc.assert(
    fc.property(fc.nat(), (number) => {
      const digits = number.toString(16);
      assert.equal(decimalOf(` 0x${digits}`), String(number));
      assert.equal(decimalOf(`16#${digits.toUpperCase()}`), String(number));
      assert.equal(decimalOf(`0${digits}h`), String(number));
      assert.equal(decimalOf(String(number)), String(number));
    }),
  );
  for (const text of ["h", "0x", "abch", "0x1g", "-0x1", "1.5", ""]) assert.equal(decimalOf(text), text);
});
