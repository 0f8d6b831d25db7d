/**
 * A worker of a queue that ends without a word, or whose process for cases does, in the middle of a case that is named.
 * Arguments: the address of Redis; `worker` or `case-process`, whichever ends; the case, or `none`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { runWorker } from "../../../processor/runtime/queue/run-worker.js";
import { neverStopped } from "../never-stopped.js";

const [redis = "", ending = "", dying = ""] = process.argv.slice(2);

function childPids(): readonly number[] {
  const threads = readdirSync("/proc/self/task");
  const lists = threads.map((thread) => readFileSync(`/proc/self/task/${thread}/children`, "utf8"));
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

await runWorker(
  {
    redis,
    queue: "nnunet",
    dataRoots: [],
    untilEmpty: true,
    device: "cpu",
    threads: 1,
    words: {},
  },
  {
    program: "",
    ownModel: null,
    cacheFolder: tmpdir(),
    // Short, so that a test need not wait for a minute until the next worker has the case.
    times: { lockMs: 4000, renewMs: 1000, stalledLookMs: 1500 },
    note: () => {},
    onEvent: (event) => {
      if (event.kind !== "windows" || event.case !== dying) return;
      for (const pid of ending === "worker" ? [process.pid] : childPids()) process.kill(pid, "SIGKILL");
    },
    signal: neverStopped(),
  },
);
