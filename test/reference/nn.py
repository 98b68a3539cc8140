"""Writes nn.json: what PyTorch computes for every layer and loss.

    pip install torch && python test/reference/nn.py

A layer's case is {"args", "dtype", "state", "steps"}: `args` are those of the TypeScript constructor, `state` is loaded
first, and each step is {"train", "input", "output", "upstream", "inputGrad", "paramGrads", "buffers"}: the mode, a forward
pass, the gradients of Σ(output · upstream), and the buffers afterwards. Indices have no inputGrad.

A loss's case is {"options", "input", "target", "output", "upstream", "inputGrad", "targetGrad", "direction",
"inputGrad2"}: inputGrad2 is the gradient of Σ(inputGrad · direction) by the input. targetGrad is left out where the target
are class indices.

A tensor is {"shape", "dtype", "values"}. NaN and infinities are strings. Every case draws from a generator seeded by its
name and place, so new ones leave the others as they are.
"""

import json
import math
import platform
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
DTYPES = {"float64": torch.float64, "float32": torch.float32}
NAMES = {torch.float64: "float64", torch.float32: "float32", torch.int64: "int32"}
layers, losses = {}, {}


def number(x, dtype):
    if dtype == "int32":
        return int(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    x = float(str(np.float32(x))) if dtype == "float32" else float(x)
    return int(x) if x == int(x) and abs(x) < 1e15 else x


def written(t):
    t = torch.zeros(t.shape, dtype=t.dtype) if t._is_zerotensor() else t.detach()
    dtype = NAMES[t.dtype]
    return {"shape": list(t.shape), "dtype": dtype, "values": [number(x, dtype) for x in t.flatten().tolist()]}


def generator(table, name):
    return np.random.default_rng([zlib.crc32(name.encode()), len(table.setdefault(name, []))])


def draw(rng, shape, dtype, low=-2.0, high=2.0):
    return torch.tensor(np.round(rng.uniform(low, high, shape), 2), dtype=dtype)


# Layers


def layer(
    name, make, shape, *args, modes=(True, False), scale=2.0, reset=True, dtypes=("float64", "float32"), indices=0, special=()
):
    """
    `make(dtype)` builds the module, `args` are what the TypeScript constructor takes. One step for each of `modes`. The input
    are whole numbers below `indices`, where that is given, or numbers that begin with the `special` ones.
    """
    for dtype in dtypes:
        rng = generator(layers, name)
        kind = DTYPES[dtype]
        module = make().to(kind)
        if reset:
            for p in module.parameters():
                p.data = draw(rng, p.shape, kind, -1, 1)
        row = {"args": list(args), "dtype": dtype, "state": {k: written(t) for k, t in module.state_dict().items()}}
        row["steps"] = []
        for mode in modes:
            module.train(mode)
            x = draw(rng, shape, kind, -scale, scale)
            x.view(-1)[: len(special)] = torch.tensor(special, dtype=kind)
            x = torch.tensor(rng.integers(0, indices, shape)) if indices else x.requires_grad_()
            y = module(x)
            upstream = draw(rng, y.shape, kind, -1, 1)
            module.zero_grad()
            (y * upstream).sum().backward()
            row["steps"].append(
                {
                    "train": mode,
                    "input": written(x),
                    "output": written(y),
                    "upstream": written(upstream),
                    **({} if indices else {"inputGrad": written(x.grad)}),
                    "paramGrads": {k: written(p.grad) for k, p in module.named_parameters()},
                    "buffers": {k: written(t) for k, t in module.named_buffers()},
                }
            )
        layers[name].append(row)


def options(args):
    """TypeScript's spelling of an option: one dictionary, or none."""
    return [args] if args else []


layer("Linear", lambda: nn.Linear(4, 3), (5, 4), 4, 3)
layer("Linear", lambda: nn.Linear(4, 3, bias=False), (2, 4), 4, 3, {"bias": False})
layer("Linear", lambda: nn.Linear(2, 3), (2), 2, 3)
layer("Linear", lambda: nn.Linear(3, 2), (2, 4, 3), 3, 2)
layer("Linear", lambda: nn.Linear(1, 1), (2, 1, 3, 1), 1, 1)

TTTEE = (True, True, True, False, False)
layer("BatchNorm", lambda: nn.BatchNorm1d(3), (5, 3), 3, modes=TTTEE)
layer("BatchNorm", lambda: nn.BatchNorm1d(2), (4, 2, 3), 2, modes=TTTEE)
layer("BatchNorm", lambda: nn.BatchNorm2d(2), (3, 2, 2, 3), 2, modes=TTTEE)
layer("BatchNorm", lambda: nn.BatchNorm3d(2), (2, 2, 2, 1, 3), 2)
layer("BatchNorm", lambda: nn.BatchNorm2d(1), (1, 1, 2, 2), 1)
layer("BatchNorm1d", lambda: nn.BatchNorm1d(3), (4, 3), 3, modes=TTTEE)
layer("BatchNorm1d", lambda: nn.BatchNorm1d(3), (2, 3, 2), 3)
for given in (
    {"eps": 0.1},
    {"momentum": 0.3},
    {"momentum": None},
    {"momentum": 0},
    {"momentum": 1},
    {"affine": False},
    {"trackRunningStats": False},
    {"affine": False, "trackRunningStats": False, "eps": 0.01},
    {"momentum": None, "affine": False},
):
    names = {"trackRunningStats": "track_running_stats"}
    torched = {names.get(k, k): v for k, v in given.items()}
    layer("BatchNorm", lambda: nn.BatchNorm1d(2, **torched), (4, 2), 2, given, modes=TTTEE)
layer("BatchNorm", lambda: nn.BatchNorm1d(2), (4, 2), 2, scale=1000.0)

layer("LayerNorm", lambda: nn.LayerNorm(4), (3, 4), 4)
layer("LayerNorm", lambda: nn.LayerNorm(4), (4,), [4])
layer("LayerNorm", lambda: nn.LayerNorm([2, 3]), (2, 2, 3), [2, 3])
layer("LayerNorm", lambda: nn.LayerNorm([3]), (2, 2, 3), 3)
layer("LayerNorm", lambda: nn.LayerNorm(3, eps=0.1), (2, 3), 3, {"eps": 0.1})
layer("LayerNorm", lambda: nn.LayerNorm(3, bias=False), (2, 3), 3, {"bias": False})
layer("LayerNorm", lambda: nn.LayerNorm(3, elementwise_affine=False), (2, 3), 3, {"elementwiseAffine": False})
layer("LayerNorm", lambda: nn.LayerNorm(3), (2, 3), 3, scale=1000.0)

layer("Dropout", lambda: nn.Dropout(), (3, 4), modes=(False,))
layer("Dropout", lambda: nn.Dropout(0.9), (3, 4), 0.9, modes=(False,))
layer("Dropout", lambda: nn.Dropout(0.0), (3, 4), 0)
layer("Dropout", lambda: nn.Dropout(1.0), (3, 4), 1)

layer(
    "Sequential",
    lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 2)),
    (5, 4),
    modes=TTTEE,
)

