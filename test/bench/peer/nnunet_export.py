"""Runs nnU-Net's step from logits to segmentation for the export benchmark.

usage: nnunet_export.py LOGITS.f32 HEADS NZ NY NX SZ SY SX PLANS.json CONFIGURATION SPACING(3, of the input) OUT.npy
LOGITS.f32 holds z x head x y x x float32. Prints the seconds that the export itself took.
"""
import json
import sys
import time

import numpy as np
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

logits_file, heads, nz, ny, nx, sz, sy, sx, plans, configuration, *spacing, out = sys.argv[1:]
heads, network, full = int(heads), (int(nz), int(ny), int(nx)), (int(sz), int(sy), int(sx))
plans_manager = PlansManager(plans)
labels = {"background": 0, **{f"label_{i}": i for i in range(1, heads)}}
label_manager = plans_manager.get_label_manager({"labels": labels, "channel_names": {"0": "CT"}})
logits = np.fromfile(logits_file, np.float32).reshape(network[0], heads, *network[1:]).transpose(1, 0, 2, 3).copy()
properties = {
    "spacing": [float(s) for s in spacing],
    "shape_before_cropping": full,
    "shape_after_cropping_and_before_resampling": full,
    "bbox_used_for_cropping": [[0, s] for s in full],
}
start = time.perf_counter()
segmentation = convert_predicted_logits_to_segmentation_with_correct_shape(
    torch.from_numpy(logits),
    plans_manager,
    plans_manager.get_configuration(configuration),
    label_manager,
    properties,
    num_threads_torch=torch.get_num_threads(),
)
print(json.dumps({"seconds": time.perf_counter() - start}))
np.save(out, np.asarray(segmentation).astype(np.uint8))
