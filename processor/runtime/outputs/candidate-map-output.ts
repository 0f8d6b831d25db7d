import { writeImage } from "../../imaging/formats/write-image.js";
import type { CandidateKind, OutputOf } from "./output-kind.js";

/** The probabilities of one class, 0 outside its candidates. */
export const candidateMapOutput: CandidateKind<OutputOf<"candidate-map">> = {
  takes: "candidates",
  files: (path) => [path],
  mayBeAbsent: false,
  write: ({ path }, map, source) => writeImage({ ...map, components: 1, source }, path),
};
