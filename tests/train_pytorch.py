"""Compares hookcam's losses, optimisers, clipping and schedules with PyTorch's, in double.

    train_pytorch.py PROGRAM       runs the program train_pytorch and compares

There are 20 settings for each, drawn at random from one seed, beside the defaults. Optimisers go 12 steps, with
parameters that now and then have no gradient, and a group with options of its own; schedules are compared step by step.
Two tensors agree where their largest difference is under 1e-12 of PyTorch's largest element. Ends with 77, which is
CTest's "skipped", where PyTorch is not installed.
"""

import math
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

ROUNDS = 20
TOLERANCE = 1e-12
REDUCTIONS = ["mean", "sum", "none"]
CLASS_LOSSES = ["cross_entropy", "nll_loss"]
ELEMENT_LOSSES = ["mse_loss", "l1_loss", "binary_cross_entropy_with_logits"]
OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop"]
SCHEDULES = ["step_lr", "multi_step_lr", "cosine_annealing_lr", "linear_lr", "one_cycle_lr", "sequential_lr"]
SHAPES = [(5, 7), (5,), (3, 5), (3,)]  # the parameters of the program's network, the first two in group "a"


class Settings:
    """What goes to the program, and what must come back."""

    def __init__(self):
        self.given, self.expected = {}, {}
        self.draw = random.Random(1)
        self.generator = torch.Generator().manual_seed(1)

    def noise(self, *shape):
        return torch.randn(*shape, dtype=torch.float64, generator=self.generator)

    def often(self):
        return self.draw.random() < 0.5

    def give(self, key, **tensors):
        for name, tensor in tensors.items():
            if tensor is not None:
                if not torch.is_tensor(tensor):
                    tensor = torch.tensor(tensor, dtype=torch.float64)
                self.given[f"{key}.{name}"] = tensor.detach().contiguous()

    def expect(self, key, **tensors):
        for name, tensor in tensors.items():
            self.expected[f"{key}.{name}"] = tensor.detach().clone()

    # ---------------------------------------------------------------------------------------------- losses

    def expect_loss(self, key, function, x, reduction):
        x = x.requires_grad_()
        loss = function(x, REDUCTIONS[reduction])
        value = loss.sum()
        value.backward()
        self.expect(key, value=value, values=function(x, "none"), gradient=x.grad)

    def class_loss(self, key, name):
        functional = torch.nn.functional
        classes, reduction = self.draw.randint(2, 12), self.draw.randrange(3)
        shape = [self.draw.randint(1, 7), classes] + ([3, 2] if self.often() else [])
        x = 4 * self.noise(*shape)
        labels = torch.tensor([self.draw.randrange(classes) for _ in range(math.prod(shape) // classes)])
        ignored = self.draw.choice([-100, 1])
        if ignored == -100:
            labels[1::3] = ignored
        labels[0] = 0
        weight = self.noise(classes).abs() if self.often() else None
        smoothing = self.draw.choice([0.0, 0.1, self.draw.random(), 1.0]) if name == "cross_entropy" else 0.0
        options = {"weight": weight, "ignore_index": ignored}
        if name == "cross_entropy":
            options["label_smoothing"] = smoothing
        else:
            x = x.log_softmax(1)
        self.give(key, x=x, labels=labels, weight=weight, options=[reduction, ignored, smoothing])
        target = labels.reshape(shape[:1] + shape[2:])
        function = getattr(functional, name)
        self.expect_loss(key, lambda x, how: function(x, target, reduction=how, **options), x, reduction)

    def element_loss(self, key, name):
        reduction, shape = self.draw.randrange(3), (self.draw.randint(1, 6), self.draw.randint(2, 5))
        x, t, options = 3 * self.noise(*shape), self.noise(*shape), {}
        if name.startswith("binary"):
            t = self.draw.choice([t.sigmoid(), (t > 0).double()])
            for option in ["weight", "pos_weight"]:
                size = self.draw.choice([None, 1, shape[1]])
                options[option] = self.noise(size).abs() if size else None
        elif self.often():
            t[0] = x[0]
        self.give(key, x=x, t=t, options=[reduction], **options)
        function = getattr(torch.nn.functional, name)
        self.expect_loss(key, lambda x, how: function(x, t, reduction=how, **options), x, reduction)

    def default_loss(self, key, name):
        x = 4 * self.noise(6, 5)
        if name in CLASS_LOSSES:
            target = torch.tensor([0, 4, -100, 2, 1, 1])
            if name == "nll_loss":
                x = x.log_softmax(1)
            self.give(key, x=x, labels=target)
        else:
            target = self.noise(6, 5).sigmoid()
            self.give(key, x=x, t=target)
        kind = DEFAULT_LOSSES[name]
        self.expect_loss(key, lambda x, how: (kind(reduction=how) if how == "none" else kind())(x, target), x, 0)

    # ------------------------------------------------------------------------------------------ optimisers

    def options(self, name):
        """PyTorch's keywords, and the same as a row of numbers."""
        draw = self.draw
        lr, decay = 10 ** draw.uniform(-4, -1), draw.choice([0.0, 10 ** draw.uniform(-4, -1)])
        if name == "sgd":
            momentum = draw.choice([0.0, draw.random()])
            nesterov = momentum > 0 and self.often()
            dampening = 0.0 if nesterov or self.often() else draw.random()
            keywords = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": decay}
            return keywords | {"nesterov": nesterov}, [*keywords.values(), nesterov]
        eps = 10 ** draw.uniform(-10, -4)
        if name == "rmsprop":
            keywords = {"lr": lr, "alpha": draw.uniform(0.2, 0.999), "eps": eps, "weight_decay": decay}
            keywords |= {"momentum": draw.choice([0.0, draw.random()]), "centered": self.often()}
            return keywords, [float(value) for value in keywords.values()]
        betas, amsgrad = (draw.uniform(0.1, 0.95), draw.uniform(0.5, 0.9999)), self.often()
        keywords = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": decay, "amsgrad": amsgrad}
        return keywords, [lr, *betas, eps, decay, float(amsgrad)]

    def steps(self, key, parameters, optimizer, clip):
        def flat(tensors):
            return torch.cat([tensor.detach().flatten() for tensor in tensors])

        self.give(key, start=flat(parameters), clip=clip)
        gradients, after, norms = [], [], []
        for step in range(12):
            for parameter in parameters:
                parameter.grad = self.noise(*parameter.shape) * 10 ** self.draw.uniform(-3, 2)
                if step > 0 and self.draw.random() < 0.15:
                    parameter.grad = None
            grads = [torch.full_like(p, math.nan) if p.grad is None else p.grad for p in parameters]
            gradients.append(flat(grads))
            if clip:
                torch.nn.utils.clip_grad_value_(parameters, clip[0])
                norms.append(torch.nn.utils.clip_grad_norm_(parameters, clip[1], norm_type=clip[2]))
            optimizer.step()
            after.append(flat(parameters))
        self.give(key, gradients=torch.cat(gradients))
        self.expect(key, parameters=torch.cat(after))
        if clip:
            self.expect(key, norms=torch.stack(norms))

    def parameters(self):
        return [torch.nn.Parameter(self.noise(*shape)) for shape in SHAPES]

    def optimizer(self, key, name):
        parameters = self.parameters()
        keywords, numbers = self.options(name)
        others, group = self.options(name)
        self.give(key, options=numbers, group=group)
        groups = [{"params": parameters[:2]}, {"params": parameters[2:], **others}]
        norm = self.draw.choice([2.0, 2.0, 1.0, 3.5, math.inf])
        clip = [10 ** self.draw.uniform(-1, 2), 10 ** self.draw.uniform(-1, 2), norm] if self.often() else None
        self.steps(key, parameters, CLASSES[name](groups, **keywords), clip)

    # ------------------------------------------------------------------------------------------- schedules

    def two_groups(self, base):
        parameters = self.parameters()
        groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": base[1]}]
        return torch.optim.SGD(groups, lr=base[0], momentum=0.5)

    def rates(self, key, optimizer, made, base, steps, options):
        rates, momenta = [], []
        for i in range(steps + 1):
            rates += [group["lr"] for group in optimizer.param_groups]
            momenta += [group["momentum"] for group in optimizer.param_groups]
            if i < steps:
                made.step()
        self.give(key, base=[*base, float(steps)], options=[float(option) for option in options])
        self.expect(key, rates=torch.tensor(rates, dtype=torch.float64), momenta=torch.tensor(momenta, dtype=torch.float64))

    def default_schedule(self, key, name):
        """Given alone what has no default."""
        kinds, base, steps = torch.optim.lr_scheduler, [0.3, 0.02], 30
        optimizer = self.two_groups(base)
        options, make = {
            "step_lr": ([7], kinds.StepLR),
            "multi_step_lr": ([5, 9], lambda optimizer, *milestones: kinds.MultiStepLR(optimizer, milestones)),
            "cosine_annealing_lr": ([13], kinds.CosineAnnealingLR),
            "linear_lr": ([], kinds.LinearLR),
            "one_cycle_lr": ([0.7, steps], kinds.OneCycleLR),
        }[name]
        self.rates(key, optimizer, make(optimizer, *options), base, steps, options)

    def schedule(self, key, name):
        draw, schedules = self.draw, torch.optim.lr_scheduler
        base, steps = [10 ** draw.uniform(-3, 0), 10 ** draw.uniform(-3, 0)], draw.randint(10, 60)
        optimizer = self.two_groups(base)
        linear = [draw.uniform(0.01, 1), draw.uniform(0.1, 1), draw.randint(1, 12)]
        cosine, step = [draw.randint(2, 30), draw.choice([0.0, 1e-3])], [draw.randint(1, 9), draw.uniform(0.1, 1)]
        if name == "step_lr":
            options, made = step, schedules.StepLR(optimizer, *step)
        elif name == "multi_step_lr":
            gamma, milestones = draw.random(), [draw.randint(1, steps) for _ in range(draw.randint(1, 4))]
            options, made = [gamma, *milestones], schedules.MultiStepLR(optimizer, milestones, gamma)
        elif name == "cosine_annealing_lr":
            options, made = cosine, schedules.CosineAnnealingLR(optimizer, *cosine)
        elif name == "linear_lr":
            options, made = linear, schedules.LinearLR(optimizer, *linear)
        elif name == "one_cycle_lr":
            options = [10 ** draw.uniform(-2, 0), steps + draw.choice([0, 1, 7]), draw.uniform(0.1, 0.45), self.often()]
            options += [draw.random() < 0.8, draw.uniform(0.5, 0.8), draw.uniform(0.8, 0.99), draw.uniform(2, 50)]
            options += [10 ** draw.uniform(1, 5), self.often()]
            names = ["max_lr", "total_steps", "pct_start", "anneal_strategy", "cycle_momentum", "base_momentum"]
            names += ["max_momentum", "div_factor", "final_div_factor", "three_phase"]
            keywords = dict(zip(names, options))
            keywords["anneal_strategy"] = "linear" if options[3] else "cos"
            made = schedules.OneCycleLR(optimizer, **keywords)
        else:
            first = draw.randint(1, steps // 2)
            milestones = [first, first + draw.randint(1, steps // 2)]
            parts = [schedules.LinearLR(optimizer, *linear), schedules.CosineAnnealingLR(optimizer, *cosine)]
            parts.append(schedules.StepLR(optimizer, *step))
            options = [*milestones, *linear, *cosine, *step]
            made = schedules.SequentialLR(optimizer, parts, milestones)
        self.rates(key, optimizer, made, base, steps, options)


def compare(program):
    settings = Settings()
    draws = [(CLASS_LOSSES, settings.class_loss), (ELEMENT_LOSSES, settings.element_loss)]
    draws += [(OPTIMIZERS, settings.optimizer), (SCHEDULES, settings.schedule)]
    for names, draw in draws:
        for name in names:
            for i in range(ROUNDS):
                draw(f"{name}.{i}", name)
    for name in OPTIMIZERS:
        parameters = settings.parameters()
        defaults = {"lr": 1e-3} if name == "sgd" else {}  # PyTorch's too, from 2.1 on
        settings.steps(f"defaults.{name}", parameters, CLASSES[name](parameters, **defaults), None)

    for name in DEFAULT_LOSSES:
        settings.default_loss(f"defaults.{name}", name)
    for name in SCHEDULES:
        if name != "sequential_lr":  # which has none
            settings.default_schedule(f"defaults.{name}", name)

    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = pathlib.Path(folder, "inputs.safetensors"), pathlib.Path(folder, "outputs.safetensors")
        safetensors.torch.save_file(settings.given, inputs)
        subprocess.run([program, inputs, outputs], check=True)
        results = safetensors.torch.load_file(outputs)
    assert set(results) == set(settings.expected), set(results) ^ set(settings.expected)

    worst, failures = {}, 0
    for key, wanted in settings.expected.items():
        got, name = results[key], ".".join(key.split(".")[: 2 if key.startswith("defaults") else 1])
        assert got.shape == wanted.shape, f"{key}: {got.shape}, and PyTorch's is {wanted.shape}"
        assert wanted.isfinite().all() and wanted.numel() > 0, key
        difference = (got - wanted).abs().max().item()
        error = difference / wanted.abs().max().item() if difference != 0 else 0.0
        worst[name] = max(worst.get(name, 0.0), error)
        if not error < TOLERANCE:
            failures += 1
            given = {k: v.tolist() for k, v in settings.given.items() if k.startswith(key.rpartition(".")[0]) and v.numel() < 12}
            print(f"{key} has a relative error of {error:.1e}: {given}")
    for name, error in worst.items():
        print(f"{name:34} {error:.1e}")
    print(f"{ROUNDS} settings each: {len(results)} tensors; PyTorch {torch.__version__}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        import safetensors.torch
        import torch
    except ImportError as missing:
        print(f"skipped: {missing} for {sys.executable}; -D HOOKCAM_PYTHON=PATH names another Python")
        sys.exit(77)
    warnings.filterwarnings("ignore", category=UserWarning)  # that schedules step without the optimiser
    modules = [torch.nn.CrossEntropyLoss, torch.nn.NLLLoss, torch.nn.MSELoss, torch.nn.L1Loss, torch.nn.BCEWithLogitsLoss]
    DEFAULT_LOSSES = dict(zip(CLASS_LOSSES + ELEMENT_LOSSES, modules))
    CLASSES = dict(zip(OPTIMIZERS, [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop]))
    sys.exit(compare(sys.argv[1]))
