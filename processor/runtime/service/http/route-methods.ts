/** The methods of each route, for answers to requests with another method. */
export class RouteMethods {
  readonly #routes: { readonly pattern: RegExp; readonly methods: Set<string> }[] = [];

  /** @param url a path with `:name` for a part and `*` for the rest */
  add(url: string, methods: readonly string[]): void {
    const source = url
      .split("/")
      .map((part) => (part.startsWith(":") ? "[^/]+" : escaped(part).replaceAll("\\*", ".*")))
      .join("/");
    this.#routes.push({ pattern: new RegExp(`^${source}$`), methods: new Set(methods) });
  }

  /** Returns the methods that a path has; none for a path without a route. */
  of(path: string): readonly string[] {
    const found = this.#routes.filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
