/** Returns texts, each with a name, on which a parser that backtracks takes time proportional to the square of the length. */
export function adversarialTexts(length: number): readonly (readonly [name: string, text: string])[] {
  const repeated = (part: string, start = "", end = ""): string =>
    `${start}${part.repeat(Math.ceil(length / part.length))}${end}`;
  const nested = (open: string, close: string): string => {
    const depth = Math.floor(length / (open.length + close.length));
    return `${open.repeat(depth)}1${close.repeat(depth)}`;
  };
  return [
    ["escaped quotes that never close", repeated('\\"', '{"x": "')],
    ["backslashes", repeated("\\", '"')],
    ["quotes", repeated('"')],
    ["blanks before a wrong character", repeated(" ", "{(1", "x}")],
    ["blanks alone", repeated(" ")],
    ["tabs and line feeds", repeated("\t\n", "{", "x")],
    ["brackets that open", repeated("[")],
    ["braces that open", repeated('{"a":')],
    ["lists in lists", nested("[", "]")],
    ["objects in objects", nested('{"a":', "}")],
    ["parentheses that open", repeated("(", "{")],
    ["digits", repeated("1")],
    ["digits in a dictionary", repeated("1", "{(", "}")],
    ["digits and commas", repeated("1,", "{(", "}")],
    ["digits, commas and blanks", repeated("1 , ", "{(", "}")],
    ["zeros after a point", repeated("0", "0.", "x")],
    ["exponents", repeated("1e")],
    ["minus signs", repeated("-")],
    ["dots", repeated(".")],
    ["names and dots", repeated("a.")],
    ["underscores", repeated("_")],
    ["letters", repeated("a")],
    ["letters before a wrong ending", repeated("E", "", "Erro")],
    ["slashes", repeated("/")],
    ["slashes before a letter", repeated("/", "https://", "x")],
    ["slashes and dots", repeated("../")],
    ["dashes", repeated("a-")],
    ["equals signs and colons", repeated("a=b:")],
    ["colons before a slash", repeated(":", "a", "/")],
    ["at signs before a line feed", repeated("@", "a", "\n")],
    ["commas", repeated(",")],
    ["line feeds", repeated("\n")],
    ["line feeds before a letter", repeated("\n", "", "x")],
    ["carriage returns", repeated("\r")],
    ["halves of surrogate pairs", repeated("\ud800")],
    ["zero bytes", repeated("\0")],
    ["names in braces", repeated("{a")],
    ["braces that close", repeated("}")],
    ["percent signs", repeated("%")],
    ["NaN and minus", repeated("-Infinit")],
    ["escapes that are cut off", repeated("\\u12")],
    ["byte escapes that are cut off", repeated("\\x1", "'", "'")],
  ];
}
