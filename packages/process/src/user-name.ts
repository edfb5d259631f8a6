import { userInfo } from "node:os";

/** Of the user of this process. In a container, in a unit with `DynamicUser` or with a number for its `User`, the number may have none. */
export function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
