"""Writes test/fixtures/sliding-window from nnU-Net's own sliding window (nnunetv2 2.8.1, torch on CPU).

The network is one convolution, whose answer depends on the place in the window and on the direction, so that a wrong start,
padding, weight or flip shows. Sums are float32; the importance map is float16, as in nnU-Net.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

torch.half = torch.float32
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: E402
from nnunetv2.inference.sliding_window_prediction import (  # noqa: E402
    compute_gaussian,
    compute_steps_for_sliding_window,
)

FOLDER = Path(__file__).parent.parent / "fixtures" / "sliding-window"
RANDOM = np.random.default_rng(3)
CPU = torch.device("cpu")

CASES = [
    ("one window larger than the volume on every axis", [3, 4, 5], [4, 6, 8], 0.5, [0, 1, 2], 1),
    ("several windows, half a patch apart", [9, 11, 6], [4, 6, 6], 0.5, [], 1),
    ("one axis to pad, two to slide, two folds, all mirrorings", [9, 7, 5], [4, 4, 8], 0.5, [0, 1, 2], 2),
    ("two mirror axes", [6, 6, 7], [4, 4, 6], 0.75, [0, 2], 1),
    ("windows side by side", [8, 8, 4], [4, 4, 4], 1.0, [1], 1),
    ("small steps", [7, 5, 6], [6, 4, 5], 0.2, [], 1),
    ("slice by slice, with tiles", [19, 9, 7], [6, 4], 0.5, [], 1),
    ("slice by slice, padded, mirrored, two folds", [3, 5, 9], [8, 6], 0.5, [0, 1], 2),
]


def numbers(array) -> list[float]:
    return [float(f"{value:.7g}") for value in np.asarray(array).ravel()]


def predicted(size, patch, step, axes, folds) -> dict:
    dimensions = len(patch)
    volume = RANDOM.integers(-9, 10, [2, *size]).astype(np.float32)
    parameters = []
    for _ in range(folds):
        weight = (RANDOM.integers(-8, 9, [2, 2] + [3] * dimensions) / 16).astype(np.float32)
        bias = (RANDOM.integers(-8, 9, [2]) / 4).astype(np.float32)
        parameters.append({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    convolution = torch.nn.Conv3d if dimensions == 3 else torch.nn.Conv2d
    labels = SimpleNamespace(num_segmentation_heads=2, foreground_labels=[1])
    predictor = nnUNetPredictor(
        tile_step_size=step, use_mirroring=bool(axes), perform_everything_on_device=False, device=CPU, allow_tqdm=False
    )
    predictor.network = convolution(2, 2, 3, padding=1).eval()
    predictor.list_of_parameters = parameters
    predictor.configuration_manager = SimpleNamespace(patch_size=patch, previous_stage_name=None)
    predictor.label_manager = labels
    predictor.allowed_mirroring_axes = tuple(axes)
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(volume)).numpy()
    assert logits.dtype == np.float32
    return {
        "sizeZyx": size,
        "patchSize": patch,
        "stepSize": step,
        "mirrorAxes": axes,
        "volume": [int(value) for value in volume.ravel()],
        "folds": [{key: numbers(value) for key, value in fold.items()} for fold in parameters],
        "logits": numbers(logits),
    }


def importance(patch) -> dict:
    weights = compute_gaussian(tuple(patch), value_scaling_factor=10, device=CPU).float().numpy().ravel()
    index = list(range(weights.size))
    if weights.size > 600:
        index = sorted({0, weights.size - 1, *RANDOM.integers(0, weights.size, 250).tolist()})
    return {"patch": patch, "index": index, "weight": numbers(weights[index])}


def importance_sum(edge) -> dict:
    weights = compute_gaussian((edge, edge), value_scaling_factor=10, device=CPU).double().numpy()
    return {"patch": [edge, edge], "sum": float(weights.sum()), "distinct": int(np.unique(weights).size)}


def starts() -> dict:
    patch = int(RANDOM.integers(1, 200))
    size = patch + int(RANDOM.integers(0, 400))
    step = float(RANDOM.choice([0.5, 0.25, 0.3, 0.75, 1.0, 0.9, 0.1]))
    found = compute_steps_for_sliding_window((size,), (patch,), step)[0]
    return {"size": size, "patch": patch, "stepSize": step, "starts": found}


def write(name, content) -> None:
    (FOLDER / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")


FOLDER.mkdir(exist_ok=True)
write("windows.json", [{"name": name, **predicted(*case)} for name, *case in CASES])
patches = [[8], [5, 7], [4, 6, 8], [16, 12], [40, 2], [24, 24, 20], [64, 40]]
rules = {
    "importance": [importance(patch) for patch in patches],
    "sums": [importance_sum(edge) for edge in (128, 160, 192, 96)],
    "starts": [starts() for _ in range(60)],
}
write("rules.json", rules)
