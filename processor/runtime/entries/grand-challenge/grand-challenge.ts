import { places } from "../../../contract/places.js";
import { runNote } from "../../../contract/progress/run-event.js";
import type { GrandChallengeTarget } from "../../../contract/target.js";
import type { Entry, EntryContext } from "../entry.js";
import { failureLines } from "../failure-lines.js";
import { openAlgorithm } from "./open-algorithm.js";

/** The entry for algorithms of grand-challenge.org, which segment one case and end, or serve case after case. */
export const grandChallenge: Entry<GrandChallengeTarget> = {
  kind: "grand-challenge",
  modelPlaces: [places.image.model, places.grandChallenge.uploadedModel],
  takesApiMethod: true,
  logLine: (line) => line,
  run: runAlgorithm,
};

async function runAlgorithm(target: GrandChallengeTarget, context: EntryContext): Promise<number> {
  const { apiMethod, port, onEvent, complain, signal } = context;
  const open = () => openAlgorithm({ ...context, target });
  if ((apiMethod ?? target.apiMethod) === "invoke") {
    // Fastify is loaded only here, because images for other platforms may lack it.
    const { serve } = await import("./serve.js");
    const onFailure = (error: unknown) => failureLines(error).forEach(complain);
    await serve({ port, open, onFailure, signal, note: (line) => onEvent(runNote("service", line)) });
    return 0;
  }
  const algorithm = await open();
  try {
    await algorithm.run(signal);
    return 0;
  } finally {
    await algorithm.close();
  }
}
