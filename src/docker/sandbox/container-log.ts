/** What a platform makes of a program's two output streams, without keeping more of them than their ends. */
export interface ContainerLog {
  /** The last lines of both streams, in the order in which they came. */
  readonly lastLines: readonly string[];
  /** What a platform shows a user; null when nothing was written to stderr. */
  readonly lastErrorLine: string | null;
  readonly errorLines: number;
  readonly longestLineBytes: number;
  readonly isUtf8: boolean;
  readonly hasCarriageReturns: boolean;
}

const keptLines = 20;
/** Of one line, for people; longer ones are counted to their end all the same. */
const keptBytes = 4096;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** Reads stdout and stderr as bytes arrive: an engine's own log driver would have mended them. */
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

  /** Ends lines that had no end of their own. */
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

/** The line that a stream is at. */
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
