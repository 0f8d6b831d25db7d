import { needs } from "../needs.js";

const isRoot = process.getuid?.() === 0;
const readingRights = "-dac_override,-dac_read_search";

/**
 * How to start a program so that it may not read what its files' modes forbid. Root may read everything, unless it gives up the
 * rights that allow it.
 */
export const withOrdinaryRights = {
  needs: isRoot ? [needs.setpriv] : [needs.posix],
  startedBy: isRoot
    ? ["setpriv", `--bounding-set=${readingRights}`, `--inh-caps=${readingRights}`]
    : ([] as readonly string[]),
};
