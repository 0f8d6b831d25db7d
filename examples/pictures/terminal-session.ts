import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A real terminal of 80 columns, in tmux, that runs commands one after the other. */
export class TerminalSession {
  readonly #name = `pictures-${process.pid}`;

  /** @param program the compiled program that `build_processor` starts in this terminal */
  constructor(folder: string, program: string) {
    const startFile = join(folder, ".bashrc");
    const lines = [
      "PS1='$ '",
      `PROMPT_COMMAND='tmux wait-for -S ${this.#name}'`,
      `build_processor() { node '${program}' "$@"; }`,
    ];
    writeFileSync(startFile, lines.join("\n"));
    const shell = ["bash", "--rcfile", startFile];
    tmux("new-session", "-d", "-s", this.#name, "-x", "80", "-y", "200", "-c", folder, ...shell);
    this.#waitForPrompt();
  }

  /** Runs a command to its end and returns what the terminal then shows, with colours, from the prompt with the command on. */
  run(command: string): string[] {
    this.#type("clear");
    this.#type(command);
    const shown = tmux("capture-pane", "-e", "-p", "-t", this.#name).split("\n");
    const begin = shown.findIndex((line) => line.startsWith("$ "));
    const end = shown.findLastIndex((line) => line.trim() !== "" && line.trim() !== "$");
    return shown.slice(begin, end + 1);
  }

  close(): void {
    tmux("kill-session", "-t", this.#name);
  }

  #type(text: string): void {
    tmux("send-keys", "-t", this.#name, "-l", text);
    tmux("send-keys", "-t", this.#name, "Enter");
    this.#waitForPrompt();
  }

  /** Waits for the signal that the shell sends before each prompt. tmux keeps a signal until somebody waits for it. */
  #waitForPrompt(): void {
    tmux("wait-for", this.#name);
  }
}

const tmux = (...args: readonly string[]): string => execFileSync("tmux", args, { encoding: "utf8" });
