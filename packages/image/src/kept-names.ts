// Images and journals that are over keep names of their own, so that people can see what happened before. A journal needs the images of
// its run: without them the numbers of its points mean nothing.

/** What the run before left of the object. */
export function nameBefore(name: string): string {
  return `${name}.before`;
}

/** The last image of the present run in which points had other numbers, before its configuration changed. */
export function nameEarlier(imageName: string): string {
  return `${imageName}.earlier`;
}
