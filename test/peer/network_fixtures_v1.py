"""Makes test/fixtures/networks_v1 with the network classes of the real nnU-Net v1.

Run where nnunet 1.7.1 and torch are installed: python test/peer/network_fixtures_v1.py

networks_v1/<name>/: a tiny untrained network in v1's own files (plans.pkl, fold_0/model_final_checkpoint.model(.pkl))
and window.json, see network_fixtures.py.
"""

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from network_fixtures import FIXTURES, randomise, window, write_window
from nnunet.network_architecture.custom_modules.feature_response_normalization import FRN3D
from nnunet.network_architecture.custom_modules.helperModules import Identity, MyGroupNorm
from nnunet.network_architecture.custom_modules.mish import Mish
from nnunet.network_architecture.generic_modular_residual_UNet import FabiansUNet, get_default_network_config
from nnunet.network_architecture.generic_UNet import ConvDropoutNonlinNorm, Generic_UNet
from torch import nn

FABIANS_PLANS = "nnUNetPlans_FabiansResUNet_v2.1"


def generic(patch, pools, kernels, channels=1, classes=3, base=2, norm=None, nonlin=nn.LeakyReLU, slope=1e-2, convs=2,
            norm_kwargs=None, **kwargs):
    three = len(patch) == 3
    norm = norm or (nn.InstanceNorm3d if three else nn.InstanceNorm2d)
    nonlin_kwargs = {nn.LeakyReLU: {"negative_slope": slope, "inplace": True}, nn.ReLU: {"inplace": True}}.get(nonlin, {})
    network = Generic_UNet(
        channels, base, classes, len(pools), convs, 2, nn.Conv3d if three else nn.Conv2d, norm,
        norm_kwargs or {"eps": 1e-5, "affine": True}, nn.Dropout3d if three else nn.Dropout2d, {"p": 0, "inplace": True}, nonlin,
        nonlin_kwargs, True, False, lambda x: x, None, pools, kernels, False, True, True, **kwargs,
    )
    network.do_ds = False
    return network, dict(patch_size=np.array(patch), pool_op_kernel_sizes=pools, conv_kernel_sizes=kernels)


def fabians(patch, pools, kernels, blocks, decoder_blocks, channels=1, classes=2, base=2, norm="in"):
    config = get_default_network_config(3, None, norm_type=norm)
    network = FabiansUNet(channels, base, blocks, 2, pools, kernels, config, classes, decoder_blocks, True, False, 6)
    network.decoder.deep_supervision = False
    return network, dict(
        patch_size=np.array(patch), pool_op_kernel_sizes=pools, conv_kernel_sizes=kernels,
        num_blocks_encoder=blocks, num_blocks_decoder=decoder_blocks,
    )


K3, K133 = [3, 3, 3], [1, 3, 3]
P2, P122 = [2, 2, 2], [1, 2, 2]

