import { StringDecoder } from "node:string_decoder";
import { orAbsent, record, text } from "../../processor/contract/json-check.js";
import { builderError } from "../errors/builder-errors.js";
import { parseChecked, shapeOf } from "../untrusted/checked-json.js";
import { shortText } from "../untrusted/short-text.js";

/** One line that the engine sends while it builds, pulls or loads. */
export interface EngineEvent {
  readonly stream?: string;
  readonly status?: string;
  /** Docker's own words. The error is part of an answer whose HTTP status is 200. */
  readonly error?: string;
  readonly aux?: { readonly ID?: string };
}

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

const eventShape = shapeOf<EngineEvent>(
  record({
    stream: orAbsent(text),
    status: orAbsent(text),
    error: orAbsent(text),
    aux: orAbsent(record({ ID: orAbsent(text) })),
  }),
);
const parseEvent = (line: string): EngineEvent =>
  parseChecked(line, eventShape, (reason) =>
    builderError("ENGINE_FAILED", `a line of the engine's answer ${reason}: ${shortText(line)}`),
  );
