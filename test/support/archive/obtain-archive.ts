// Runs in its own process: opens a model source as the build does, and prints what is in it.
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { openModelSource, openSourceContext } from "../../../src/model-source/open-model-source.js";
import { neverStopped } from "../never-stopped.js";

const [address = "", cacheFolder = "", zenodoMirror] = process.argv.slice(2);
try {
  const context = await openSourceContext({
    cacheFolder,
    progress: silentProgress,
    lockFile: null,
    zenodoMirror: zenodoMirror === undefined ? null : new URL(zenodoMirror),
    signal: neverStopped(),
  });
  const source = await openModelSource(address, context);
  console.log(JSON.stringify((await source.inventory()).map(({ path }) => path)));
  await source.close();
} catch (error) {
  console.log(JSON.stringify({ code: (error as { code?: string }).code, message: String(error) }));
  process.exitCode = 1;
}
