/**
 * The result of analysing a program's two output streams as a platform does. Only the ends of the streams are
 * kept.
 */
export interface ContainerLog {
  /** The last lines of both streams, in order of arrival. */
  readonly lastLines: readonly string[];
  /** The line that a platform shows to a user; null if nothing was written to stderr. */
  readonly lastErrorLine: string | null;
  readonly errorLines: number;
  readonly longestLineBytes: number;
  readonly isUtf8: boolean;
  readonly hasCarriageReturns: boolean;
}

const keptLines = 20;
/** Maximum length of a kept line. Longer lines are still read to their end. */
const keptBytes = 4096;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** Reads stdout and stderr as raw bytes, because an engine's own log driver would repair invalid ones. */
export class ContainerLogReader {
  readonly #streams = { stdout: new LineBytes(), stderr: new LineBytes() };
  readonly #lastLines: string[] = [];
  #lastErrorLine: string | null = null;
  #errorLines = 0;
  #longestLineBytes = 0;
  #isUtf8 = true;
  #hasCarriageReturns = false;

  take(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      this.#streams[stream].add(bytes.subarray(start, end));
      this.#endLine(stream);
      start = end + 1;
    }
    this.#streams[stream].add(bytes.subarray(start));
  }

  /** Completes the last lines if they have no line break. */
  finish(): ContainerLog {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#streams[stream].length > 0) this.#endLine(stream);
    }
    return {
      lastLines: this.#lastLines,
      lastErrorLine: this.#lastErrorLine,
      errorLines: this.#errorLines,
      longestLineBytes: this.#longestLineBytes,
      isUtf8: this.#isUtf8,
      hasCarriageReturns: this.#hasCarriageReturns,
    };
  }

  #endLine(stream: "stdout" | "stderr"): void {
    const { text, length, isUtf8, hasCarriageReturns } = this.#streams[stream].end();
    this.#streams[stream] = new LineBytes();
    this.#longestLineBytes = Math.max(this.#longestLineBytes, length);
    this.#isUtf8 &&= isUtf8;
    this.#hasCarriageReturns ||= hasCarriageReturns;
    if (text.trim() === "") return;
    this.#lastLines.push(text);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
    if (stream === "stdout") return;
    this.#errorLines++;
    this.#lastErrorLine = text;
  }
}

/** The bytes of the current line of a stream. */
class LineBytes {
  length = 0;
  #text = "";
  #isUtf8 = true;
  #hasCarriageReturns = false;
  #decoder = new TextDecoder("utf-8", { fatal: true });

  add(bytes: Uint8Array): void {
    this.#hasCarriageReturns ||= bytes.subarray(0, -1).includes(carriageReturn);
    this.length += bytes.length;
    this.#decode(() => this.#decoder.decode(bytes, { stream: true }));
  }

  end() {
    this.#decode(() => this.#decoder.decode());
    return {
      text: this.#text.trimEnd(),
      length: this.length,
      isUtf8: this.#isUtf8,
      hasCarriageReturns: this.#hasCarriageReturns,
    };
  }

  #decode(decoded: () => string): void {
    if (!this.#isUtf8) return;
    try {
      const more = decoded();
      if (this.#text.length < keptBytes) this.#text += more.slice(0, keptBytes);
    } catch {
      this.#isUtf8 = false;
      this.#text += " (not UTF-8)";
    }
  }
}
