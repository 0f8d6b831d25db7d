import type { Niivue, NVImage } from "@niivue/niivue";
import { element } from "../dom/element.js";
import { colourLabels, type ShownLabel, setOutlinable, sizeXyz } from "./label-volume.js";

export const planes = ["Three planes", "Axial", "Coronal", "Sagittal", "3D"] as const;

export type Plane = (typeof planes)[number];

/** The contrast of the image: the values that are black and white; null to take them from the image. */
export interface Contrast {
  readonly name: string;
  readonly blackWhite: readonly [black: number, white: number] | null;
}

/** Usual windows of CT, in Hounsfield units. */
export const contrasts: readonly Contrast[] = [
  { name: "Automatic", blackWhite: null },
  { name: "CT soft tissue", blackWhite: [-160, 240] },
  { name: "CT lung", blackWhite: [-1350, 150] },
  { name: "CT bone", blackWhite: [-450, 1050] },
  { name: "CT brain", blackWhite: [0, 80] },
];

/** Returns whether this browser can draw volumes. */
export function hasWebGl2(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  // A browser keeps only a few contexts.
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

/** What the view shows: an image, a label map over it, or one of them. */
export interface Shown {
  readonly image: NVImage | null;
  readonly labelMap: NVImage | null;
  readonly labels: readonly ShownLabel[];
}

/** Draws an image and the label map over it with NiiVue. */
export class ImageView {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly #viewer: Niivue;
  /** The label that each voxel value of the label map means. */
  #labelOfValue: ReadonlyMap<number, ShownLabel> = new Map();
  readonly #hasImage: boolean;

  private constructor(frame: HTMLElement, canvas: HTMLCanvasElement, viewer: Niivue, shown: Shown) {
    this.element = frame;
    this.canvas = canvas;
    this.#viewer = viewer;
    this.#hasImage = shown.image !== null;
  }

  /**
   * Draws into a new canvas in `parent`, which must have a size. `onMove` receives where the crosshair is, for people to
   * read.
   */
  static async open(
    parent: HTMLElement,
    title: string,
    shown: Shown,
    onMove: (text: string) => void,
  ): Promise<ImageView> {
    const { DRAG_MODE, Niivue, SHOW_RENDER } = await loadNiivue();
    const canvas = element("canvas", {
      tabindex: 0,
      role: "img",
      "aria-label": `${title}. Arrow keys move the crosshair, page up and page down change the slice.`,
    });
    const frame = element("div", { class: "canvas-frame" }, canvas);
    parent.append(frame);
    const viewer = new Niivue({
      isNearestInterpolation: true,
      // The patient's left is on the right, and the face looks to the left, as radiologists are used to.
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      backColor: [0.055, 0.067, 0.086, 1],
      crosshairColor: [0.45, 0.8, 1, 0.9],
      crosshairWidth: 0.5,
      crosshairWidthUnit: "percent",
      multiplanarShowRender: SHOW_RENDER.NEVER,
      isOrientCube: false,
      // The right mouse button enlarges, the middle one moves, as in 3D Slicer.
      dragMode: DRAG_MODE.slicer3D,
      dragAndDropEnabled: false,
      isAntiAlias: false,
      logLevel: "silent",
      loadingText: "",
      isCornerOrientationText: true,
      // Readable on black, on an image and on a label map; the library's grey is not.
      fontColor: [1, 1, 0.4, 1],
    });
    await viewer.attachToCanvas(canvas, false);
    const view = new ImageView(frame, canvas, viewer, shown);
    view.#listen(onMove);
    view.#show(shown);
    viewer.createOnLocationChange();
    return view;
  }

  /** Moves this view's crosshair and the others' together. */
  follow(other: ImageView): void {
    this.#viewer.broadcastTo([other.#viewer], { "2d": true, "3d": true });
    other.#viewer.broadcastTo([this.#viewer], { "2d": true, "3d": true });
  }

  /** Sets how much of the label map is seen: from 0 to 1. */
  setOpacity(opacity: number): void {
    if (this.#labelOfValue.size > 0) this.#viewer.setOpacity(this.#hasImage ? 1 : 0, opacity);
  }

  /** Draws the borders of labels in full colour, whatever the opacity is. */
  setOutlined(isOutlined: boolean): void {
    const labelMap = this.#viewer.volumes[this.#hasImage ? 1 : 0];
    if (labelMap === undefined || this.#labelOfValue.size === 0) return;
    setOutlinable(labelMap, isOutlined);
    this.#viewer.setAtlasOutline(isOutlined ? 1 : 0);
  }

  setPlane(plane: Plane): void {
    const { sliceTypeMultiplanar, sliceTypeAxial, sliceTypeCoronal, sliceTypeSagittal, sliceTypeRender } =
      this.#viewer;
    const types = {
      "Three planes": sliceTypeMultiplanar,
      Axial: sliceTypeAxial,
      Coronal: sliceTypeCoronal,
      Sagittal: sliceTypeSagittal,
      "3D": sliceTypeRender,
    };
    this.#viewer.setSliceType(types[plane]);
  }

  setContrast({ blackWhite }: Contrast): void {
    const image = this.#viewer.volumes[0];
    if (!this.#hasImage || image === undefined) return;
    [image.cal_min, image.cal_max] = blackWhite ?? [image.robust_min ?? 0, image.robust_max ?? 1];
    this.#viewer.updateGLVolume();
  }

  /** Moves the crosshair to a voxel of the label map. */
  jumpTo(voxelXyz: readonly [number, number, number], labelMap: NVImage): void {
    const mm = worldOf(voxelXyz, labelMap);
    this.#viewer.scene.crosshairPos = this.#viewer.mm2frac(mm);
    this.#viewer.createOnLocationChange();
    this.#viewer.drawScene();
  }

  close(): void {
    this.#viewer.cleanup();
    this.#viewer.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.element.remove();
  }

  #show({ image, labelMap, labels }: Shown): void {
    if (image !== null) this.#viewer.addVolume(image);
    if (labelMap !== null) {
      this.#labelOfValue = colourLabels(labelMap, labels);
      this.#viewer.addVolume(labelMap);
    }
    this.#viewer.setInterpolation(true);
    this.#viewer.updateGLVolume();
    this.#viewer.setSliceType(this.#viewer.sliceTypeMultiplanar);
  }

  #listen(onMove: (text: string) => void): void {
    this.#viewer.onLocationChange = (location) => {
      const { mm, values } = location as LocationChange;
      const at = `${mm[0]!.toFixed(1)}, ${mm[1]!.toFixed(1)}, ${mm[2]!.toFixed(1)} mm`;
      const value = this.#hasImage ? ` · value ${shortNumber(values[0]?.value ?? 0)}` : "";
      const label = this.#labelOfValue.get(values.at(-1)?.value ?? 0);
      onMove(`${at}${value}${label === undefined ? "" : ` · ${label.name}`}`);
    };
    const steps: Readonly<Record<string, readonly [number, number, number]>> = {
      ArrowLeft: [-1, 0, 0],
      ArrowRight: [1, 0, 0],
      ArrowUp: [0, 1, 0],
      ArrowDown: [0, -1, 0],
      PageUp: [0, 0, 1],
      PageDown: [0, 0, -1],
    };
    this.canvas.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.#viewer.moveCrosshairInVox(...step);
    });
  }
}

interface LocationChange {
  readonly mm: ArrayLike<number>;
  readonly values: readonly { readonly value: number }[];
}

/** Loads NiiVue, which is much larger than the rest of the page, when it is first needed. */
export const loadNiivue = (): Promise<typeof import("@niivue/niivue")> => import("@niivue/niivue");

/** Returns where a voxel is in the scanner, in mm. */
function worldOf(voxel: readonly [number, number, number], image: NVImage): [number, number, number] {
  const rows = image.hdr!.affine;
  const size = sizeXyz(image);
  const inside = voxel.map((value, axis) => Math.min(value, size[axis]! - 1));
  const at = (row: number): number =>
    inside.reduce((sum, value, axis) => sum + rows[row]![axis]! * value, rows[row]![3]!);
  return [at(0), at(1), at(2)];
}

const shortNumber = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toPrecision(4);
