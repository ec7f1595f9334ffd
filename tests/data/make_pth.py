"""Makes the .pth files beside this script, which tests/io_pth.cpp reads.

They were made with PyTorch 2.15. The values are counts, so that the test can tell what they must be.
"""

import pathlib

import torch
from torch import nn

here = pathlib.Path(__file__).parent


def count(*shape, dtype=torch.float32):
    size = torch.Size(shape).numel()
    return torch.arange(size, dtype=torch.float32).reshape(shape).to(dtype)


def types():
    kinds = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    return {kind: count(2, 3, dtype=getattr(torch, kind)) for kind in kinds}


def views():
    base = count(4, 6)
    return {
        "base": base,
        "transposed": base.t(),
        "columns": base[:, 1::2],
        "tail": base[2:],
        "element": base[3, 5],
        "expanded": base[1:2, :].expand(3, 6),
        "channels_last": count(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "none": torch.empty(0, 3),
        "parameter": nn.Parameter(base[0]),
    }


def checkpoint():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.copy_(count(*tensor.shape, dtype=tensor.dtype))
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    network(torch.ones(1, 1, 4, 4)).sum().backward()
    optimizer.step()
    network.load_state_dict(weights)
    return {
        "epoch": 7,
        "best": torch.tensor(0.5),
        "arguments": {"lr": 1e-3, "betas": (0.9, 0.999), "name": "small", "device": torch.device("cuda", 0)},
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "averaged": {"0.weight": torch.zeros(2, 1, 3, 3)},
        "model": network.state_dict(),
    }


torch.save(types(), here / "types.pth")
torch.save(views(), here / "views.pth")
torch.save(checkpoint(), here / "checkpoint.pth")
torch.save(checkpoint(), here / "checkpoint_protocol_5.pth", pickle_protocol=5)
torch.save(types(), here / "types_stream.pth", _use_new_zipfile_serialization=False)
torch.save(views(), here / "views_stream.pth", _use_new_zipfile_serialization=False)
torch.save(checkpoint(), here / "checkpoint_stream.pth", _use_new_zipfile_serialization=False)
torch.save(nn.ReLU(), here / "whole_module.pth")
