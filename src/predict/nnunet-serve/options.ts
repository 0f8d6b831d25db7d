/** An option of nnunet_serve's command line, or one that was added to it. */
export interface ServeOption {
  /** The long name, with underscores; dashes are understood too. */
  readonly name: string;
  /** The short name, with one dash. Some have several letters. */
  readonly short?: string;
  /** A switch, one value, or all words up to the next option. */
  readonly takes: "nothing" | "one" | "many";
  /** The word for the value in the help. */
  readonly value?: string;
  readonly describe: string;
}

/** The options of nnunet_serve, in the order of its own help. */
const olderOptions = [
  {
    name: "series_paths",
    short: "-i",
    takes: "many",
    value: "PATH",
    describe: "the channels of one case, in order: image files or DICOM folders (or variable SERIES_PATHS)",
  },
  { name: "model_path", short: "-m", takes: "one", value: "DIR", describe: "trained model" },
  {
    name: "checkpoint_name",
    short: "-ckpt",
    takes: "one",
    value: "NAME",
    describe: "file in each fold's folder (default checkpoint_best.pth; v1: model_best)",
  },
  { name: "output_dir", short: "-o", takes: "one", value: "DIR", describe: "folder for the results" },
  {
    name: "metadata_path",
    short: "-M",
    takes: "one",
    value: "FILE",
    describe: "dcmqi metadata of the DICOM-SEG",
  },
  {
    name: "fractional_metadata_path",
    takes: "one",
    value: "FILE",
    describe: "metadata of the fractional DICOM-SEG (default: --metadata_path)",
  },
  {
    name: "empty_segment_metadata",
    takes: "one",
    value: "FILE",
    describe: "metadata for a DICOM-SEG of an empty segmentation, which is not written otherwise",
  },
  {
    name: "fractional_as_segments",
    takes: "nothing",
    describe: "write the fractional DICOM-SEG as segments, one for each step of probability",
  },
  {
    name: "study_uid",
    short: "-s",
    takes: "one",
    value: "UID",
    describe: "accepted without effect: no file is named after it",
  },
  { name: "folds", short: "-f", takes: "many", value: "FOLD", describe: "folds to average (default 0)" },
  { name: "tta", short: "-t", takes: "nothing", describe: "average the predictions of mirrored images" },
  {
    name: "tmp_dir",
    takes: "one",
    value: "DIR",
    describe: "folder for temporary files (default: the system's)",
  },
  {
    name: "is_dicom",
    short: "-D",
    takes: "nothing",
    describe: "require DICOM input, which is recognised without this option too; -d is the same",
  },
  {
    name: "proba_map",
    short: "-p",
    takes: "nothing",
    describe: "with DICOM and --class_idx: also write a fractional DICOM-SEG",
  },
  {
    name: "proba_threshold",
    takes: "one",
    value: "P",
    describe: "with --class_idx: smaller probabilities become 0 (default 0.1)",
  },
  {
    name: "min_confidence",
    takes: "one",
    value: "P",
    describe: "with --class_idx: remove parts whose largest probability is smaller",
  },
  { name: "rt_struct_output", takes: "nothing", describe: "with DICOM: also write struct.dcm" },
  {
    name: "save_nifti_inputs",
    short: "-S",
    takes: "nothing",
    describe: "also write the channels as volume_000k.nii.gz",
  },
  {
    name: "intersect_with",
    takes: "one",
    value: "FILE",
    describe: "remove parts that do not overlap this mask",
  },
  {
    name: "min_intersection",
    takes: "one",
    value: "SHARE",
    describe: "with --intersect_with: share of a part that must be in the mask (default 0.1)",
  },
  {
    name: "class_idx",
    takes: "one",
    value: "K",
    describe: "segment the candidates of class K, with the value 1, instead of all labels",
  },
  { name: "suffix", takes: "one", value: "TEXT", describe: "add _TEXT to the names of the results" },
  { name: "job_id", takes: "one", value: "ID", describe: "job_id in the status" },
  {
    name: "update_url",
    takes: "one",
    value: "URL",
    describe: "send the status of the job there by POST; skip to send none",
  },
  {
    name: "success_message",
    takes: "one",
    value: "TEXT",
    describe: "status after success (default done)",
  },
  {
    name: "failure_message",
    takes: "one",
    value: "TEXT",
    describe: "status after a failure (default failed)",
  },
  {
    name: "log_file",
    takes: "one",
    value: "FILE",
    describe: "JSON file for the status; other keys in it are kept",
  },
  { name: "debug", takes: "nothing", describe: "show where in the program an error occurred" },
] as const satisfies readonly ServeOption[];

