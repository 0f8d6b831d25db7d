import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

/** A position in a text. Line and column count from 1, as in editors. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Thrown for a text that is not JSON, or has more levels of brackets than any document of a person. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";
  readonly place: TextPlace;

  constructor(message: string, place: TextPlace, options?: ErrorOptions) {
    super(message, options);
    this.place = place;
  }
}

/** Limits recursion in the parser for positions and in the functions that show a value in a message. */
const maxDepth = 100;

/**
 * Parses JSON that a person may have written.
 *
 * @throws JsonFault with the position and the reason of the first fault
 */
export function parseHandwritten(text: string): unknown {
  const tooDeep = offsetBelow(text, maxDepth);
  if (tooDeep !== null)
    throw new JsonFault(`more than ${maxDepth} levels of brackets`, placeAt(text, tooDeep));
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const [fault] = faultsOf(text);
    // Node's parser decides whether the text is valid. The other parser provides position and reason.
    if (fault === undefined) throw new JsonFault((cause as Error).message, placeAt(text, 0), { cause });
    throw new JsonFault(reasonOf(fault, text), placeAt(text, fault.offset), { cause });
  }
}

/**
 * Finds positions in a text that `parseHandwritten` accepted.
 *
 * @returns a function from a path of keys and indices to the position of that key or list item; null if the
 * path does not exist
 */
export function placesIn(text: string): (path: readonly string[]) => TextPlace | null {
  const root = parseTree(text);
  return (path) => {
    let found: Node | undefined;
    let value = root;
    for (const step of path) {
      found =
        value?.type === "object"
          ? // the last one counts
            value.children?.findLast((property) => property.children?.[0]?.value === step)
          : value?.children?.[Number(step)];
      value = found?.type === "property" ? found.children?.[1] : found;
    }
    return found === undefined ? null : placeAt(text, found.offset);
  };
}

function placeAt(text: string, offset: number): TextPlace {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: lines.length, column: lines.at(-1)!.length + 1 };
}

/** Returns the offset of the first bracket beyond `depth` levels; null if there is none. */
function offsetBelow(text: string, depth: number): number | null {
  const scanner = createScanner(text, true);
  let level = 0;
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text[scanner.getTokenOffset()];
    if (first === "}" || first === "]") level -= 1;
    if (first === "{" || first === "[") level += 1;
    if (level > depth) return scanner.getTokenOffset();
  }
  return null;
}

function faultsOf(text: string): readonly ParseError[] {
  const faults: ParseError[] = [];
  parseTree(text, faults, { disallowComments: true });
  return faults;
}

const reasons: Readonly<Record<string, string>> = {
  PropertyNameExpected: "expected a key in double quotes (a comma after the last entry is not allowed)",
  ValueExpected: "expected a value (a comma after the last item is not allowed)",
  ColonExpected: "expected a colon after the key",
  CommaExpected: "expected a comma",
  CloseBraceExpected: "expected a comma or }",
  CloseBracketExpected: "expected a comma or ]",
  EndOfFileExpected: "expected the end of the file",
  InvalidCommentToken: "a comment is not allowed",
  UnexpectedEndOfComment: "a comment is not allowed",
  UnexpectedEndOfString: "a string does not end on its line",
  UnexpectedEndOfNumber: "a number is incomplete",
  InvalidUnicode: "a string has an incomplete \\u escape",
  InvalidEscapeCharacter: "a string has an unknown escape; a backslash is written \\\\",
  InvalidCharacter: "a string contains a control character",
};

function reasonOf({ error, offset, length }: ParseError, text: string): string {
  const found = JSON.stringify(text.slice(offset, offset + Math.min(length, 40)));
  return reasons[printParseErrorCode(error)] ?? `${found} is not JSON; text needs double quotes`;
}
