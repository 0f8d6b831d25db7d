import { StatefulValue } from "./pickle-global.js";

/**
 * Stands for an object that only Python could build. It keeps nothing but its name, and accepts whatever a pickle does to
 * it. Checkpoints hold many, in the optimizer, the scheduler and the logs of a training.
 */
export class UnreadObject extends StatefulValue {
  /** For messages: `an object of datetime.datetime`. */
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override setState(): void {}
}
