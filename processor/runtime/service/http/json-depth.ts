import { serviceError } from "../errors.js";

/** Far more than any request needs. */
const deepest = 100;

/**
 * Refuses JSON that is nested too deeply to be written again. The text need not be valid.
 *
 * @throws REQUEST_INVALID
 */
export function requireShallow(text: string): void {
  let depth = 0;
  let isInText = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (isInText) {
      if (letter === "\\") i++;
      else if (letter === '"') isInText = false;
    } else if (letter === '"') isInText = true;
    else if (letter === "]" || letter === "}") depth--;
    else if ((letter === "[" || letter === "{") && ++depth > deepest)
      throw serviceError("REQUEST_INVALID", `the JSON is nested more than ${deepest} levels deep`);
  }
}
