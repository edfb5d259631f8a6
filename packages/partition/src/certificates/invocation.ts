// How commands of this program are written in messages, so that they can be pasted where they are read.

/** A checkout runs its sources by a script of its package; what is installed, and the container, has `cpc` on its path. */
export const invocation = import.meta.url.endsWith(".ts") ? "npm run -s cpc --" : "cpc";
