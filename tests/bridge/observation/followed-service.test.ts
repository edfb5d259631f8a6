import assert from "node:assert/strict";
import { test } from "node:test";
import { FollowedService } from "../../../packages/bridge/src/observation/followed-service.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";
import { numbersServer } from "../../readers/every-type.ts";
import { TestWriter } from "../../readers/test-writer.ts";

test("an image that takes the place of another while it is looked at is the one that counts", (t) => {
  const prefix = ownPrefix(t);
  using writer = new TestWriter([numbersServer("a", 1)], `${prefix}opcua_image`);
  using service = new FollowedService(prefix, "opcua", undefined);
  const looking = t.mock.method(OpenedImage.prototype, "hasWriter", function (this: OpenedImage) {
    looking.mock.restore();
    writer.replace([numbersServer("a", 1), numbersServer("b", 1)]);
    return this.hasWriter();
  });
  assert.equal(service.look().isConnected.length, 2);
});
