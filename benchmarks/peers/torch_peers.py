"""PyTorch as a peer: as one writes it, and as one tunes it."""

import re

import torch
import torch.nn.functional as F

from networks import MAKERS


def version():
    onednn = re.search(r"(?:MKL-DNN|oneDNN) v([\d.]+)", torch.__config__.show())
    return f"PyTorch {torch.__version__}" + (f", oneDNN {onednn[1]}" if onednn else "")


def load(work):
    """The model with its weights, ready for inference, and the inputs."""
    torch.set_num_threads(work.threads)
    model = MAKERS[work.network]()
    model.load_state_dict({key: torch.from_numpy(array.copy()) for key, array in work.tensors("weights").items()})
    return model.eval(), {key: torch.from_numpy(array.copy()) for key, array in work.tensors("inputs").items()}


def inference(call, x):
    def run():
        with torch.inference_mode():
            return {"output": call(x).numpy()}

    return version(), run


def eager(work):
    model, inputs = load(work)
    return inference(model, inputs["input"])


def optimized(work):
    model, inputs = load(work)
    with torch.no_grad():
        scripted = torch.jit.optimize_for_inference(torch.jit.trace(model, inputs["input"]))
    return inference(scripted, inputs["input"])


def compiled(work):
    import torch._inductor.config

    torch._inductor.config.freezing = True
    model, inputs = load(work)
    compiled_model = torch.compile(model)

    def run():
        with torch.no_grad():  # freezing asks for it
            return {"output": compiled_model(inputs["input"]).numpy()}

    run()
    return version(), run


def heatmap(activation, gradient, size):
    cam = F.relu((gradient.mean((2, 3), keepdim=True) * activation).sum(1, keepdim=True))
    cam = F.interpolate(cam, size=size, mode="bilinear", align_corners=False)
    cam = cam - cam.amin((2, 3), keepdim=True)
    largest = cam.amax((2, 3), keepdim=True)
    return (cam / torch.where(largest > 0, largest, torch.ones_like(largest)))[:, 0]


def tutorial_grad_cam(work):
    """Hooks at the layer, a backward pass of the whole network, all parameters wanting gradients."""
    model, inputs = load(work)
    x, seen = inputs["input"], {}
    layer = model.get_submodule(model.explained)
    layer.register_forward_hook(lambda module, given, output: seen.update(activation=output.detach()))
    layer.register_full_backward_hook(lambda module, grad_in, grad_out: seen.update(gradient=grad_out[0].detach()))

    def run():
        logits = model(x)
        target = logits.argmax(1).item()
        model.zero_grad()
        one_hot = torch.zeros_like(logits)
        one_hot[0, target] = 1
        logits.backward(gradient=one_hot)
        return {"heatmap": heatmap(seen["activation"], seen["gradient"], x.shape[2:]).numpy()}

    return version(), run


def parts(model, x):
    """front(x), as a tuple: the explained activation, and what else back() takes."""
    found = model.front(x)
    return found if isinstance(found, tuple) else (found,)


def tuned_grad_cam(work):
    """No gradients in front of the layer, and none of the weights."""
    model, inputs = load(work)
    model.requires_grad_(False)
    x = inputs["input"]

    def run():
        with torch.no_grad():
            activation, *others = parts(model, x)
        activation.requires_grad_(True)
        logits = model.back(activation, *others)
        (gradient,) = torch.autograd.grad(logits[0, logits.argmax(1).item()], activation)
        with torch.no_grad():
            return {"heatmap": heatmap(activation, gradient, x.shape[2:]).numpy()}

    return version(), run


def compiled_grad_cam(work):
    model, inputs = load(work)
    model.requires_grad_(False)
    x = inputs["input"]

    @torch.compile
    def explain(x):
        activation, *others = parts(model, x)
        gradient = torch.func.grad(lambda a: model.back(a, *others).max())(activation)
        return heatmap(activation, gradient, x.shape[2:])

    def run():
        with torch.no_grad():
            return {"heatmap": explain(x).numpy()}

    run()
    return version(), run


def forward_backward(work, wrap=lambda model: model):
    model, inputs = load(work)
    call = wrap(model)

    def run():
        model.zero_grad()
        call(inputs["input"]).backward(inputs["gradient"])
        return {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}

    run()
    return version(), run


def compiled_forward_backward(work):
    return forward_backward(work, torch.compile)


PEERS = {
    "pytorch": {"forward": eager, "forward_backward": forward_backward},
    "pytorch_optimized": {"forward": optimized},
    "pytorch_compile": {
        "forward": compiled,
        "grad_cam": compiled_grad_cam,
        "forward_backward": compiled_forward_backward,
    },
    "pytorch_tutorial": {"grad_cam": tutorial_grad_cam},
    "pytorch_grad": {"grad_cam": tuned_grad_cam},
}
