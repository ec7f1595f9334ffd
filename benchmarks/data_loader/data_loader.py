"""The same with PyTorch's DataLoader and torchvision's transforms, images in memory as PIL makes them in its CIFAR10.

    data_loader.py FOLDER [EPOCHS] [IMAGES]

IMAGES of the training set an epoch (default 10,000: it takes a while); the least time of several epochs.
"""

import sys
import time

import numpy
import torch
import torchvision
from PIL import Image

transforms = torchvision.transforms


class Cifar10(torch.utils.data.Dataset):
    """As torchvision.datasets.CIFAR10, from the binary files."""

    def __init__(self, folder, count, transform):
        records = numpy.concatenate(
            [numpy.fromfile(f"{folder}/data_batch_{i}.bin", numpy.uint8).reshape(-1, 3073) for i in range(1, 6)]
        )[:count]
        self.labels = records[:, 0].astype(int).tolist()
        self.images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def main(folder, epochs="3", images="10000"):
    torch.set_num_threads(1)
    behind = [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]
    crop = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
    for workers in (0, 1, 2):
        for name, steps in (("normalize", behind), ("crop, flip", crop + behind)):
            data = Cifar10(folder, int(images), transforms.Compose(steps))
            loader = torch.utils.data.DataLoader(
                data, batch_size=64, shuffle=True, num_workers=workers, persistent_workers=workers > 0
            )
            least = float("inf")
            for _ in range(int(epochs)):
                begin = time.perf_counter()
                for _ in loader:
                    pass
                least = min(least, time.perf_counter() - begin)
            print(f"pytorch  {name:16} {workers} workers  {len(data) / least:9.0f} images a second", flush=True)


main(*sys.argv[1:])
