import { StringDecoder } from "node:string_decoder";
import { type Checked, orAbsent, record, text } from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { shortText } from "../ground/untrusted/short-text.js";

/** Yields the engine's lines, one JSON object each, as they arrive. */
export async function* engineEvents(answer: AsyncIterable<Buffer | string>): AsyncGenerator<EngineEvent> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of answer) {
    rest += typeof chunk === "string" ? chunk : decoder.write(chunk);
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line.trim() !== "").map(parseEvent);
  }
  if (rest.trim() !== "") yield parseEvent(rest);
}

/** One line of what the engine sends while it builds, pulls or loads. */
const engineEvent = record({
  stream: orAbsent(text),
  status: orAbsent(text),
  /** Docker's message, in an answer whose HTTP status is 200. */
  error: orAbsent(text),
  aux: orAbsent(record({ ID: orAbsent(text) })),
});

export type EngineEvent = Checked<typeof engineEvent>;

const parseEvent = (line: string): EngineEvent =>
  parseChecked(line, engineEvent, (reason) =>
    builderError("ENGINE_FAILED", `a line of the engine's answer ${reason}: ${shortText(line)}`),
  );
