import type { EngineEvent } from "../engine/job-engine.js";

/** Returns an event whose texts do not say where the server keeps the job's files: clients know them by their names. */
export function withoutFolder(event: EngineEvent, folder: string): EngineEvent {
  const shown = (text: string): string =>
    text
      .replaceAll(`${folder}/input/`, "")
      .replaceAll(`${folder}/output/`, "")
      .replaceAll(`${folder}/input`, "the upload");
  switch (event.kind) {
    case "log":
      return { ...event, line: shown(event.line) };
    case "failed":
    case "interrupted":
      return { ...event, error: { ...event.error, message: shown(event.error.message) } };
    case "done": {
      const stages = event.result.stages.map((stage) => ({ ...stage, warnings: stage.warnings.map(shown) }));
      return { ...event, result: { ...event.result, stages } };
    }
    default:
      return event;
  }
}
