// The numbers of the chunks that a server sends. OPC 10000-6, 6.7.2.4: "The SequenceNumber shall also monotonically increase for all Messages and
// shall not wrap around until it is greater than 4 294 966 271 (UInt32.MaxValue – 1 024). The first number after the wrap around shall be less than
// 1 024." node-opcua knows no number after the last, and would end the connection.
//
// tests/partition/protocols/opcua/channel/chunk-numbers.test.ts fails when the library changes underneath.

import type { MessageBuilder } from "node-opcua-client";

const lastBeforeWrap = 4_294_966_271;
const mostAfterWrap = 1023;

function follows(number: number, previous: number): boolean {
  return number === previous + 1 || (previous >= lastBeforeWrap && number <= mostAfterWrap);
}

/** From now on the builder takes chunks behind the wrap, and refuses any other number as before. */
export function followWrap(builder: MessageBuilder): void {
  // The builder compares with the last number before the wrap, for good, and says so of every chunk behind that.
  let previous: number | undefined;
  let isFollowing = false;
  builder.on("invalid_sequence_number", (expected, actual) => {
    isFollowing = follows(actual, previous ?? expected - 1);
    if (isFollowing) previous = actual;
  });
  const report = Reflect.get(builder, "_report_error") as (...reported: unknown[]) => false;
  Object.assign(builder, {
    _report_error: (...reported: unknown[]): boolean => {
      if (!isFollowing) return report.apply(builder, reported);
      isFollowing = false;
      return true;
    },
  });
}
