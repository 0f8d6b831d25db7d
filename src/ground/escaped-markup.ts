/** Returns text as HTML and SVG write it between tags and in quoted attributes. */
export const escapedMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
