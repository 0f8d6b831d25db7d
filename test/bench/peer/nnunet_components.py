"""Runs nnU-Net's post-processing function for the components benchmark.

usage: nnunet_components.py VOXELS.u8 Z Y X OUT.u8 LABEL...
Prints the seconds that the function itself took.
"""
import json
import sys
import time

import numpy as np
from nnunetv2.postprocessing.remove_connected_components import remove_all_but_largest_component_from_segmentation

voxels, z, y, x, out, *labels = sys.argv[1:]
segmentation = np.fromfile(voxels, np.uint8).reshape(int(z), int(y), int(x))
start = time.perf_counter()
result = remove_all_but_largest_component_from_segmentation(segmentation, [int(label) for label in labels])
print(json.dumps({"seconds": time.perf_counter() - start}))
result.tofile(out)
