import assert from "node:assert/strict";
import dns from "node:dns";
import { test } from "node:test";
import { askForAddresses } from "../../../packages/partition/src/sources/host-addresses.ts";

type Answer = (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void;

test("a name is asked for once at a time, and everybody who asked meanwhile has the answer", () => {
  const questions: { readonly host: string; readonly answer: Answer }[] = [];
  const lookup = (host: string, _: dns.LookupAllOptions, answer: Answer): void => void questions.push({ host, answer });
  const asked: string[] = [];
  const ask = (host: string, who: string): void =>
    askForAddresses(host, (error, addresses) => asked.push(`${who}: ${error?.code ?? addresses[0]?.address}`), lookup);
  ask("plant", "first");
  ask("plant", "second");
  ask("other", "third");
  assert.deepEqual(
    questions.map(({ host }) => host),
    ["plant", "other"],
  );
  questions[0]!.answer(null, [{ address: "192.0.2.1", family: 4 }]);
  assert.deepEqual(asked, ["first: 192.0.2.1", "second: 192.0.2.1"]);
  ask("plant", "later");
  assert.equal(questions.length, 3, "an answer is not kept");
  questions[2]!.answer(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), []);
  questions[1]!.answer(null, [{ address: "192.0.2.2", family: 4 }]);
  assert.deepEqual(asked.slice(2), ["later: ENOTFOUND", "third: 192.0.2.2"]);
});
