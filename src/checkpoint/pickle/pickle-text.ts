/** Decodes Python's raw-unicode-escape, which escapes only code points. */
export const rawUnicode = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}))/g, (_, short, long) =>
    String.fromCodePoint(Number.parseInt((short ?? long) as string, 16)),
  );

/** Decodes the quoted repr of a Python 2 string. */
export const quotedString = (text: string): string =>
  text
    .replace(/^(['"])(.*)\1$/s, "$2")
    .replace(/\\(?:x([0-9a-fA-F]{2})|([\\'"nrt]))/g, (_, hex, letter) =>
      hex === undefined
        ? ({ n: "\n", r: "\r", t: "\t" }[letter as string] ?? (letter as string))
        : String.fromCharCode(Number.parseInt(hex as string, 16)),
    );
