import { homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";

/** The user's home, also where HOME is empty; null for a user without one, as an unknown number in a container is. */
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
