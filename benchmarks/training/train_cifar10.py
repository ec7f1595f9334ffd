"""examples/train_cifar10 in PyTorch: the same networks, recipes and options, to compare how much they get right.

    train_cifar10.py FOLDER [--network simple_cnn|resnet20] [--epochs N] [--seed N] [--augment] [--threads N]

FOLDER is that of CIFAR-10's binary version. Prints the mean loss of every hundred batches, and at the end, as the example does,
how much of the test set is right. Numbers are drawn by PyTorch, so beginnings and orders are others than the example's.
"""

import argparse

import torch
import torch.nn.functional as F

from recipes import BATCH, read, read_training_set, recipe


def cropped_and_flipped(images):
    """A window of 32×32 somewhere in the image with four black pixels around it, half of them mirrored."""
    count = len(images)
    padded = F.pad(images, (4, 4, 4, 4))
    columns = torch.arange(32).expand(count, 32)
    mirrored = torch.rand(count, 1) < 0.5
    columns = torch.where(mirrored, 31 - columns, columns) + torch.randint(9, (count, 1))
    rows = torch.arange(32).expand(count, 32) + torch.randint(9, (count, 1))
    image = torch.arange(count)[:, None, None, None]
    channel = torch.arange(3)[None, :, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    arguments.add_argument("--network", choices=("simple_cnn", "resnet20"), default="simple_cnn")
    arguments.add_argument("--epochs", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--augment", action="store_true")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    images, labels = read_training_set(options.folder)
    test_images, test_labels = read(options.folder, "test_batch")
    training = recipe(options.network)
    net, optimizer = training.net, training.optimizer
    cycle = None
    if options.epochs > 1:  # one epoch goes at one rate
        steps = (len(images) + BATCH - 1) // BATCH
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=training.highest_rate, total_steps=options.epochs * steps
        )

    for epoch in range(1, options.epochs + 1):
        net.train()
        total = 0.0
        for step, batch in enumerate(torch.randperm(len(images)).split(BATCH), 1):
            pixels = images[batch]
            if options.augment:
                pixels = cropped_and_flipped(pixels)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(training.input_of(pixels)), labels[batch])
            loss.backward()
            optimizer.step()
            if cycle:
                cycle.step()
            total += loss.item()
            if step % 100 == 0:
                print(f"[{epoch}, {step}] loss: {total / 100:.3f}", flush=True)
                total = 0.0

    net.eval()
    with torch.inference_mode():
        chosen = torch.cat([net(training.input_of(part)).argmax(1) for part in test_images.split(500)])
    print(f"{(chosen == test_labels).sum().item()} of {len(test_labels)} correct")


if __name__ == "__main__":
    main()
