type Child = Node | string | null;

type Attributes = Readonly<Record<string, string | number | boolean | null>>;

/**
 * Makes an element. An attribute that is `true` is present without a value; one that is `false` or null is absent. Text
 * becomes text nodes, never HTML.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function setAttribute(of: Element, name: string, value: string | number | boolean | null): void {
  if (value === null || value === false) of.removeAttribute(name);
  else of.setAttribute(name, value === true ? "" : String(value));
}

/** Makes a button that runs an action. */
export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** Replaces a text only if it differs, so that a screen reader does not read it again. */
export function setText(of: Node, text: string): void {
  if (of.textContent !== text) of.textContent = text;
}
