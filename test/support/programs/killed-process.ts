import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { repositoryRoot } from "../golden.js";

/** Returns the `processTag` of a process of this machine that was killed with SIGKILL. */
export async function tagOfKilledProcess(): Promise<string> {
  const module = pathToFileURL(join(repositoryRoot, "dist", "processor", "files", "process-tag.js")).href;
  const program = `import { processTag } from ${JSON.stringify(module)}; console.log(processTag()); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGKILL");
  await once(child, "exit");
  return line.toString().trim();
}
