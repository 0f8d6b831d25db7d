"""Writes a model folder as nnU-Net's trainer does, with random weights for a full-size network.

usage: full_size_model.py TEMPLATE_MODEL_FOLDER OUT_FOLDER [FOLDS] [small]
The network is nnU-Net's default for a large CT: PlainConvUNet, 6 stages, 32-320 features, patch 128x128x128. A small one for
rehearsals has 3 stages, 8-32 features and a patch of 32x32x32.
"""
import json
import os
import sys

import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

template, out = sys.argv[1:3]
folds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
is_small = "small" in sys.argv[4:]
patch, features = (32, [8, 16, 32]) if is_small else (128, [32, 64, 128, 256, 320, 320])
stages = len(features)
os.makedirs(out, exist_ok=True)
plans = json.load(open(os.path.join(template, "plans.json")))
dataset = json.load(open(os.path.join(template, "dataset.json")))
configuration = plans["configurations"]["3d_fullres"]
configuration["patch_size"] = [patch] * 3
kwargs = configuration["architecture"]["arch_kwargs"]
kwargs.update(
    n_stages=stages,
    features_per_stage=features,
    kernel_sizes=[[3, 3, 3]] * stages,
    strides=[[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
    n_conv_per_stage=[2] * stages,
    n_conv_per_stage_decoder=[2] * (stages - 1),
)
architecture = configuration["architecture"]
json.dump(plans, open(os.path.join(out, "plans.json"), "w"), indent=1)
json.dump(dataset, open(os.path.join(out, "dataset.json"), "w"), indent=1)
for fold in range(folds):
    torch.manual_seed(fold)
    network = get_network_from_plans(
        architecture["network_class_name"],
        kwargs,
        architecture["_kw_requires_import"],
        1,
        len(dataset["labels"]),
        deep_supervision=True,
    )
    folder = os.path.join(out, f"fold_{fold}")
    os.makedirs(folder, exist_ok=True)
    torch.save(
        {
            "network_weights": network.state_dict(),
            "optimizer_state": {},
            "grad_scaler_state": None,
            "logging": {},
            "_best_ema": None,
            "current_epoch": 1000,
            "init_args": {"plans": plans, "configuration": "3d_fullres", "fold": fold, "dataset_json": dataset},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": (0, 1, 2),
        },
        os.path.join(folder, "checkpoint_final.pth"),
    )
print(json.dumps({"parameters": sum(p.numel() for p in network.parameters())}))
