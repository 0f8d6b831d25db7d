import { homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";

/**
 * Returns the user's home, even if HOME is empty; null for a user without one, such as an unknown user id in
 * a container.
 */
export function homeFolder(): string | null {
  for (const find of [homedir, () => userInfo().homedir]) {
    const found = valueOrNull(find);
    if (found !== null && isAbsolute(found)) return found;
  }
  return null;
}

/** Node throws a system error for a user that the machine does not know. */
function valueOrNull(find: () => string): string | null {
  try {
    return find();
  } catch {
    return null;
  }
}