for name, make, given in (
    ("ReLU", nn.ReLU, {}),
    ("LeakyReLU", nn.LeakyReLU, {}),
    ("LeakyReLU", lambda: nn.LeakyReLU(0.3), {"negativeSlope": 0.3}),
    ("ELU", nn.ELU, {}),
    ("ELU", lambda: nn.ELU(0.4), {"alpha": 0.4}),
    ("SELU", nn.SELU, {}),
    ("GELU", nn.GELU, {}),
    ("GELU", lambda: nn.GELU("tanh"), {"approximate": "tanh"}),
    ("SiLU", nn.SiLU, {}),
    ("Mish", nn.Mish, {}),
    ("Tanh", nn.Tanh, {}),
    ("Sigmoid", nn.Sigmoid, {}),
    ("Softplus", nn.Softplus, {}),
    ("Softplus", lambda: nn.Softplus(2.0, 3.0), {"beta": 2, "threshold": 3}),
    ("Hardtanh", nn.Hardtanh, {}),
    ("Hardtanh", lambda: nn.Hardtanh(-0.5, 1.5), {"min": -0.5, "max": 1.5}),
    ("Softmax", lambda: nn.Softmax(-1), {}),
    ("Softmax", lambda: nn.Softmax(0), {"axis": 0}),
    ("LogSoftmax", lambda: nn.LogSoftmax(-1), {}),
    ("LogSoftmax", lambda: nn.LogSoftmax(1), {"axis": 1}),
    ("Flatten", nn.Flatten, {}),
    ("Flatten", lambda: nn.Flatten(0, 1), {"startAxis": 0, "endAxis": 1}),
    ("Identity", nn.Identity, {}),
):
    layer(name, make, (2, 3, 2), *options(given), modes=(True,))

def windowed(name, shape, *sizes, **given):
    """A convolution or pool: `sizes` come first, and `given` are its options in TypeScript's spelling."""
    names = {"ceilMode": "ceil_mode", "countIncludePad": "count_include_pad"}
    torched = {names.get(k, k): v for k, v in given.items() if k != "special"}
    special = given.pop("special", ())
    make = lambda: getattr(nn, name)(*sizes, **torched)
    layer(name, make, shape, *sizes, *options(given), modes=(True,), special=special)


