"""Runs nnU-Net's DefaultPreprocessor on one volume for the preprocessing benchmark.

usage: nnunet_preprocess.py VOLUME.npy PLANS.json DATASET.json CONFIGURATION SPACING_Z SPACING_Y SPACING_X OUT.npy
Prints the seconds that the preprocessor itself took.
"""
import json
import sys
import time

import numpy as np
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

volume, plans, dataset, configuration, *spacing, out = sys.argv[1:]
plans_manager = PlansManager(plans)
data = np.load(volume)[None].astype(np.float32)
start = time.perf_counter()
result, _, _ = DefaultPreprocessor(verbose=False).run_case_npy(
    data,
    None,
    {"spacing": [float(s) for s in spacing]},
    plans_manager,
    plans_manager.get_configuration(configuration),
    json.load(open(dataset)),
)
print(json.dumps({"seconds": time.perf_counter() - start, "shape": list(result.shape)}))
np.save(out, result.astype(np.float32))
