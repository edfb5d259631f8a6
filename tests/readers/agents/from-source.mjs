// Lets the example of the Node reader run in a checkout that was not built.

import { registerHooks } from "node:module";

const source = new URL("../../../packages/image/src/reader.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) => next(specifier === "@cpc-partition/image" ? source : specifier, context),
});