nan, inf = math.nan, math.inf
windowed("Conv1d", (2, 2, 7), 2, 3, 3)
windowed("Conv1d", (2, 7), 2, 3, 2, bias=False)
windowed("Conv1d", (2, 4, 11), 4, 6, 3, stride=2, padding=2, dilation=2, groups=2)
windowed("Conv1d", (3, 2, 8), 2, 2, 4, padding="same", dilation=2)
windowed("Conv1d", (1, 1, 3), 1, 1, 3, padding="valid")
windowed("Conv2d", (2, 2, 5, 6), 2, 3, 3)
windowed("Conv2d", (2, 5, 4), 2, 3, [1, 2])
windowed("Conv2d", (2, 3, 4, 4), 3, 4, 1)
windowed("Conv2d", (2, 3, 5, 5), 3, 2, 1, stride=2)
windowed("Conv2d", (1, 1, 28, 28), 1, 2, 3, padding=1)
windowed("Conv2d", (2, 3, 9, 7), 3, 4, [3, 2], stride=[2, 3], padding=[1, 2], bias=False)
windowed("Conv2d", (2, 2, 8, 9), 2, 2, [2, 3], dilation=[3, 2], stride=[2, 1], padding=[2, 0])
windowed("Conv2d", (2, 4, 5, 5), 4, 8, 3, groups=4, padding=1)
windowed("Conv2d", (2, 6, 5, 4), 6, 4, 2, groups=2, stride=2)
windowed("Conv2d", (2, 2, 5, 6), 2, 3, [4, 3], padding="same")
windowed("Conv2d", (0, 2, 5, 6), 2, 3, 3, padding=1)
for size, shape, given in (
    (2, (2, 3, 7), {}),
    (3, (3, 8), {"stride": 2, "padding": 1}),
    (3, (2, 2, 8), {"stride": 2, "ceilMode": True}),
    (2, (2, 2, 5), {"stride": 3, "padding": 1, "ceilMode": True}),
):
    windowed("MaxPool1d", shape, size, **given)
    windowed("AvgPool1d", shape, size, **given)
    windowed("AvgPool1d", shape, size, countIncludePad=False, **given)
for size, shape, given in (
    (2, (2, 3, 6, 8), {}),
    (2, (3, 5, 7), {}),
    ([3, 2], (2, 2, 7, 6), {"stride": [2, 1], "padding": [1, 0]}),
    (3, (2, 2, 8, 7), {"stride": 2, "padding": 1, "ceilMode": True}),
    ([2, 3], (2, 1, 5, 7), {"stride": 3, "padding": 1, "ceilMode": True}),
    (1, (1, 2, 3, 3), {"stride": 2}),
    (2, (0, 2, 4, 4), {}),
):
    windowed("MaxPool2d", shape, size, **given)
    windowed("AvgPool2d", shape, size, **given)
    windowed("AvgPool2d", shape, size, countIncludePad=False, **given)
windowed("MaxPool2d", (1, 1, 4, 6), 2, special=(1, 1, nan, 0, -inf, -inf, 1, 0, nan, nan, -inf, -inf))
windowed("MaxPool2d", (1, 1, 4, 4), 3, stride=1, padding=1, special=(-inf, inf, nan, 0, 0, -0.0))
windowed("AvgPool2d", (1, 1, 4, 6), 2, special=(inf, 1, nan, 0, -inf, inf))
for size, shape in ((1, (2, 3, 4, 5)), (2, (2, 3, 4, 5)), ([3, 2], (2, 7, 5)), (5, (1, 2, 3, 4))):
    windowed("AdaptiveAvgPool2d", shape, size)
layer("Embedding", lambda: nn.Embedding(5, 3), (2, 4), 5, 3, indices=5)
layer("Embedding", lambda: nn.Embedding(4, 2, padding_idx=1), (7,), 4, 2, {"paddingIdx": 1}, indices=4)
layer("Embedding", lambda: nn.Embedding(4, 1, padding_idx=-1), (2, 3, 1), 4, 1, {"paddingIdx": -1}, indices=4)
layer("Embedding", lambda: nn.Embedding(3, 2), (), 3, 2, indices=3)
layer(
    "Sequential",
    lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)),
    (3, 1, 4, 5),
    "convolutional",
    modes=TTTEE,
)


# Losses


