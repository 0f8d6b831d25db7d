import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { freePort } from "../network/free-port.js";
import { outputOf } from "../program-on-path.js";

/** A real Slurm whose only node is this machine, with ports, folders and a key of its own. */
export interface SlurmCluster {
  /** The value of SLURM_CONF with which Slurm's programs find it. */
  readonly configFile: string;
  /** Resolves when no task waits or runs. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSlurm(): Promise<SlurmCluster> {
  const folder = mkdtempSync(join(tmpdir(), "slurm-"));
  // Slurm's programs reach the socket as the user who calls them.
  chmodSync(folder, 0o711);
  const inFolder = (name: string): string => join(folder, name);
  for (const name of ["state", "spool"]) mkdirSync(inFolder(name));
  writeFileSync(inFolder("key"), randomBytes(64), { mode: 0o600 });
  const configFile = inFolder("slurm.conf");
  // A container has neither systemd nor control groups of its own. Older versions do without them, but know no such setting.
  const version = Number(/ (\d+)\./.exec(await outputOf("slurmd", "-V"))?.[1]);
  if (version >= 23) writeFileSync(inFolder("cgroup.conf"), "CgroupPlugin=disabled\n");
  writeFileSync(configFile, configOf(folder, [await freePort(), await freePort()]));
  const munge = ["socket", "key-file=key", "pid-file", "log-file", "seed-file"].map((word) => {
    const [flag, name] = word.split("=") as [string, string | undefined];
    return `--${flag}=${inFolder(name ?? flag)}`;
  });
  const daemons: Daemon[] = [];
  const control = (name: string, ...words: readonly string[]): Promise<string> =>
    outputOf("env", `SLURM_CONF=${configFile}`, name, ...words);
  const settle = (): Promise<void> =>
    vi.waitFor(async () => noTask(await control("squeue", "--noheader", "--format=%i %T")), {
      timeout: 240_000,
      interval: 200,
    });
  const stop = async (): Promise<void> => {
    if (daemons.length === 3) {
      await control("scancel", `--user=${userInfo().username}`).catch(() => {});
      await settle().catch(() => {});
    }
    for (const daemon of daemons.toReversed()) await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    daemons.push(startDaemon("munged", ["--foreground", ...munge]));
    await vi.waitFor(() => outputOf("munge", "--no-input", `--socket=${inFolder("socket")}`), {
      timeout: 30_000,
    });
    const environment = { SLURM_CONF: configFile };
    daemons.push(startDaemon("slurmctld", ["-D"], environment), startDaemon("slurmd", ["-D"], environment));
    await vi.waitFor(
      async () => {
        for (const daemon of daemons) daemon.requireRunning();
        const state = await control("sinfo", "--noheader", "--format=%T");
        if (state.trim() !== "idle")
          throw new Error(`the node is ${state}: ${daemons.map(({ printed }) => printed()).join("\n")}`);
      },
      { timeout: 60_000, interval: 200 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { configFile, settle, stop };
}

function configOf(folder: string, [controlPort, nodePort]: readonly [number, number]): string {
  const host = hostname().replace(/\..*/, "");
  const user = userInfo().username;
  return `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controlPort}
SlurmdPort=${nodePort}
AuthType=auth/munge
AuthInfo=socket=${folder}/socket
CredType=cred/munge
SlurmUser=${user}
SlurmdUser=${user}
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
KillWait=10
MailProg=/bin/true
SlurmdParameters=config_overrides
NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
}

function noTask(queue: string): void {
  if (queue.trim() !== "") throw new Error(`Slurm still has tasks:\n${queue}`);
}

interface Daemon {
  readonly printed: () => string;
  requireRunning(): void;
  stop(): Promise<void>;
}

function startDaemon(
  name: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Daemon {
  const child: ChildProcess = spawn(name, words, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding("utf8").on("data", (part: string) => {
      text = `${text}${part}`.slice(-5000);
    });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    printed: () => text,
    requireRunning: () => {
      if (hasEnded()) throw new Error(`${name} ended: ${text}`);
    },
    stop: async () => {
      if (hasEnded()) return;
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    },
  };
}
