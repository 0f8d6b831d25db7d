import { writeImage } from "../../imaging/formats/write-image.js";
import type { CandidateKind } from "./output-kind.js";

/** The probabilities of one class, 0 outside its candidates. */
export const candidateMapOutput: CandidateKind = {
  takes: "candidates",
  files: (path) => [path],
  write: (path, map, source) => writeImage({ ...map, components: 1, source }, path),
};