def loss(name, call, input, target, given=None, second=True, plain=False):
    """`call(input, target)` is PyTorch's loss with the options that `given` spells in TypeScript."""
    rng = generator(losses, name)
    x = input.clone().requires_grad_()
    soft = target.is_floating_point()
    t = target.clone().requires_grad_(soft)
    y = call(x, t)
    upstream = torch.ones_like(y) if plain else draw(rng, y.shape, y.dtype, -1, 1)
    found = torch.autograd.grad((y * upstream).sum(), [x, t] if soft else [x], create_graph=second, allow_unused=True)
    spelled = {k: written(v) if isinstance(v, torch.Tensor) else v for k, v in (given or {}).items()}
    row = {"options": spelled, "input": written(x), "target": written(t), "output": written(y), "upstream": written(upstream)}
    row["inputGrad"] = written(found[0])
    if soft:
        row["targetGrad"] = written(found[1])
    if second:
        direction = draw(rng, x.shape, x.dtype, -1, 1)
        bent = (found[0] * direction).sum()
        again = torch.autograd.grad(bent, x, allow_unused=True)[0] if bent.requires_grad else None
        row["direction"] = written(direction)
        row["inputGrad2"] = written(torch.zeros_like(x) if again is None else again)
    losses[name].append(row)


def rng(seed):
    return np.random.default_rng(seed)


REDUCTIONS = ("mean", "sum", "none")
f64, f32 = torch.float64, torch.float32

for name, function, settings in (
    ("mseLoss", F.mse_loss, [{}]),
    ("l1Loss", F.l1_loss, [{}]),
    ("huberLoss", F.huber_loss, [{}, {"delta": 0.5}, {"delta": 3.0}]),
    ("smoothL1Loss", F.smooth_l1_loss, [{}, {"beta": 0.5}, {"beta": 0.0}, {"beta": 3.0}]),
):
    for setting in settings:
        for reduction in REDUCTIONS:
            for dtype in (f64, f32):
                given = {**setting, "reduction": reduction}
                a, b = draw(rng(11), (3, 4), dtype), draw(rng(12), (3, 4), dtype)
                loss(name, lambda x, t: function(x, t, **given), a, b, given)
    loss(name, function, draw(rng(3), (), f64), draw(rng(4), (), f64))
    loss(name, function, draw(rng(5), (2, 1, 3), f64, -1000, 1000), draw(rng(6), (2, 1, 3), f64, -1000, 1000))
    loss(name, function, torch.tensor([1.0, 1.5, 2.0], dtype=f64), torch.tensor([1.0, 1.0, 1.0], dtype=f64), second=name != "l1Loss")

# PyTorch's second derivative of binary_cross_entropy adds 1e-12 to x(1 − x), and its first divides by a float32 1e-12
# at 0 and 1, so these are left to gradgradcheck and to tests of their own
for reduction in REDUCTIONS:
    for dtype in (f64, f32):
        p, q = draw(rng(1), (3, 2), dtype, 0.05, 0.95), draw(rng(2), (3, 2), dtype, 0, 1)
        z, w = draw(rng(3), (3, 2), dtype), draw(rng(4), (3, 2), dtype, 0.5, 2)
        pos = draw(rng(5), (2,), dtype, 0.5, 3)
        for given in ({}, {"weight": w}, {"weight": w[:1]}):
            spelled = {**given, "reduction": reduction}
            loss("bceLoss", lambda x, t: F.binary_cross_entropy(x, t, **spelled), p, q, spelled, second=False)
        for given in ({}, {"weight": w}, {"pos_weight": pos}, {"weight": w[0], "pos_weight": pos}):
            torched = {**given, "reduction": reduction}
            spelled = {("posWeight" if k == "pos_weight" else k): v for k, v in torched.items()}
            loss("bceWithLogitsLoss", lambda x, t: F.binary_cross_entropy_with_logits(x, t, **torched), z, q, spelled)
certain = torch.tensor([0.0, 1.0, 0.0, 1.0, 1e-30], dtype=f64)
answer = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0], dtype=f64)
loss("bceLoss", lambda x, t: F.binary_cross_entropy(x, t, reduction="none"), certain, answer, {"reduction": "none"}, second=False)
for key in ("inputGrad", "targetGrad"):
    losses["bceLoss"][-1].pop(key)
