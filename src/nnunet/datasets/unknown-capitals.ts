import { isNibabel } from "../../../processor/contract/reader-class.js";

/**
 * Returns whether the capital letters of a path's ending keep one of nnU-Net's readers from knowing it. ITK knows `.NII` and
 * `.NII.GZ`, but not `.NII.gz`, and no capitals for MetaImage and GIPL. nibabel ignores the case of `.gz`.
 *
 * @example hasUnknownCapitals("a.NII.gz", "SimpleITKIO") // true
 */
export function hasUnknownCapitals(path: string, reader: string): boolean {
  const [whole = "", format = ""] = /(\.(?:nii|mha|mhd|gipl))(?:\.gz)?$/i.exec(path) ?? [];
  const ending = isNibabel(reader) ? format : whole;
  const areAllCapitals = format === ".NII" && ending === ending.toUpperCase();
  return ending !== ending.toLowerCase() && !areAllCapitals;
}
