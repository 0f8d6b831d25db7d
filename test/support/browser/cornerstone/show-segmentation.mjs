// Runs in the browser: shows a DICOM segmentation over its images with Cornerstone3D, on which OHIF is built, too.
import { adaptersSEG } from "@cornerstonejs/adapters";
import {
  Enums,
  imageLoader,
  init as initCore,
  metaData,
  RenderingEngine,
  setVolumesForViewports,
  volumeLoader,
} from "@cornerstonejs/core";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";
import { init as initTools, segmentation, Enums as ToolEnums } from "@cornerstonejs/tools";

const engineId = "engine";
const segmentationId = "segmentation";
const type = ToolEnums.SegmentationRepresentations.Labelmap;

/** The adapters ask for an image's UID in a module that the loader does not give; OHIF supplies it in the same way. */
metaData.addProvider((module, imageId) =>
  module === "generalImageModule" ? metaData.get("sopCommonModule", imageId) : undefined,
);

/**
 * Loads the files as a viewer does: the images by their positions, and the segmentation by its references to them.
 *
 * @param images addresses of the images in the order of their slices
 * @param address the address of the segmentation
 * @returns what Cornerstone3D says about the segments
 */
export async function load(images, address) {
  await initCore();
  initTools();
  initLoader({ maxWebWorkers: 1 });
  const imageIds = images.map((image) => `wadouri:${image}`);
  await Promise.all(imageIds.map((id) => imageLoader.loadAndCacheImage(id)));
  const bytes = await (await fetch(address)).arrayBuffer();
  const found = await adaptersSEG.Cornerstone3D.Segmentation.createFromDICOMSegBuffer(imageIds, bytes, {
    metadataProvider: metaData,
  });
  const segments = Object.fromEntries(
    found.segMetadata.data
      .filter((segment) => segment !== undefined && segment !== null)
      .map(({ SegmentNumber, SegmentLabel }) => [
        Number(SegmentNumber),
        {
          segmentIndex: Number(SegmentNumber),
          label: SegmentLabel,
          locked: false,
          cachedStats: {},
          active: false,
        },
      ]),
  );
  segmentation.addSegmentations([
    {
      segmentationId,
      representation: { type, data: { imageIds: found.labelMapImages.flat().map(({ imageId }) => imageId) } },
      config: { segments },
    },
  ]);
  loaded = { imageIds };
  return Object.values(segments).map(({ segmentIndex, label }) => ({ number: segmentIndex, label }));
}

let loaded = { imageIds: [] };

/**
 * Shows slices side by side.
 *
 * @param views for each view its place in the order of the slices; or axial, coronal or sagittal, through the middle
 * @param colours the red, green and blue of each segment
 */
export async function show(views, { opacity, colours, window }) {
  const engine = new RenderingEngine(engineId);
  const elements = views.map((view, i) => {
    const element = document.createElement("div");
    element.id = `view-${i}`;
    element.className = "view";
    document.body.append(element);
    engine.enableElement({
      viewportId: element.id,
      element,
      type: typeof view === "number" ? Enums.ViewportType.STACK : Enums.ViewportType.ORTHOGRAPHIC,
      defaultOptions:
        typeof view === "number" ? {} : { orientation: Enums.OrientationAxis[view.toUpperCase()] },
    });
    return element;
  });
  const volumes = elements.filter((_, i) => typeof views[i] !== "number").map(({ id }) => id);
  if (volumes.length > 0) {
    const volume = await volumeLoader.createAndCacheVolume("cornerstoneStreamingImageVolume:images", loaded);
    await new Promise((done) => volume.load(done));
    await setVolumesForViewports(engine, [{ volumeId: volume.volumeId }], volumes);
  }
  for (const [i, { id }] of elements.entries()) {
    const viewport = engine.getViewport(id);
    if (typeof views[i] === "number") await viewport.setStack(loaded.imageIds, views[i]);
    if (window !== null) viewport.setProperties({ voiRange: { lower: window[0], upper: window[1] } });
    await segmentation.addSegmentationRepresentations(id, [{ segmentationId, type }]);
    for (const [number, colour] of Object.entries(colours))
      segmentation.config.color.setSegmentIndexColor(id, segmentationId, Number(number), [...colour, 255]);
    viewport.resetCamera();
  }
  segmentation.config.style.setStyle(
    { type },
    { fillAlpha: opacity, fillAlphaInactive: opacity, renderOutline: opacity < 1, outlineWidth: 2 },
  );
  engine.renderViewports(elements.map(({ id }) => id));
  await rendered(engine, elements);
}

/** Waits until every view was drawn with the segmentation in it, which comes in a later frame than the image. */
async function rendered(engine, elements) {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const isDrawn = () => elements.every(({ id }) => engine.getViewport(id).getActors().length > 1);
  for (let i = 0; !isDrawn(); i++) {
    if (i === 1000) throw new Error("Cornerstone3D does not draw the segmentation");
    await frame();
  }
  engine.renderViewports(elements.map(({ id }) => id));
  for (let i = 0; i < 10; i++) await frame();
}

globalThis.viewer = { load, show };
