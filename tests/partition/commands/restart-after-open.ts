// Loaded before a command (`--import`): as soon as a journal was opened for the first time, journal and image get the names of the run before, as a
// partition that starts again gives them.

import { renameSync } from "node:fs";
import { nameBefore } from "../../../packages/image/src/kept-names.ts";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import { segmentPath } from "../../../packages/image/src/posix/object-name.ts";

const { open } = OpenedJournal.prototype as { readonly open: (this: OpenedJournal) => boolean };
let isDone = false;

OpenedJournal.prototype.open = function (this: OpenedJournal): boolean {
  const isOpen = open.call(this);
  if (isDone) return isOpen;
  isDone = true;
  for (const name of [this.name, this.name.replace(/journal$/, "image")])
    renameSync(segmentPath(name), segmentPath(nameBefore(name)));
  return isOpen;
};
