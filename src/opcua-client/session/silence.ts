// node-opcua reports warnings and errors of its own on the console, where a service has nothing to lose but its log format.
// Importing this file ends that. Nothing is missed: whatever fails reaches our caller as a ServerError.

import { setDebugLogger, setErrorLogger, setWarningLogger } from "node-opcua-client";

const nothing = (): void => undefined;

setDebugLogger(nothing);
setWarningLogger(nothing);
setErrorLogger(nothing);
