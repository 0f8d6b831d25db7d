/** Returns a name from an untrusted file in a form that is safe for a terminal. */
export const printable = (text: string): string => {
  const clean = text.replace(/[^\x20-\x7e]/g, "?");
  return clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
};
