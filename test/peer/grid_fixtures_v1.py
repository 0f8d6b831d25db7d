"""Writes small random cases, and the results of nnU-Net v1's own preprocessing and export for them, into test/fixtures/grids_v1.

Run with a Python that has numpy, SimpleITK and batchgenerators, with the package of nnU-Net 1.7.1 on PYTHONPATH:
    python test/peer/grid_fixtures_v1.py
"""
import contextlib
import io
import json
import os
import sys
import tempfile
from copy import deepcopy

import numpy as np
import SimpleITK as sitk
from batchgenerators.augmentations.utils import resize_segmentation
from nnunet.inference.segmentation_export import save_segmentation_nifti_from_softmax
from nnunet.preprocessing.cropping import ImageCropper
from nnunet.preprocessing.preprocessing import GenericPreprocessor, PreprocessorFor2D
from nnunet.utilities.one_hot_encoding import to_one_hot

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "grids_v1")
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(17)

cases = {
    "downsampled": dict(shape=(9, 14, 12), spacing=(1.0, 0.8, 0.8), target=[1.5, 1.3, 1.2]),
    "upsampled": dict(shape=(7, 8, 9), spacing=(2.0, 1.5, 1.4), target=[1.1, 0.9, 0.8]),
    "separate_z": dict(shape=(6, 12, 11), spacing=(5.0, 0.8, 0.8), target=[3.0, 1.0, 1.0]),
    "separate_z_kept": dict(shape=(6, 12, 11), spacing=(5.0, 0.8, 0.8), target=[5.0, 1.1, 0.7]),
    "separate_by_target": dict(shape=(9, 10, 11), spacing=(1.0, 1.0, 1.0), target=[4.0, 1.2, 0.9]),
    "separate_last_axis": dict(shape=(10, 9, 5), spacing=(0.9, 0.9, 4.0), target=[1.1, 1.0, 2.5]),
    "two_axes_tie": dict(shape=(6, 7, 14), spacing=(4.0, 4.0, 0.9), target=[2.0, 2.5, 1.2]),
    "transposed": dict(shape=(9, 8, 5), spacing=(0.9, 1.0, 4.0), target=[3.0, 1.2, 0.8], transpose=[2, 0, 1]),
    "transposed_isotropic_case": dict(shape=(9, 8, 10), spacing=(1.0, 1.0, 1.0), target=[4.0, 1.2, 0.8], transpose=[2, 0, 1]),
    "two_dimensional": dict(shape=(4, 12, 11), spacing=(3.0, 1.0, 1.0), target=[3.0, 1.4, 0.8], flat=True),
    "two_dimensional_thick": dict(shape=(4, 12, 11), spacing=(6.0, 1.0, 1.0), target=[3.0, 1.4, 0.8], flat=True),
    "cropped": dict(shape=(9, 12, 11), spacing=(1.0, 1.0, 1.0), target=[1.3, 0.9, 1.1], margin=2),
    "masked": dict(shape=(9, 12, 11), spacing=(1.0, 1.0, 1.0), target=[1.3, 0.9, 1.1], margin=2, corner=True, mask=True),
    "masked_two_channels": dict(shape=(8, 10, 9), spacing=(3.5, 1.0, 1.0), target=[3.0, 1.2, 1.1], margin=1, corner=True, channels=2, mask=True),
    "ct": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], scheme="CT"),
    "ct_masked": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], scheme="CT", mask=True, margin=1, corner=True),
    "ct2": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], scheme="CT2"),
    "untouched": dict(shape=(5, 6, 7), spacing=(1.0, 1.0, 1.0), target=[1.0, 1.0, 1.0], scheme="noNorm"),
    "regions": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[1.5, 1.2, 1.1], regions=True),
    "previous_stage": dict(shape=(9, 10, 11), spacing=(1.0, 1.0, 1.0), target=[1.7, 1.3, 0.9], previous=True),
    "previous_stage_cropped": dict(shape=(9, 12, 11), spacing=(1.0, 1.0, 1.0), target=[1.7, 1.3, 0.9], previous=True, margin=2, mask=True, corner=True),
    "previous_stage_anisotropic": dict(shape=(5, 10, 11), spacing=(4.0, 1.0, 1.0), target=[3.1, 1.3, 0.9], previous=True, transpose=[0, 2, 1]),
    "export_by_order_zero": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[1.5, 1.2, 1.1],
                                 export=dict(force_separate_z=None, interpolation_order=0, interpolation_order_z=0)),
    "export_by_cubic": dict(shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0), target=[1.5, 0.8, 1.1],
                            export=dict(force_separate_z=None, interpolation_order=3, interpolation_order_z=0)),
    "export_by_splines_along_z": dict(shape=(8, 7, 6), spacing=(1.0, 1.0, 5.0), target=[3.0, 1.2, 0.8], transpose=[2, 0, 1],
                                      export=dict(force_separate_z=None, interpolation_order=5, interpolation_order_z=2)),
    "export_along_z_only": dict(shape=(6, 7, 8), spacing=(5.0, 1.0, 1.0), target=[3.0, 1.3, 0.9], regions=True,
                                export=dict(force_separate_z=None, interpolation_order=1, interpolation_order_z=4)),
    "constant": dict(shape=(9, 11, 13), spacing=(1.0, 1.0, 1.0), target=[1.2, 0.7, 1.1], constant=113.7),
    "constant_masked": dict(shape=(9, 11, 13), spacing=(1.0, 1.0, 1.0), target=[1.2, 0.7, 1.1], constant=113.7, mask=True, margin=1),
}


