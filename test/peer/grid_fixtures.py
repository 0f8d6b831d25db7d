"""Writes small random cases, and the results of nnU-Net's own preprocessing and export for them, into test/fixtures/grids.

Run with a Python that has nnunetv2:  python test/peer/grid_fixtures.py
"""
import json
import os

import numpy as np
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.label_handling.label_handling import convert_labelmap_to_one_hot
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "grids")
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(11)
Z, CT = "ZScoreNormalization", "CTNormalization"
DEFAULT = "resample_data_or_seg_to_shape"

cases = {
    "downsampled": dict(shape=(9, 14, 12), spacing=(1.0, 0.8, 0.8), target=[1.5, 1.3, 1.2]),
    "upsampled": dict(shape=(7, 8, 9), spacing=(2.0, 1.5, 1.4), target=[1.1, 0.9, 0.8]),
    "one_axis_kept": dict(shape=(8, 9, 10), spacing=(1.0, 1.0, 1.0), target=[1.0, 0.7, 1.6]),
    "separate_z": dict(shape=(6, 12, 11), spacing=(5.0, 0.8, 0.8), target=[3.0, 1.0, 1.0]),
    "separate_z_kept": dict(shape=(6, 12, 11), spacing=(5.0, 0.8, 0.8), target=[5.0, 1.1, 0.7]),
    "separate_by_target": dict(shape=(9, 10, 11), spacing=(1.0, 1.0, 1.0), target=[4.0, 1.2, 0.9]),
    "separate_last_axis": dict(shape=(10, 9, 5), spacing=(0.9, 0.9, 4.0), target=[1.1, 1.0, 2.5]),
    "two_axes_tie": dict(shape=(6, 7, 14), spacing=(4.0, 4.0, 0.9), target=[2.0, 2.5, 1.2]),
    "transposed": dict(shape=(9, 8, 5), spacing=(0.9, 1.0, 4.0), target=[3.0, 1.2, 0.8], transpose=[2, 0, 1]),
    "single_slice": dict(shape=(1, 12, 11), spacing=(999.0, 1.0, 1.0), target=[999.0, 1.4, 0.8]),
    "two_dimensional": dict(shape=(4, 12, 11), spacing=(3.0, 1.0, 1.0), target=[1.4, 0.8]),
    "cropped": dict(shape=(9, 12, 11), spacing=(1.0, 1.0, 1.0), target=[1.3, 0.9, 1.1], margin=2),
    "masked": dict(shape=(9, 12, 11), spacing=(1.0, 1.0, 1.0), target=[1.3, 0.9, 1.1], margin=2, hole=True, mask=True),
    "masked_two_channels": dict(shape=(8, 10, 9), spacing=(3.5, 1.0, 1.0), target=[3.0, 1.2, 1.1], margin=1, channels=2, mask=True),
    "ct": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], schemes=[CT]),
    "rescaled": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], schemes=["RescaleTo01Normalization"]),
    "untouched": dict(shape=(5, 6, 7), spacing=(1.0, 1.0, 1.0), target=[1.0, 1.0, 1.0], schemes=["NoNormalization"]),
    "empty_image": dict(shape=(5, 6, 7), spacing=(1.0, 1.0, 1.0), target=[1.2, 1.1, 1.0], margin=9),
    "regions": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[1.5, 1.2, 1.1], regions=True),
    "previous_stage": dict(shape=(9, 10, 11), spacing=(1.0, 1.0, 1.0), target=[1.7, 1.3, 0.9], previous=True, margin=1),
    "previous_stage_anisotropic": dict(shape=(5, 10, 11), spacing=(4.0, 1.0, 1.0), target=[3.1, 1.3, 0.9], previous=True),
    "linear_data": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], order=1),
    "torch_resampling": dict(shape=(7, 9, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], function="resample_torch_fornnunet"),
    "torch_resampling_anisotropic": dict(shape=(5, 9, 8), spacing=(5.0, 1.0, 1.0), target=[3.2, 1.2, 1.1], function="resample_torch_fornnunet"),
    # 14 slices of the network become 23. Some are exactly between two, so that torch's float32 rounding decides.
    "torch_tie": dict(shape=(23, 5, 4), spacing=(6.0, 1.0, 1.0), target=[6.0 * 23 / 14, 1.2, 1.1], function="resample_torch_fornnunet"),
    "torch_tie_of_data": dict(shape=(14, 5, 4), spacing=(6.0, 1.0, 1.0), target=[6.0 * 14 / 23, 1.2, 1.1], function="resample_torch_fornnunet"),
    "torch_previous_stage": dict(shape=(8, 10, 12), spacing=(1.0, 1.0, 1.0), target=[0.8, 2.0, 1.7], function="resample_torch_fornnunet", previous=True),
    "torch_previous_stage_anisotropic": dict(shape=(9, 8, 10), spacing=(4.0, 1.0, 1.0), target=[3.0, 0.7, 1.7], function="resample_torch_fornnunet", previous=True),
    "torch_previous_stage_last_axis": dict(shape=(8, 10, 9), spacing=(1.0, 1.0, 4.0), target=[0.7, 1.7, 3.0], function="resample_torch_fornnunet", previous=True),
    "torch_regions_transposed": dict(shape=(8, 7, 6), spacing=(1.0, 1.0, 5.0), target=[4.0, 1.3, 0.8], transpose=[2, 0, 1], function="resample_torch_fornnunet", regions=True),
    "no_resampling": dict(shape=(7, 9, 8), spacing=(2.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], function="no_resampling_hack", margin=1),
    "no_resampling_2d": dict(shape=(4, 9, 8), spacing=(2.0, 1.0, 1.0), target=[1.7, 0.6], function="no_resampling_hack"),
    "no_resampling_previous_stage": dict(shape=(6, 7, 8), spacing=(2.0, 1.0, 1.0), target=[0.8, 1.2, 1.1], function="no_resampling_hack", previous=True),
    "quadratic": dict(shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0), target=[0.8, 1.3, 1.1], order=2, probabilities_order=2),
    "cubic_probabilities": dict(shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0), target=[1.4, 0.8, 1.1], probabilities_order=3),
    "quartic_regions": dict(shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0), target=[1.4, 0.8, 1.1], order=4, probabilities_order=4, regions=True),
    "quintic_2d": dict(shape=(3, 9, 8), spacing=(3.0, 1.0, 1.0), target=[1.4, 0.8], order=5, probabilities_order=5),
    "spline_along_z": dict(shape=(6, 7, 8), spacing=(5.0, 1.0, 1.0), target=[3.0, 1.3, 0.9], order=2, order_z=4, probabilities_order=1, probabilities_order_z=3),
    "spline_along_z_transposed": dict(shape=(7, 8, 6), spacing=(1.0, 1.0, 5.0), target=[3.0, 1.3, 0.9], transpose=[2, 0, 1], order=3, order_z=1, probabilities_order=5, probabilities_order_z=2),
    "previous_stage_by_spline": dict(shape=(8, 10, 8), spacing=(1.0, 1.0, 1.0), target=[2.0, 2.0, 1.3], previous=True, seg_order=3),
    "previous_stage_by_spline_along_z": dict(shape=(6, 10, 8), spacing=(4.0, 1.0, 1.0), target=[2.0, 2.0, 1.3], previous=True, seg_order=2, seg_order_z=3),
    "previous_stage_linear_along_z": dict(shape=(6, 10, 8), spacing=(4.0, 1.0, 1.0), target=[8.0, 1.7, 1.3], previous=True, seg_order=0, seg_order_z=1),
    "low_threshold": dict(shape=(6, 9, 8), spacing=(2.0, 1.0, 1.0), target=[1.5, 1.2, 1.1], threshold=1.8),
    "high_threshold": dict(shape=(6, 9, 8), spacing=(4.0, 1.0, 1.0), target=[3.0, 1.2, 1.1], threshold=4.5),
    "constant": dict(shape=(7, 11, 13), spacing=(1.0, 1.0, 1.0), target=[1.2, 1.7, 1.1], constant=113.7),
    "constant_cropped": dict(shape=(7, 11, 13), spacing=(1.0, 1.0, 1.0), target=[1.2, 1.3, 1.1], constant=113.7, margin=1, transpose=[2, 0, 1]),
    "constant_masked": dict(shape=(7, 11, 13), spacing=(1.0, 1.0, 1.0), target=[1.2, 1.3, 1.1], constant=0.7, margin=1, hole=True, mask=True),
    "high_threshold_torch": dict(shape=(6, 9, 8), spacing=(4.0, 1.0, 1.0), target=[3.0, 1.2, 1.1], threshold=4.5, function="resample_torch_fornnunet"),
}