/** The options that only this program has. */
const addedOptions = [
  {
    name: "crop_from",
    takes: "one",
    value: "FILE",
    describe: "segment only the box around this mask",
  },
  {
    name: "crop_padding",
    takes: "many",
    value: "N",
    describe: "with --crop_from: voxels around the box in x, y and z (default 10 10 10)",
  },
  {
    name: "remove_objects_smaller_than",
    takes: "one",
    value: "SIZE",
    describe:
      "without --class_idx: remove smaller objects of each label; a share of the largest one below 1, else voxels",
  },
  {
    name: "series_uid",
    takes: "one",
    value: "UID",
    describe: "SeriesInstanceUID of the DICOM series, if a folder holds several",
  },
  { name: "b_value", takes: "one", value: "B", describe: "volume of a DICOM series with several b-values" },
  {
    name: "temporal_position",
    takes: "one",
    value: "N",
    describe: "volume of a DICOM series with several times",
  },
  { name: "echo_number", takes: "one", value: "N", describe: "volume of a DICOM series with several echoes" },
  {
    name: "acquisition_number",
    takes: "one",
    value: "N",
    describe: "volume of a DICOM series with several acquisitions",
  },
  {
    name: "irregular_slices",
    takes: "one",
    value: "refuse|average",
    describe: "average reads DICOM slices with gaps or uneven steps, with the mean step",
  },
  {
    name: "gantry_tilt",
    takes: "one",
    value: "refuse|ignore",
    describe: "ignore stacks shifted DICOM slices along their normal",
  },
  {
    name: "monochrome1",
    takes: "one",
    value: "keep|invert",
    describe: "invert inverts the values of CT, MR and PET images in MONOCHROME1",
  },
  {
    name: "docker_image",
    short: "-c",
    takes: "one",
    value: "IMAGE",
    describe: "run in this image, made by `build_processor --no-model`, through Docker",
  },
  {
    name: "update_encoding",
    takes: "one",
    value: "json|form",
    describe: "encoding of the status at --update_url (default json)",
  },
  {
    name: "device",
    takes: "one",
    value: "auto|cpu|cuda",
    describe: "where the network runs (default auto)",
  },
  { name: "json", takes: "nothing", describe: "print a JSON report" },
  { name: "help", short: "-h", takes: "nothing", describe: "show this help" },
] as const satisfies readonly ServeOption[];

export const serveOptions = [...olderOptions, ...addedOptions] as const;

/** The options that may be shortened. Others would make short forms of old scripts ambiguous. */
export const shortenedOptions: ReadonlySet<string> = new Set(olderOptions.map(({ name }) => name));

export type ServeOptionName = (typeof serveOptions)[number]["name"];

/** The command's name, which is also the first word of its command line. */
export const serveCommand = "predict-nnunet-serve";

/** Another name of `-D`, in the README's example of `docker run`. */
export const otherDicomSwitch = "-d";

/** Every option, with its dashes. */
export const serveFlags: ReadonlySet<string> = new Set([
  ...serveOptions.flatMap((option) => [`--${option.name}`, ...("short" in option ? [option.short] : [])]),
  otherDicomSwitch,
]);

const column = 34;

/** The text of `--help`. */
export const serveHelp = `build_processor ${serveCommand} -i PATH [PATH …] -m DIR -o DIR [options]

Segments one case with the command line of nnunet_serve. Its short options hold only here, and differ from those of
\`build_processor predict\`: -t is mirroring, -p is --proba_map, and -i A B are two channels of one case. Mirroring is
off and fold 0 is used unless the options say otherwise (docs/how-to/from-nnunet-serve.md).

Options:
${serveOptions.map(helpLines).join("\n")}`;

function helpLines(option: ServeOption): string {
  const { name, short, takes, value = "", describe } = option;
  const words = takes === "many" ? ` ${value} [${value} …]` : value === "" ? "" : ` ${value}`;
  const left = `  ${short === undefined ? "" : `${short}, `}--${name}${words}`;
  return left.length < column - 1
    ? `${left.padEnd(column)}${describe}`
    : `${left}\n${" ".repeat(column)}${describe}`;
}
