"""The networks of compare's works in PyTorch, with the names that the weight files use.

Each runs in two parts around the layer that is explained: forward(x) is back(front(x)).
"""

import torch.nn.functional as F
from torch import nn


class SimpleCNN(nn.Module):
    explained = "conv3"

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.fc1 = nn.Linear(128 * 4 * 4, 512)
        self.fc2 = nn.Linear(512, 10)

    def front(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.conv3(x)

    def back(self, activation):
        x = F.max_pool2d(F.relu(activation), 2).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))

    def forward(self, x):
        return self.back(self.front(x))


class BasicBlock(nn.Module):
    """Its shortcut takes every second pixel and puts channels of zeros on both sides."""

    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.new_channels = (channels_out - channels_in) // 2

    def front(self, x):
        return self.conv2(F.relu(self.bn1(self.conv1(x))))

    def back(self, x, activation):
        if self.new_channels:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.new_channels, self.new_channels))
        return F.relu(self.bn2(activation) + x)

    def forward(self, x):
        return self.back(x, self.front(x))


class ResNet20(nn.Module):
    explained = "layer3.2.conv2"

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(BasicBlock(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32, 1), BasicBlock(32, 32, 1))
        self.layer3 = nn.Sequential(BasicBlock(32, 64, 2), BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def before_last_block(self, x):
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        return self.layer3[1](self.layer3[0](x))

    def after_last_block(self, x):
        return self.linear(x.mean((2, 3)))

    def front(self, x):
        """The explained activation, and the last block's input, which its shortcut needs."""
        x = self.before_last_block(x)
        return self.layer3[2].front(x), x

    def back(self, activation, x):
        return self.after_last_block(self.layer3[2].back(x, activation))

    def forward(self, x):
        return self.after_last_block(self.layer3[2](self.before_last_block(x)))


def squeezenet():
    import torchvision

    model = torchvision.models.squeezenet1_0()
    model.classifier[1].padding = (1, 1)  # as its weights were published
    return model


def resnet50():
    import torchvision

    return torchvision.models.resnet50()


MAKERS = {"simple_cnn": SimpleCNN, "resnet20": ResNet20, "squeezenet": squeezenet, "resnet50": resnet50}
