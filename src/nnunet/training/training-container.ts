import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns whether a container of Docker runs; false if Docker does not answer, without which none does. */
export async function isContainerRunning(name: string, environment: Environment): Promise<boolean> {
  const words = ["container", "inspect", "--format", "{{.State.Running}}", name];
  const answer = await execute("docker", words, { env: environment }).catch(() => null);
  return answer?.stdout.trim() === "true";
}

/** Removes a container, after a stop if it runs. There may be none. */
export async function removeContainer(name: string, environment: Environment): Promise<void> {
  if (await isContainerRunning(name, environment))
    await execute("docker", ["stop", name], { env: environment }).catch(() => {});
  await execute("docker", ["rm", "--force", name], { env: environment }).catch(() => {});
}
