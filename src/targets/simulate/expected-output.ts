/** The platform's rules for the output. */
export interface OutputRules {
  /**
   * Where a segmentation is: one folder for each kind of image with one image in it; next to others under the input's
   * own file name; or anywhere under the case's name.
   */
  readonly layout: "folder-per-socket" | "same-file-name" | "by-case-name";
  /** The endings of images that the platform accepts, with leading dot; null for every ending that can be read. */
  readonly endings: readonly string[] | null;
  readonly isEightBitOnly: boolean;
}

/** A case of a run, and the output that is expected for it. */
export interface ExpectedOutput {
  readonly name: string;
  readonly images: readonly string[];
  /** The names of the images in the input, if they differ from the files' own. */
  readonly fileNames?: readonly string[];
  /** The correct segmentation; null if the user gave none. */
  readonly expected: string | null;
}