# name: (network, stage plan), trainer, and the differences from one channel and two foreground labels.
NETWORKS = {
    "generic_anisotropic": lambda: (generic([4, 16, 16], [P122, P122, P2], [K133, K133, K3, K3]), "nnUNetTrainerV2", {}),
    "generic_2d": lambda: (generic([16, 24], [[2, 2], [2, 2], [1, 2]], [[3, 3]] * 4), "nnUNetTrainerV2", {}),
    "generic_batchnorm": lambda: (
        generic([8, 8, 8], [P2, P2], [K3] * 3, norm=nn.BatchNorm3d), "nnUNetTrainerV2_BN", {}),
    "generic_regions": lambda: (
        generic([8, 8, 8], [P2, P2], [K3] * 3, channels=4, norm=nn.BatchNorm3d), "nnUNetTrainerV2BraTSRegions_DA4_BN_BD",
        dict(channels=4, labels=3)),
    "generic_cascade": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, channels=3), "nnUNetTrainerV2CascadeFullRes", {}),
    "generic_three_convs": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, convs=3), "nnUNetTrainerV2_3ConvPerStage", {}),
    "generic_relu_first": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, nonlin=nn.ReLU, basic_block=ConvDropoutNonlinNorm),
        "nnUNetTrainerV2_ReLU_convReLUIN", {}),
    "generic_head_bias": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, seg_output_use_bias=True), "nnUNetTrainerV2_lReLU_biasInSegOutput", {}),
    "generic_slope": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, slope=2e-1), "nnUNetTrainerV2_LReLU_slope_2en1", {}),
    "generic_old_plans": lambda: (
        generic([4, 8, 16], [[1, 1, 2], [1, 2, 2], [2, 2, 2]], [K3] * 4), "nnUNetTrainer",
        dict(without=["pool_op_kernel_sizes", "conv_kernel_sizes"], pools=[1, 2, 3])),
    "fabians": lambda: (
        fabians([8, 16, 16], [[1, 1, 1], P122, P2, P2], [K133, K3, K3, K3], [1, 2, 3, 1], [1, 1, 2]),
        "nnUNetTrainerV2_ResencUNet_DA3", dict(labels=1, plans=FABIANS_PLANS)),
    "fabians_batchnorm": lambda: (
        fabians([8, 8, 8], [[1, 1, 1], P2, [1, 1, 1]], [K3] * 3, [1, 1, 2], [1, 1], norm="bn"),
        "nnUNetTrainerV2_ResencUNet_DA3_BN", dict(labels=1, plans=FABIANS_PLANS)),
    # The networks as the trainers with these names build them.
    "generic_gelu": lambda: (generic([8, 8, 8], [P2], [K3] * 2, nonlin=nn.GELU), "nnUNetTrainerV2_GeLU", {}),
    "generic_mish": lambda: (generic([8, 8, 8], [P2], [K3] * 2, nonlin=Mish), "nnUNetTrainerV2_Mish", {}),
    "generic_groupnorm": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, base=8, norm=MyGroupNorm,
                norm_kwargs={"eps": 1e-5, "affine": True, "num_groups": 8}), "nnUNetTrainerV2_GN", {}),
    "generic_groupnorm_2d": lambda: (
        generic([16, 8], [[2, 2]], [[3, 3]] * 2, base=16, norm=MyGroupNorm,
                norm_kwargs={"eps": 1e-5, "affine": True, "num_groups": 8}), "nnUNetTrainerV2_GN", {}),
    "generic_response_norm": lambda: (
        generic([8, 8, 8], [P2], [K3] * 2, norm=FRN3D, nonlin=Identity, norm_kwargs={"eps": 1e-6}),
        "nnUNetTrainerV2_FRN", {}),
}


def plans_of(stage_plan, channels=1, labels=2, without=(), pools=None, **_):
    stage = {
        "batch_size": 2,
        "num_pool_per_axis": pools or [2, 2, 2],
        "current_spacing": np.array([1.0, 1.0, 1.0]),
        "original_spacing": np.array([1.0, 1.0, 1.0]),
        "do_dummy_2D_data_aug": False,
        **stage_plan,
    }
    for key in without:
        del stage[key]
    return {
        "num_stages": 1,
        "num_modalities": channels,
        "modalities": {i: f"MR{i}" for i in range(channels)},
        "normalization_schemes": OrderedDict((i, "nonCT") for i in range(channels)),
        "dataset_properties": {"intensityproperties": None},
        "preprocessed_data_folder": "/data/preprocessed/Task900_Odd",
        "num_classes": labels,
        "all_classes": list(range(1, labels + 1)),
        "base_num_features": 2,
        "use_mask_for_norm": OrderedDict((i, False) for i in range(channels)),
        "keep_only_largest_region": None,
        "min_region_size_per_class": None,
        "min_size_per_class": None,
        "data_identifier": "nnUNetData_plans_v2.1",
        "plans_per_stage": {0: stage},
    }


def main():
    generator = torch.Generator().manual_seed(901)
    for name, make in NETWORKS.items():
        (network, stage_plan), trainer, facts = make()
        randomise(network, generator)
        folder = FIXTURES / "networks_v1" / name
        (folder / "fold_0").mkdir(parents=True, exist_ok=True)
        plans = plans_of(stage_plan, **facts)
        (folder / "plans.pkl").write_bytes(pickle.dumps(plans, protocol=2))
        output = f"/data/results/nnUNet/3d_fullres/Task900_Odd/{trainer}__{facts.get('plans', 'nnUNetPlansv2.1')}"
        init = ("/data/plans.pkl", 0, output, "/data/Task900_Odd", True, 0, True, False, True)
        record = {"init": init, "name": trainer, "class": str(type(network)), "plans": plans}
        file = folder / "fold_0" / "model_final_checkpoint.model"
        Path(f"{file}.pkl").write_bytes(pickle.dumps(record))
        torch.save(
            {"epoch": 1, "state_dict": network.state_dict(), "optimizer_state_dict": None,
             "lr_scheduler_state_dict": None, "plot_stuff": ([0.5], [], [], []), "best_stuff": (None, 0.5, 0.5)},
            file,
            _use_new_zipfile_serialization=name != "generic_2d",
        )
        first = network.state_dict().get("conv_blocks_context.0.blocks.0.conv.weight")
        channels = (first if first is not None else network.state_dict()["encoder.initial_conv.weight"]).shape[1]
        write_window(folder / "window.json", network, window(channels, stage_plan["patch_size"]))


if __name__ == "__main__":
    main()
