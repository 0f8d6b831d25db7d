import { withQueue } from "../../../processor/runtime/queue/with-queue.js";
import { type FlagValues, serveSettings } from "../../../processor/runtime/service/start/serve-settings.js";
import { serveModels } from "../../predict/service/serve-models.js";
import type { CommandSession } from "../command-session.js";
import { serviceFlagValues } from "../options/service-options.js";

/** `build_processor serve`: serves models over HTTP until it is interrupted. */
export async function runServe(args: FlagValues, session: CommandSession): Promise<number> {
  const settings = serveSettings(serviceFlagValues(args), session.environment);
  const writeLog = (line: string): void => session.terminal.out(`${line}\n`);
  await withQueue(settings, session.progress.note, (openEngine) =>
    serveModels({ settings, openEngine, isInImage: false, writeLog }, session),
  );
  return 0;
}
