"""The Python side of docs/how-to/pytorch-weights.md: a ResNet-20 with seeded weights, its state dict, one input, its logits.

    pytorch_weights.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.more = stride, channels - channels_in

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return F.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = F.adaptive_avg_pool2d(x, 1)
        return self.linear(x.flatten(1))


folder = Path(sys.argv[1])
torch.manual_seed(1)
model = ResNet20()
for name, buffer in model.named_buffers():  # as if it had been trained
    if name.endswith("running_mean"):
        buffer.uniform_(-0.1, 0.1)
    elif name.endswith("running_var"):
        buffer.uniform_(0.25, 0.75)

model.eval()
torch.save(model.state_dict(), folder / "resnet20.pth")
x = torch.randn(2, 3, 32, 32)
with torch.no_grad():
    logits = model(x)
np.save(folder / "x.npy", x.numpy())
np.save(folder / "logits.npy", logits.numpy())