for dtype in (f64, f32):
    huge = torch.tensor([1000.0, 1000.0, -1000.0, -1000.0, 0.0, 30.0, -30.0, 1000.0], dtype=dtype)
    answers = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.3], dtype=dtype)
    loss("bceWithLogitsLoss", lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"), huge, answers, {"reduction": "none"})

for reduction in ("mean", "batchmean", "sum", "none"):
    for dtype in (f64, f32):
        log_p, q = draw(rng(1), (3, 4), dtype).log_softmax(1), draw(rng(2), (3, 4), dtype).softmax(1)
        for log_target in (False, True):
            given = {"reduction": reduction, "logTarget": log_target}
            loss("klDivLoss", lambda x, t: F.kl_div(x, t, reduction=reduction, log_target=log_target), log_p, q.log() if log_target else q, given)
hard = torch.tensor([[0.0, 1.0], [0.5, 0.5]], dtype=f64)
loss("klDivLoss", lambda x, t: F.kl_div(x, t.detach(), reduction="none") + 0 * t, torch.tensor([[-0.5, -1.0], [-2.0, -3.0]], dtype=f64), hard, {"reduction": "none"})
losses["klDivLoss"][-1].pop("targetGrad")

labels = torch.tensor([0, 2, 1, 2, 0])
skipped = torch.tensor([0, -100, 1, 2, -100])
named = torch.tensor([1, 2, 1, 0, 0])
for reduction in REDUCTIONS:
    for dtype in (f64, f32):
        logits = draw(rng(1), (5, 3), dtype)
        w = torch.tensor([0.5, 2.0, 1.25], dtype=dtype)
        soft = draw(rng(2), (5, 3), dtype).softmax(1)
        for target, common in ((labels, {}), (skipped, {}), (named, {"ignore_index": 1}), (skipped, {"weight": w}), (labels, {"weight": w})):
            torched = {**common, "reduction": reduction}
            spelled = {("ignoreIndex" if k == "ignore_index" else k): v for k, v in torched.items()}
            loss("nllLoss", lambda x, t: F.nll_loss(x, t, **torched), logits.log_softmax(1), target, spelled)
            for smoothing in (0.0, 0.1, 1.0):
                spelled = {**spelled, "labelSmoothing": smoothing}
                loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, label_smoothing=smoothing, **torched), logits, target, spelled)
        for common in ({}, {"weight": w}):
            for smoothing in (0.0, 0.2):
                torched = {**common, "reduction": reduction}
                spelled = {**torched, "labelSmoothing": smoothing}
                loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, label_smoothing=smoothing, **torched), logits, soft, spelled)
    deep = draw(rng(3), (2, 3, 2, 2), f64)
    places = torch.tensor([[[0, 1], [2, 2]], [[1, -100], [0, 1]]])
    w = torch.tensor([0.5, 2.0, 1.25], dtype=f64)
    spread = draw(rng(4), (2, 3, 2, 2), f64).softmax(1)
    given = {"reduction": reduction, "weight": w}
    loss("nllLoss", lambda x, t: F.nll_loss(x, t, **given), deep.log_softmax(1), places, given)
    smooth = {**given, "labelSmoothing": 0.1}
    loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, **given), deep, places, smooth)
    loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, **given), deep, spread, smooth)
    one = draw(rng(5), (3,), f64)
    only = {"reduction": reduction}
    loss("nllLoss", lambda x, t: F.nll_loss(x, t, **only), one.log_softmax(0), torch.tensor(2), only)
    loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, **only), one, torch.tensor(2), only)
    loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, **only), one, one.softmax(0), only)
for dtype in (f64, f32):
    huge = torch.tensor([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 999.0], [1e4, 1e4, -1e4]], dtype=dtype)
    for target in (torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])):
        loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, reduction="none"), huge, target, {"reduction": "none"})
nothing = torch.tensor([-100, -100])
for reduction in ("mean", "sum"):
    given = {"reduction": reduction}
    loss("nllLoss", lambda x, t: F.nll_loss(x, t, **given), draw(rng(6), (2, 3), f64), nothing, given, second=False, plain=True)
    loss("crossEntropy", lambda x, t: F.cross_entropy(x, t, **given), draw(rng(6), (2, 3), f64), nothing, given, second=False, plain=True)


# The file: one case a line


def section(table):
    return ",\n".join(
        f"    {json.dumps(name)}: [\n" + ",\n".join("      " + json.dumps(row, separators=(",", ":")) for row in rows) + "\n    ]"
        for name, rows in table.items()
    )


head = {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()}
text = "{\n" + "".join(f'  "{k}": "{v}",\n' for k, v in head.items())
text += '  "layers": {\n' + section(layers) + '\n  },\n  "losses": {\n' + section(losses) + "\n  }\n}\n"
Path(__file__).with_suffix(".json").write_text(text)
count = sum(map(len, layers.values())), sum(map(len, losses.values()))
print(f"{count[0]} cases of {len(layers)} layers and {count[1]} of {len(losses)} losses, {len(text) / 1e6:.2f} MB")
