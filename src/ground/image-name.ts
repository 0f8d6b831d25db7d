/**
 * Splits a registry from the rest of an image name by Docker's rule: the first part is a registry if it contains a dot
 * or a colon or is `localhost`.
 */
export function splitRegistry(imageName: string): {
  readonly registry: string | null;
  readonly path: string;
} {
  const [first = "", ...rest] = imageName.split("/");
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isRegistry ? { registry: first, path: rest.join("/") } : { registry: null, path: imageName };
}

/** Splits the tag from an image name without a digest. A colon before the last slash belongs to a port. */
export function splitTag(imageName: string): { readonly name: string; readonly tag: string | null } {
  const colon = imageName.lastIndexOf(":");
  if (colon < imageName.lastIndexOf("/") || colon < 0) return { name: imageName, tag: null };
  return { name: imageName.slice(0, colon), tag: imageName.slice(colon + 1) };
}
