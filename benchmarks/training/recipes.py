"""The networks of examples/train_cifar10 in PyTorch, and how each is trained; both programs here share them."""

import pathlib
import sys
from typing import NamedTuple

import numpy
import torch

sys.path.append(str(pathlib.Path(__file__).parent.parent / "peers"))
from networks import ResNet20, SimpleCNN

BATCH = 64


class Recipe(NamedTuple):
    net: torch.nn.Module
    optimizer: torch.optim.Optimizer
    mean: torch.Tensor
    deviation: torch.Tensor
    highest_rate: float  # of one cycle

    def input_of(self, pixels):
        """Bytes, N×3×32×32, as the network takes them."""
        return (pixels.float() / 255 - self.mean) / self.deviation


def recipe(network):
    def of_channels(*values):
        return torch.tensor(values)[:, None, None]

    if network == "simple_cnn":
        net = SimpleCNN()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
        return Recipe(net, optimizer, of_channels(0.5), of_channels(0.5), 0.003)
    net = ResNet20()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True)
    return Recipe(net, optimizer, of_channels(0.485, 0.456, 0.406), of_channels(0.229, 0.224, 0.225), 0.1)


def read(folder, *names):
    """Images, N×3×32×32 bytes, and labels, of files of CIFAR-10's binary version."""
    records = numpy.concatenate(
        [numpy.fromfile(pathlib.Path(folder) / f"{name}.bin", numpy.uint8).reshape(-1, 3073) for name in names]
    )
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    return images, torch.from_numpy(records[:, 0].astype(numpy.int64))


def read_training_set(folder):
    return read(folder, *(f"data_batch_{i}" for i in range(1, 6)))