def image(shape, channels, margin, hole, constant):
    data = rng.normal(100, 40, (channels, *shape)).astype(np.float32)
    if constant is not None:
        data[:] = constant
    if margin:
        inner = np.zeros(shape, bool)
        inner[tuple(slice(margin, max(margin, s - margin)) for s in shape)] = True
        if hole:
            inner[tuple(slice(s // 2 - 1, s // 2 + 1) for s in shape)] = False
        data *= inner
    return data


def run(name, *, shape, spacing, target, transpose=(0, 1, 2), margin=0, hole=False, mask=False, channels=1, schemes=None,
        regions=False, previous=False, order=3, order_z=0, seg_order=1, seg_order_z=0, probabilities_order=1,
        probabilities_order_z=0, threshold=None, constant=None, function=DEFAULT):
    schemes = schemes or [Z] * channels
    def kwargs(is_seg, k, k_z):
        if function == "no_resampling_hack":
            return {}
        orders = {"order": k, "order_z": k_z} if function == DEFAULT else {}
        thresholds = {} if threshold is None else {"separate_z_anisotropy_threshold": threshold}
        return {"is_seg": is_seg, **orders, "force_separate_z": None, **thresholds}

    configuration = {
        "patch_size": [8] * len(target), "spacing": target, "normalization_schemes": schemes,
        "use_mask_for_norm": [mask] * channels, "batch_size": 2, "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor",
        "resampling_fn_data": function, "resampling_fn_data_kwargs": kwargs(False, order, order_z),
        "resampling_fn_seg": function, "resampling_fn_seg_kwargs": kwargs(True, seg_order, seg_order_z),
        "resampling_fn_probabilities": function, "resampling_fn_probabilities_kwargs": kwargs(False, probabilities_order, probabilities_order_z),
        **({"previous_stage": "d"} if previous else {}),
        "architecture": {"network_class_name": "PlainConvUNet", "arch_kwargs": {}, "_kw_requires_import": []},
    }
    intensity = {"mean": 100.0, "std": 35.0, "median": 99.0, "min": 0.0, "max": 250.0, "percentile_00_5": 40.0, "percentile_99_5": 160.0}
    plans = {
        "dataset_name": "Dataset001_X", "plans_name": "p", "image_reader_writer": "SimpleITKIO", "label_manager": "LabelManager",
        "transpose_forward": list(transpose), "transpose_backward": [int(i) for i in np.argsort(transpose)],
        "configurations": {"c": configuration}, "foreground_intensity_properties_per_channel": {str(i): intensity for i in range(channels)},
    }
    labels = {"background": 0, "whole": [1, 2], "core": 2} if regions else {"background": 0, "a": 1, "b": 2}
    dataset = {"labels": labels, "channel_names": {str(i): "x" for i in range(channels)}, "file_ending": ".nii.gz"}
    if regions:
        dataset["regions_class_order"] = [1, 2]
    manager = PlansManager(plans)
    config, label_manager = manager.get_configuration("c"), manager.get_label_manager(dataset)
    data = image(shape, channels, margin, hole, constant)
    seg = None
    if previous:
        seg = (rng.random((1, *shape)) > 0.5).astype(np.int16) + (rng.random((1, *shape)) > 0.8)
        seg = np.repeat(np.repeat(seg, 1, 1), 1, 2).astype(np.int16)
        seg[0, 1:4, 2:6, 2:6] = 2
    properties = {"spacing": list(spacing)}
    out, out_seg, properties = DefaultPreprocessor(verbose=False).run_case_npy(data, seg, dict(properties), manager, config, dataset)
    if previous:
        out = np.vstack((out, convert_labelmap_to_one_hot(out_seg[0], label_manager.foreground_labels, out.dtype)))
    logits = rng.normal(0, 4, (label_manager.num_segmentation_heads, *out.shape[1:])).astype(np.float32)
    segmentation, probabilities = convert_predicted_logits_to_segmentation_with_correct_shape(
        torch.from_numpy(logits.copy()), manager, config, label_manager, properties, return_probabilities=True)
    plain = convert_predicted_logits_to_segmentation_with_correct_shape(
        torch.from_numpy(logits.copy()), manager, config, label_manager, properties)
    digits = lambda array: [float(f"{v:.8g}") for v in np.asarray(array, np.float64).ravel()]
    fixture = {
        "plans": plans, "dataset": dataset, "shape": list(shape), "spacing": list(spacing), "channels": channels,
        "image": digits(data), "previous": None if seg is None else seg.ravel().tolist(),
        "preprocessedShape": list(out.shape), "preprocessed": digits(out), "logits": digits(logits),
        "segmentation": np.asarray(plain).ravel().tolist(), "probabilities": digits(probabilities),
    }
    json.dump(fixture, open(os.path.join(OUT, f"{name}.json"), "w"), separators=(",", ":"))


for case, arguments in cases.items():
    run(case, **arguments)
