import type { EngineEvent } from "../engine/job-engine.js";
import { bugAnswer } from "../errors.js";

export interface ShownEventOptions {
  /** The folder of the job. */
  readonly folder: string;
  /** Receives an error that is a fault of this program. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Returns an event as clients may see it: they know the job's files by their names, not by the server's folders, and a fault
 * of this program goes to the log.
 */
export function shownEvent(event: EngineEvent, { folder, onTrouble }: ShownEventOptions): EngineEvent {
  const shown = (text: string): string =>
    text
      .replaceAll(`${folder}/input/`, "")
      .replaceAll(`${folder}/output/`, "")
      .replaceAll(`${folder}/input`, "the upload")
      .replaceAll(`${folder}/output`, "the results");
  switch (event.kind) {
    case "log":
      return { ...event, line: shown(event.line) };
    case "failed":
      if (event.error.code !== bugAnswer.code)
        return { ...event, error: { ...event.error, message: shown(event.error.message) } };
      onTrouble(event.error.message);
      return { ...event, error: bugAnswer };
    case "done": {
      const stages = event.result.stages.map((stage) => ({ ...stage, warnings: stage.warnings.map(shown) }));
      return { ...event, result: { ...event.result, stages } };
    }
    default:
      return event;
  }
}
