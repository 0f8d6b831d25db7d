import { loadNativeCalls } from "../../../files/native-calls.js";

/**
 * Ends this process as soon as its parent has ended. It must not wait for native code that blocks the thread, so Linux
 * is asked to do it.
 */
export function endWithParent(): void {
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  // Ctrl-C and schedulers send signals to all processes of a group; the parent answers them.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => {});
  if (process.platform !== "linux") return;
  try {
    // It is the first library of the process, in which OpenVINO may follow.
    loadNativeCalls("large").load(null).func("int prctl(int option, ...)")(
      setParentDeathSignal,
      "unsigned long",
      kill,
    );
  } catch {
    // Without the package that calls functions of C, the process ends after the window.
  }
}

/** PR_SET_PDEATHSIG and SIGKILL of Linux's headers. */
const setParentDeathSignal = 1;
const kill = 9;
