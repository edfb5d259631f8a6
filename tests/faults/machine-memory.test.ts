// /dev/shm has no room, at the start or later.

import { fault } from "./fault.ts";
import { inOwnSharedMemory } from "./own-shared-memory.ts";

const sizeBytes = 1024 * 1024;
const script = new URL("./full-shared-memory.ts", import.meta.url);

fault({
  area: "Machine",
  trigger: "/dev/shm is full when the partition starts, whichever of its objects finds no room any more",
  holds:
    "exit 1 with a sentence about /dev/shm, or it runs and says what is missing; no SIGBUS, nothing left behind; with room it starts",
  run: (t) => inOwnSharedMemory(t, sizeBytes, script, "start"),
});

fault({
  area: "Machine",
  trigger:
    "/dev/shm has room for the process image of one service when the partition starts, and not for that of the other",
  holds:
    "status, health and metrics name the service without an image, and none calls that well; with room it is made, and all is well",
  run: (t) => inOwnSharedMemory(t, sizeBytes, script, "one"),
});

fault({
  area: "Machine",
  trigger: "/dev/shm fills up while the partition runs, and consumers remove its objects",
  holds: "no SIGBUS, values go on where there is memory for them, and all is put back when there is room again",
  run: (t) => inOwnSharedMemory(t, sizeBytes, script, "later"),
});

fault({
  area: "Machine",
  trigger: "a new configuration needs more room than /dev/shm has",
  holds: "the log says so, the image that is there lives on, and the file is taken over by itself when there is room",
  run: (t) => inOwnSharedMemory(t, sizeBytes, script, "reconfigured"),
});