def run(name, *, shape, spacing, target, transpose=(0, 1, 2), margin=0, corner=False, mask=False, channels=1,
        scheme="nonCT", regions=False, previous=False, flat=False, export=None, constant=None):
    data = rng.normal(100, 40, (channels, *shape)).astype(np.float32)
    if constant is not None:
        data[:] = constant
    if margin:
        inner = np.zeros(shape, bool)
        inner[tuple(slice(margin, s - margin) for s in shape)] = True
        if corner:
            inner[tuple(slice(margin, s // 2) for s in shape)] = False
            inner[tuple(slice(margin, margin + 1) for s in shape)] = True
        data *= inner
    intensity = {"mean": 100.0, "sd": 35.0, "percentile_00_5": 40.0, "percentile_99_5": 160.0}
    plans = {
        "num_modalities": channels, "modalities": {i: "x" for i in range(channels)}, "all_classes": [1, 2],
        "normalization_schemes": {i: scheme for i in range(channels)}, "use_mask_for_norm": {i: mask for i in range(channels)},
        "dataset_properties": {"intensityproperties": {i: intensity for i in range(channels)}},
        "transpose_forward": list(transpose), "transpose_backward": [int(i) for i in np.argsort(transpose)],
        "preprocessor_name": "PreprocessorFor2D" if flat else "GenericPreprocessor",
        "plans_per_stage": {0: {"patch_size": [8, 8] if flat else [8, 8, 8], "current_spacing": target}},
    }
    if export is not None:
        plans["segmentation_export_params"] = export
    seg = None
    if previous:
        seg = (rng.random(shape) > 0.5).astype(np.uint8) + (rng.random(shape) > 0.8).astype(np.uint8)
        seg[1:4, 2:6, 2:6] = 2
    classes = PreprocessorFor2D if flat else GenericPreprocessor
    preprocessor = classes(plans["normalization_schemes"], plans["use_mask_for_norm"], list(transpose),
                           plans["dataset_properties"]["intensityproperties"])
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        files = []
        for channel in range(channels):
            image = sitk.GetImageFromArray(data[channel])
            image.SetSpacing([float(s) for s in spacing[::-1]])
            files.append(os.path.join(scratch, f"c_{channel:04d}.nrrd"))
            sitk.WriteImage(image, files[-1])
        out, _, properties = preprocessor.preprocess_test_case(files, np.array(target, float))
        if previous:
            reshaped = resize_segmentation(seg.transpose(transpose), out.shape[1:], order=1)
            out = np.vstack((out, to_one_hot(reshaped, [1, 2]))).astype(np.float32)
        heads = 3
        logits = rng.normal(0, 3, (heads, *out.shape[1:]))
        if regions:
            probabilities = 1 / (1 + np.exp(-logits))
        else:
            probabilities = np.exp(logits) / np.exp(logits).sum(0)
        probabilities = probabilities.astype(np.float32)
        backward = [0] + [i + 1 for i in plans["transpose_backward"]]
        file = os.path.join(scratch, "seg.nii.gz")
        order, order_z, force = 1, 0, None
        if export is not None:
            order, order_z, force = export["interpolation_order"], export["interpolation_order_z"], export["force_separate_z"]
        save_segmentation_nifti_from_softmax(
            probabilities.transpose(backward), file, deepcopy(properties), order, (1, 2, 3) if regions else None, None, None,
            None, None, force, order_z, verbose=True)
        segmentation = sitk.GetArrayFromImage(sitk.ReadImage(file))
    digits = lambda array: [float(f"{v:.8g}") for v in np.asarray(array, np.float64).ravel()]
    fixture = {
        "plans": plans, "shape": list(shape), "spacing": list(spacing), "channels": channels, "regions": regions,
        "image": digits(data), "previous": None if seg is None else seg.ravel().tolist(),
        "preprocessedShape": list(out.shape), "preprocessed": digits(out), "logits": digits(probabilities),
        "segmentation": segmentation.ravel().tolist(),
    }
    json.dump(fixture, open(os.path.join(OUT, f"{name}.json"), "w"), separators=(",", ":"), default=lambda v: v.item())


for case, arguments in cases.items():
    run(case, **arguments)
    print(case, file=sys.stderr)
