"""Writes ops.json: what PyTorch (and, for slices, NumPy) computes for every operation of the tensor layer.

    pip install torch numpy && python test/reference/ops.py

A case is {"inputs", "args", "output", "weights", "grads"}: `inputs` are tensors or plain numbers, `args` what the
TypeScript function takes after them, `output` a tensor or a list of them, `grads` the gradients of
Σ(output · weights) by every input (null for whole numbers). Weights that are left out are 1. Where "directions" and
"grads2" are given, grads2 are the gradients of Σᵢ Σ(grads[i] · directions[i]).

A tensor is {"shape", "dtype", "values"}; with "view" it is what those steps make of it. NaN, infinities and −0 are
strings. Every case draws from a generator seeded by its operation and place, so new ones leave the others as they are.
"""

import json
import math
import platform
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
warnings.filterwarnings("ignore", message=".*degrees of freedom")
NUMPY = {"float64": np.float64, "float32": np.float32, "int32": np.int32, "bool": np.bool_}
NAMES = {torch.float64: "float64", torch.float32: "float32", torch.int32: "int32", torch.int64: "int32", torch.bool: "bool"}
INF, NAN = math.inf, math.nan
cases = {}


# How things are written


def number(x, dtype):
    if dtype in ("int32", "bool"):
        return int(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    if x == 0:
        return "-0" if math.copysign(1, x) < 0 else 0
    x = float(str(np.float32(x))) if dtype == "float32" else float(x)
    return int(x) if x == int(x) and abs(x) < 1e15 else x


def argument(x):
    if isinstance(x, dict):
        return {k: argument(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [argument(v) for v in x]
    return number(x, "float64") if isinstance(x, float) else x


def written(t):
    dtype = NAMES[t.dtype]
    if t._is_zerotensor():
        t = torch.zeros(t.shape, dtype=t.dtype)
    return {"shape": list(t.shape), "dtype": dtype, "values": [number(x, dtype) for x in t.flatten().tolist()]}


def to_slice(r):
    return r if isinstance(r, int) else slice(None) if r is None else slice(*(list(r) + [None] * (3 - len(r))))


VIEWS = {
    "transpose": lambda x, a, b: np.swapaxes(x, a, b),
    "slice": lambda x, *ranges: x[tuple(to_slice(r) for r in ranges)],
    "expand": lambda x, shape: np.broadcast_to(x, shape),
}


class T:
    """An input tensor: numbers of a dtype, seen through the steps of a view."""

    def __init__(self, values, dtype="float64", view=()):
        self.base, self.dtype, self.view = np.asarray(values, NUMPY[dtype]), dtype, view

    def torch(self):
        x = self.base
        for name, *args in self.view:
            x = VIEWS[name](x, *args)
        return torch.from_numpy(np.array(x, order="C", copy=True))

    def written(self):
        view = {"view": argument(self.view)} if self.view else {}
        return {**written(torch.from_numpy(np.array(self.base))), **view}


def weights_for(rng, t, plain):
    return torch.ones_like(t) if plain else torch.from_numpy(rng.choice(np.arange(-15, 16, 2) / 10, t.shape)).to(t.dtype)


def case(op, call, *inputs, args=(), second=False, grad=True, plain=False):
    """Runs `call` on the inputs and notes it; `args` is only written down. `plain` leaves all weights at 1."""
    rows = cases.setdefault(op, [])
    rng = np.random.default_rng([zlib.crc32(op.encode()), len(rows)])
    tensors = [x.torch() if isinstance(x, T) else x for x in inputs]
    leaves = [t for t in tensors if isinstance(t, torch.Tensor) and t.is_floating_point()]
    if grad:
        for t in leaves:
            t.requires_grad_()
    result = call(*tensors)
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    row = {"inputs": [x.written() if isinstance(x, T) else argument(x) for x in inputs], "args": argument(list(args))}
    row["output"] = [written(y.detach()) for y in outputs]
    if grad and leaves and any(y.requires_grad for y in outputs):
        weights = [weights_for(rng, y.detach(), plain) for y in outputs]
        total = sum((y * w).sum() for y, w in zip(outputs, weights))
        found = torch.autograd.grad(total, leaves, create_graph=second, allow_unused=True)
        grads = [torch.zeros_like(t) if g is None else g for t, g in zip(leaves, found)]
        by_leaf = dict(zip(map(id, leaves), (written(g.detach()) for g in grads)))
        if not plain:
            row["weights"] = [written(w) for w in weights]
        row["grads"] = [by_leaf.get(id(t)) for t in tensors]
        if second:
            directions = [weights_for(rng, t.detach(), False) for t in leaves]
            bent = sum((g * d).sum() for g, d in zip(grads, directions))
            found = torch.autograd.grad(bent, leaves, allow_unused=True) if bent.requires_grad else [None] * len(leaves)
            by_leaf2 = {id(t): written(torch.zeros_like(t) if g is None else g) for t, g in zip(leaves, found)}
            along = dict(zip(map(id, leaves), map(written, directions)))
            row["directions"] = [along.get(id(t)) for t in tensors]
            row["grads2"] = [by_leaf2.get(id(t)) for t in tensors]
    if not isinstance(result, (list, tuple)):
        row["output"] = row["output"][0]
    rows.append(row)


def rand(seed, shape, low=-2.0, high=2.0, dtype="float64", view=()):
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return T(np.round(values, 2) if dtype.startswith("float") else np.floor(values), dtype, view)


def floats(x):
    return x if x.is_floating_point() else x.float()


def counted(x):
    return x.int() if isinstance(x, torch.Tensor) and x.dtype == torch.bool else x


# Element by element

SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, 1000.0, -1000.0, 1e-8, -1e-8, 5e-324, 1e-310, -1e-310, 1e300, 30.0, -30.0]
SPECIAL32 = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, 1000.0, -1000.0, 1e-8, -1e-8, 1e-45, -1e-40, 1e30, 30.0, -30.0]


def unary(op, call, low=-2.0, high=2.0, smooth=True, args=(), whole=None):
    """All the shapes, views, dtypes and special values for one function of one tensor."""
    run = lambda *x, **more: case(op, call, *x, args=args, **more)
    run(rand(1, (2, 3), low, high), second=smooth)
    run(rand(2, (), low, high), second=smooth)
    run(rand(3, (1, 3, 1), low, high))
    run(rand(4, (2, 0, 3), low, high))
    run(rand(5, (3, 2), low, high, view=[["transpose", 0, 1]]), second=smooth)
    run(rand(6, (4, 3), low, high, view=[["slice", [None, None, -2], [1, None]]]))
    run(rand(7, (2, 1), low, high, view=[["expand", [2, 2, 3]]]))
    run(rand(8, (5,), low, high, dtype="float32"))
    run(T(SPECIAL), plain=True)
    run(T(SPECIAL32, "float32"), plain=True)
    whole = whole or call
    case(op, whole, T([[-3, -1, 0], [1, 2, 100]], "int32"), args=args)
    case(op, lambda x: whole(counted(x)), T([1, 0], "bool"), args=args)


unary("neg", torch.neg)
unary("abs", torch.abs)
unary("sign", torch.sign)
unary("floor", torch.floor)
unary("ceil", torch.ceil)
unary("square", torch.square)
unary("reciprocal", torch.reciprocal, 0.3, 2.0)
unary("exp", torch.exp)
unary("expm1", torch.expm1)
unary("log", torch.log, 0.1, 3.0)
unary("log1p", torch.log1p, -0.9, 3.0)
unary("sqrt", torch.sqrt, 0.1, 3.0)
unary("rsqrt", torch.rsqrt, 0.1, 3.0)
unary("sin", torch.sin, -4.0, 4.0)
unary("cos", torch.cos, -4.0, 4.0)
unary("erf", torch.erf)
unary("tanh", torch.tanh)
unary("sigmoid", torch.sigmoid, -4.0, 4.0)
unary("relu", torch.relu)
unary("silu", F.silu, -4.0, 4.0, whole=lambda x: F.silu(x.float()))
unary("mish", F.mish, -4.0, 4.0, whole=lambda x: F.mish(x.float()))
unary("selu", F.selu, whole=lambda x: F.selu(x.float()))
unary("leakyRelu", F.leaky_relu, whole=lambda x: F.leaky_relu(x.float()))
unary("elu", F.elu, whole=lambda x: F.elu(x.float()))
unary("gelu", F.gelu, whole=lambda x: F.gelu(x.float()))
unary("gelu", lambda x: F.gelu(floats(x), approximate="tanh"), args=[{"approximate": "tanh"}])
unary("softplus", F.softplus, whole=lambda x: F.softplus(x.float()))
unary("hardtanh", F.hardtanh, whole=lambda x: F.hardtanh(x.float()).to(x.dtype))
unary("clamp", lambda x: torch.clamp(x, -1, 1), args=[{"min": -1, "max": 1}])
for slope in (0.2, 0.0, -0.5, 1.5):
    case("leakyRelu", lambda x: F.leaky_relu(x, slope), T([-2.0, -0.0, 0.0, 3.0, -INF, NAN]), args=[slope])
for alpha in (0.3, 2.0):
    case("elu", lambda x: F.elu(x, alpha), T([-2.0, -0.5, 0.0, 3.0, -INF, NAN]), args=[alpha])
    case("elu", lambda x: F.elu(x, alpha), rand(9, (4,)), args=[alpha], second=True)
for beta, threshold in ((2.0, 20.0), (0.5, 1.0), (1.0, 3.0)):
    options = {"beta": beta, "threshold": threshold}
    case("softplus", lambda x: F.softplus(x, beta, threshold), T([-50.0, -1.0, 0.0, 1.5, 4.0, 25.0]), args=[options])
    case("softplus", lambda x: F.softplus(x, beta, threshold), rand(9, (4,), -1, 1), args=[options], second=True)
case("softplus", lambda x: F.softplus(x), T([19.9, 20.0, 20.1, -40.0, -800.0]))
case("hardtanh", lambda x: F.hardtanh(x, -0.5, 2.0), T([-1.0, -0.5, 0.3, 2.0, 3.0]), args=[-0.5, 2.0])
for low, high in ((-0.5, None), (None, 0.5), (-0.25, 0.75), (0.5, -0.5)):
    options = {k: v for k, v in (("min", low), ("max", high)) if v is not None}
    case("clamp", lambda x: torch.clamp(x, low, high), T([-1.0, -0.5, -0.25, 0.0, 0.5, 0.75, 2.0, NAN, INF, -INF]), args=[options])
case("clamp", lambda x: torch.clamp(x, 0, 2), T([-3, 1, 7], "int32"), args=[{"min": 0, "max": 2}])
case("gelu", lambda x: F.gelu(x), T([-9.0, -6.0, -5.0, -3.0, 5.0, 9.0]))
case("erf", torch.erf, T(np.round(np.linspace(-6.3, 6.3, 127), 1)), grad=False)
case("erf", torch.erf, T([-6.5, -5.9, -3.1, -2.6, -2.5, -2.4, -1e-3, 1e-12, 0.1, 0.9, 1.7, 2.49999, 2.50001, 3.3, 4.4, 5.5, 6.0]))

GRID = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 2.5, -2.0, 1000.0]
LEFT, RIGHT = (list(side) for side in zip(*[(a, b) for a in GRID for b in GRID]))


def binary(op, formula, low=-2.0, high=2.0, second=True, grad=True):
    """All the ways two inputs broadcast, and dtypes, views and special values."""
    call = lambda a, b: formula(counted(a), counted(b))
    run = lambda *x, **more: case(op, call, *x, **{"grad": grad, **more})
    run(rand(1, (2, 3), low, high), rand(2, (2, 3), low, high), second=second)
    run(rand(3, (2, 3), low, high), rand(4, (3,), low, high), second=second)
    run(rand(5, (2, 1), low, high), rand(6, (1, 3), low, high), second=second)
    run(rand(7, (2, 1, 2), low, high), rand(8, (3, 1), low, high))
    run(rand(9, (), low, high), rand(10, (2, 2), low, high))
    run(rand(11, (), low, high), rand(12, (), low, high), second=second)
    run(rand(13, (1, 1), low, high), rand(14, (2,), low, high))
    run(rand(15, (0, 3), low, high), rand(16, (3,), low, high))
    run(rand(17, (2, 1), low, high), rand(18, (1, 0), low, high))
    run(rand(19, (3, 2), low, high, view=[["transpose", 0, 1]]), rand(20, (2, 3), low, high))
    run(rand(21, (2, 3), low, high), rand(22, (2,), low, high, view=[["slice", [None, None, -1]], ["expand", [3, 2]], ["transpose", 0, 1]]))
    run(rand(23, (4, 5), low, high, view=[["slice", [1, None, 2], [None, 1, -2]]]), rand(24, (2, 1), low, high, view=[["expand", [2, 2]]]))
    run(rand(25, (2, 3), low, high), 1.5, second=second)
    run(1.5, rand(26, (2, 3), low, high), second=second)
    run(rand(27, (3,), low, high), 2)
    run(rand(28, (2, 3), low, high, dtype="float32"), rand(29, (3,), low, high, dtype="float32"))
    run(rand(30, (2,), low, high, dtype="float32"), rand(31, (2,), low, high))
    run(T([1, 2, 3], "int32"), rand(32, (3,), low, high, dtype="float32"))
    run(T([1, 2, 3], "int32"), rand(33, (3,), low, high))
    run(T([1, 0, 1], "bool"), rand(34, (3,), low, high))
    case(op, call, T([1, 2, 7], "int32"), T([3, 2, 0], "int32"))
    case(op, call, T([1, 0, 1, 0], "bool"), T([1, 1, 0, 0], "bool"))
    case(op, call, T([1, 2, 3], "int32"), 2)
    case(op, call, T([1, 2, 3], "int32"), 0.5)
    run(T(LEFT), T(RIGHT), plain=True)
    run(T(LEFT, "float32"), T(RIGHT, "float32"), plain=True)


binary("add", lambda a, b: a + b)
binary("sub", lambda a, b: a - b)
binary("mul", lambda a, b: a * b)
binary("div", lambda a, b: a / b, 0.5, 2.0)
binary("pow", torch.pow, 0.3, 2.0)
as_pair = lambda f: lambda a, b: f(*torch.broadcast_tensors(*[torch.as_tensor(x, dtype=torch.result_type(a, b)) for x in (a, b)]))
binary("maximum", as_pair(torch.maximum))
binary("minimum", as_pair(torch.minimum))
for op in ("eq", "ne", "lt", "le", "gt", "ge"):
    f = getattr(torch, op)
    flipped = {"lt": torch.gt, "le": torch.ge, "gt": torch.lt, "ge": torch.le}.get(op, f)
    binary(op, lambda a, b: f(a, b) if isinstance(a, torch.Tensor) else flipped(b, a), grad=False)
    case(op, f, T([1.0, 1.5, -2.0]), T([1.0, 1.0, -2.0]))
for exponent in (0, 1, 2, 3, 4, -1, -2, 0.5, -0.5, 1.5):
    case("pow", torch.pow, T([0.5, 1.0, 2.0, 3.0]), exponent, second=True)
    case("pow", torch.pow, T([-2.0, -0.5, 0.0, -0.0, INF, -INF, NAN]), exponent, plain=True)
case("pow", torch.pow, T([-2.0, -2.0, -2.0, 0.0, 0.0]), T([2.0, 3.0, -1.0, 2.0, 0.0]), plain=True)
case("pow", torch.pow, 0, T([0.0, 1.0, 2.0]))
case("pow", torch.pow, T([2, -3, 0], "int32"), 3)
for f in ("maximum", "minimum"):
    case(f, getattr(torch, f), T([1.0, 2.0, 2.0, -0.0]), T([1.0, 1.0, 3.0, 0.0]))

condition = [[1, 0, 1], [0, 1, 1]]
case("where", torch.where, T(condition, "bool"), rand(1, (2, 3)), rand(2, (2, 3)), second=True)
case("where", torch.where, T(condition, "bool"), rand(3, (3,)), rand(4, (2, 1)))
case("where", torch.where, T([1, 0], "bool"), rand(5, (3, 1)), rand(6, ()))
case("where", torch.where, T(1, "bool"), rand(7, (2,)), rand(8, (2,)))
case("where", torch.where, T(condition, "bool"), rand(9, (2, 3)), 0.5)
case("where", torch.where, T(condition, "bool"), 2, rand(10, (2, 3), dtype="float32"))
case("where", torch.where, T(condition, "bool"), 0.25, -1.5)
case("where", torch.where, T(condition, "bool"), rand(11, (2, 3), dtype="float32"), rand(12, (2, 3)))
case("where", torch.where, T(condition, "bool"), T([1, 2, 3], "int32"), T([4, 5, 6], "int32"))
case("where", torch.where, T(np.zeros((0, 3)), "bool"), rand(13, (3,)), rand(14, (1,)))
case("where", torch.where, T([[1, 0], [0, 0]], "bool", [["transpose", 0, 1]]), rand(15, (2, 2)), rand(16, (2, 2), view=[["transpose", 0, 1]]))
case("where", torch.where, T([1, 0, 1, 0], "bool"), T([NAN, NAN, INF, -INF]), T([1.0, 2.0, NAN, NAN]), plain=True)

# Shapes


def shape_op(op, call, shape, args, **more):
    """The same call on a dense tensor, a strided view of one, float32 and whole numbers."""
    case(op, call, rand(1, shape), args=args, second=True, **more)
    doubled = rand(2, [2 * n for n in reversed(shape)], view=[["slice", *[[None, None, 2]] * len(shape)]])
    for i in range(len(shape) // 2):
        doubled.view.append(["transpose", i, len(shape) - 1 - i])
    case(op, call, doubled, args=args, **more)
    case(op, call, rand(3, shape, dtype="float32"), args=args, **more)
    case(op, call, rand(4, shape, -9, 9, "int32"), args=args, **more)


shape_op("reshape", lambda x: x.reshape(3, 2), [2, 3], [[3, 2]])
shape_op("reshape", lambda x: x.reshape(-1), [2, 3], [[-1]])
shape_op("reshape", lambda x: x.reshape(4, -1, 1), [2, 2, 3], [[4, -1, 1]])
shape_op("reshape", lambda x: x.reshape([]), [1, 1], [[]])
shape_op("reshape", lambda x: x.reshape(1, 1), [], [[1, 1]])
case("reshape", lambda x: x.reshape(3, 0), rand(1, (0, 2)), args=[[3, 0]])
case("reshape", lambda x: x.reshape(-1, 2), rand(1, (0, 2)), args=[[-1, 2]])
shape_op("flatten", lambda x: x.flatten(), [2, 1, 3], [])
shape_op("flatten", lambda x: x.flatten(1), [2, 2, 3], [1])
shape_op("flatten", lambda x: x.flatten(0, -2), [2, 2, 3], [0, -2])
shape_op("flatten", lambda x: x.flatten(), [], [])
case("flatten", lambda x: x.flatten(1), rand(1, (2, 0, 3)), args=[1])
shape_op("squeeze", lambda x: x.squeeze(), [1, 2, 1], [])
shape_op("squeeze", lambda x: x.squeeze(-1), [1, 2, 1], [-1])
shape_op("squeeze", lambda x: x.squeeze((0, 2)), [1, 2, 1, 1], [[0, 2]])
shape_op("squeeze", lambda x: x.squeeze(), [], [])
for axis in (0, 1, -1, -2):
    shape_op("unsqueeze", lambda x: x.unsqueeze(axis), [2, 3], [axis])
shape_op("unsqueeze", lambda x: x.unsqueeze(0), [], [0])
shape_op("expand", lambda x: x.expand(2, 4, 3), [4, 1], [[2, 4, 3]])
shape_op("expand", lambda x: x.expand(2, -1, 3), [4, 1], [[2, -1, 3]])
shape_op("expand", lambda x: x.expand(2, 2), [], [[2, 2]])
shape_op("expand", lambda x: x.expand(0, 3), [1, 3], [[0, 3]])
shape_op("expand", lambda x: x.expand(2, 3), [2, 3], [[2, 3]])
shape_op("transpose", lambda x: x.transpose(-2, -1), [2, 3], [])
shape_op("transpose", lambda x: x.transpose(0, 2), [2, 1, 3], [0, 2])
shape_op("transpose", lambda x: x.transpose(1, 1), [2, 3], [1, -1])
shape_op("permute", lambda x: x.permute(2, 0, 1), [2, 1, 3], [[2, 0, 1]])
shape_op("permute", lambda x: x.permute(-1, 0), [2, 3], [[-1, 0]])
case("permute", lambda x: x.permute(()), rand(1, ()), args=[[]])
case("permute", lambda x: x.permute(1, 0), rand(1, (0, 2)), args=[[1, 0]])
shape_op("flip", lambda x: x.flip(0), [2, 3], [0])
shape_op("flip", lambda x: x.flip(-1), [2, 3], [-1])
shape_op("flip", lambda x: x.flip((0, 2)), [2, 2, 2], [[0, 2]])
case("flip", lambda x: x.flip(0), rand(1, (0, 2)), args=[0])


def numpy_slice(ranges):
    def call(x):
        places = np.arange(x.numel()).reshape(tuple(x.shape))[tuple(to_slice(r) for r in ranges)]
        return torch.take(x, torch.from_numpy(np.array(places)))

    return call


for ranges in (
    [1], [-1], [None, 2], [[1]], [[1, 3]], [None, [None, -1]], [[None, None, 2], [None, None, -1]], [[None, None, -3]],
    [[-100, 100]], [[3, 1]], [[3, 0, -1], [-2, None]], [2, -1], [[5, None, -2], 0], [None], [], [[None, -100, -1]],
    [[-2, -100, -1], [100, None, -2]], [[1, 1]], [[0, 4, 10]], [[-1, None]],
):
    case("slice", numpy_slice(ranges), rand(1, (4, 3)), args=ranges, second=len(ranges) == 2)
shape_op("slice", numpy_slice([None, [None, None, -2], 1]), [2, 3, 2], [None, [None, None, -2], 1])
case("slice", numpy_slice([[None, None, -1]]), rand(1, (0, 2)), args=[[None, None, -1]])
case("slice", numpy_slice([]), rand(1, ()))
case("slice", numpy_slice([[1, None]]), rand(2, (2, 1), view=[["expand", [3, 2, 4]]]), args=[[1, None]])


def padded(widths, value=0.0):
    return lambda x: F.pad(x, [n for pair in reversed(widths) for n in pair], value=value)


for widths in ([[1, 2], [0, 1]], [[0, 0], [2, 0]], [[0, 0], [0, 0]]):
    shape_op("pad", padded(widths), [2, 3], [widths])
case("pad", padded([[1, 1]], -7.5), rand(1, (3,)), args=[[[1, 1]], {"value": -7.5}], second=True)
case("pad", padded([[0, 1]], INF), rand(1, (2,)), args=[[[0, 1]], {"value": INF}])
case("pad", padded([[1, 1]], 3), T([1, 2], "int32"), args=[[[1, 1]], {"value": 3}])
case("pad", padded([[1, 0], [0, 1]]), rand(1, (0, 2)), args=[[[1, 0], [0, 1]]])
case("pad", padded([[1, 0], [0, 0], [1, 1]]), rand(1, (1, 2, 1)), args=[[[1, 0], [0, 0], [1, 1]]])

for op, call in (("concat", torch.cat), ("stack", torch.stack)):
    for axis in (0, 1, -1):
        run = lambda *x, **more: case(op, lambda *t: call(t, axis), *x, args=[axis], **more)
        run(rand(1, (2, 3)), rand(2, (2, 3)), second=True)
        run(rand(3, (2, 2)), rand(4, (2, 2), view=[["transpose", 0, 1]]), rand(5, (1, 2), view=[["expand", [2, 2]]]))
        run(rand(6, (1, 2)), rand(7, (1, 2), dtype="float32"), T([[1, 2]], "int32"))
    case(op, lambda *t: call(t), rand(8, (2, 3)))
    case(op, lambda *t: call(t), T([1, 2], "int32"), T([3, 4], "int32"))
    case(op, lambda *t: call(t), T([NAN, INF]), T([-INF, -0.0]))
case("concat", lambda *t: torch.cat(t), rand(9, (2, 3)), rand(10, (0, 3)), rand(11, (1, 3)))
case("concat", lambda *t: torch.cat(t, 1), rand(9, (2, 1)), rand(10, (2, 3)), args=[1])
case("stack", lambda *t: torch.stack(t), rand(12, ()), rand(13, ()), rand(14, ()))
case("stack", lambda *t: torch.stack(t, -1), rand(12, (2, 0)), rand(13, (2, 0)), args=[-1])

for size, axis in ((1, 0), (2, 0), (3, 1), (2, -1), ([1, 3], 0), ([0, 4], 0), ([3, 1, 2], 1)):
    case("split", lambda x: x.split(size, axis), rand(1, (4, 6)), args=[size, axis], second=axis == 0)
case("split", lambda x: x.split(3), rand(2, (2, 7), view=[["transpose", 0, 1]]), args=[3])
case("split", lambda x: x.split(2), rand(2, (0, 2)), args=[2])
case("split", lambda x: x.split(2), T([1, 2, 3], "int32"), args=[2])

# Picking


def gathered(axis):
    return lambda x, index: x.gather(axis, index.long())


case("gather", gathered(1), rand(1, (2, 3)), T([[2, 0, 2, 2], [1, 1, 0, 1]], "int32"), args=[1], second=True)
case("gather", gathered(0), rand(2, (3, 2)), T([[2], [0], [2]], "int32"), args=[0], second=True)
case("gather", gathered(-1), rand(3, (2, 2, 3)), T([[[1], [2]]], "int32"), args=[-1])
case("gather", gathered(0), rand(4, (3, 2), view=[["transpose", 0, 1]]), T([[1, 0, 1], [0, 0, 1]], "int32", [["slice", [None, None, -1]]]), args=[0])
case("gather", gathered(0), rand(5, (3,), dtype="float32"), T([0, 0, 0, 2], "int32"), args=[0])
case("gather", gathered(0), rand(5, (3,)), T(np.zeros(0), "int32"), args=[0])
case("gather", gathered(0), T([5, 6, 7], "int32"), T([2, 1], "int32"), args=[0])
for axis, index in ((0, [2, 0, 2, 2]), (1, [1]), (-1, [0, 0]), (0, [])):
    for more in ([index],):
        call = lambda x: x.index_select(axis, torch.tensor(index, dtype=torch.int64))
        case("indexSelect", call, rand(1, (3, 2)), args=[axis, index], second=axis == 0)
        case("indexSelect", call, rand(2, (2, 3), view=[["transpose", 0, 1]]), args=[axis, index])
case("indexSelect", lambda x: x.index_select(1, torch.tensor([1, 1])), rand(3, (2, 2, 2), dtype="float32"), args=[1, [1, 1]])
case("indexSelect", lambda x: x.index_select(0, torch.tensor([1, 1])), T([4, 5], "int32"), args=[0, [1, 1]])
one_hot = lambda n: lambda x: F.one_hot(x.long(), n).float()
case("oneHot", one_hot(4), T([0, 3, 1], "int32"), args=[4])
case("oneHot", one_hot(-1), T([[0, 2], [1, 1]], "int32"))
case("oneHot", one_hot(2), T(1, "int32"), args=[2])
case("oneHot", lambda x: F.one_hot(x.long(), 3).int(), T([2, 0], "int32"), args=[3, {"dtype": "int32"}])
case("oneHot", lambda x: F.one_hot(x.long(), 3).bool(), T([2, 0], "int32"), args=[3, {"dtype": "bool"}])
case("oneHot", one_hot(3), T(np.zeros((0, 2)), "int32"), args=[3])
case("oneHot", one_hot(3), T([[2, 0], [1, 1]], "int32", [["transpose", 0, 1]]), args=[3])

for to in ("float64", "float32", "int32", "bool"):
    dtype = getattr(torch, to)
    for values, source in (([1.5, -2.7, 0.0, 0.3], "float64"), ([1.5, -2.7, 0.0, 0.3], "float32"), ([3, 0, -4], "int32"), ([1, 0], "bool")):
        case("cast", lambda x: x.to(dtype), T(values, source), args=[to])
case("cast", lambda x: x.to(torch.float32), T([1e-50, 1e50, -1e50, NAN, INF, 1 / 3]), args=["float32"])
case("cast", lambda x: x.to(torch.bool), T([NAN, INF, -0.0, 1e-30]), args=["bool"])
case("cast", lambda x: x.to(torch.float64), rand(1, (2, 3), dtype="float32", view=[["transpose", 0, 1]]), args=["float64"])
shape_op("clone", torch.clone, [2, 3], [])

# Sums and their kin


def reduction(op, call, axes=(None, 0, -1, 1, [0, 2], [0, -2], [0, 1, 2]), low=-2.0, high=2.0, second=True, whole=True, **more):
    """`call(x, axes, keep)` with axes as a tuple; written with an axis, a list, or options with keepDims."""
    extra = more.pop("options", {})

    def run(x, axis, keep, **how):
        named = tuple(range(x.torch().ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        options = {**({} if axis is None else {"axis": axis}), **({"keepDims": True} if keep else {}), **extra}
        short = [] if axis is None else [axis]
        case(op, lambda t: call(t, named, keep), x, args=[options] if keep or extra else short, **{**more, **how})

    for axis in axes:
        run(rand(1, (2, 2, 3), low, high), axis, False, second=second)
        run(rand(2, (2, 2, 3), low, high, view=[["transpose", 0, 2]]), axis, True)
    run(rand(3, (), low, high), None, False)
    run(rand(4, (1, 3, 1), low, high), 0, False)
    run(rand(5, (4, 3), low, high, view=[["slice", [None, None, -2], [1, None]]]), 1, True)
    run(rand(6, (2, 1), low, high, view=[["expand", [2, 3]]]), 1, False)
    run(rand(7, (3, 4), low, high, dtype="float32"), 0, False)
    run(T([[1.0, NAN, 2.0], [INF, 1.0, -3.0], [-INF, 0.5, 2.0], [INF, -INF, 0.25]]), 1, False, grad=False)
    if whole:
        run(T([[1, 2, 3], [3, -1, 0]], "int32"), 0, False)
        run(T([[1, 1, 0], [1, 0, 0]], "bool"), 1, False)


def empty(op, call, axis=0):
    """Along an axis without elements, and beside one."""
    case(op, lambda x: call(x, (axis,), False), rand(1, (0, 3)), args=[axis])
    case(op, lambda x: call(x, (1,), False), rand(1, (0, 3)), args=[1])


reduction("sum", torch.sum)
empty("sum", torch.sum)
reduction("mean", lambda x, a, k: floats(x).mean(a, k))
empty("mean", torch.mean)
for correction in (1, 0, 0.5):
    options = {} if correction == 1 else {"correction": correction}
    var = lambda x, a, k: torch.var(floats(x), a, correction=correction, keepdim=k)
    std = lambda x, a, k: torch.std(floats(x), a, correction=correction, keepdim=k)
    wide = [None, 0, 1, [0, 2]]
    reduction("variance", var, wide, options=options)
    reduction("std", std, wide, options=options, grad=False)
    for axis in (0, -1, [0, 1]):
        named = (axis,) if isinstance(axis, int) else tuple(axis)
        more = [{"axis": axis, **options}]
        case("std", lambda x: std(x, named, False), rand(9, (3, 4)), args=more, second=True)
        case("std", lambda x: std(x, named, True), rand(9, (4, 3), view=[["transpose", 0, 1]]), args=[{**more[0], "keepDims": True}])
case("variance", lambda x: x.var(1), T([[3.0, 3.0, 3.0], [1e8, 1e8 + 1, 1e8 + 2]]), args=[1])
case("std", lambda x: x.std(1), T([[3.0, 3.0, 3.0], [1.0, 2.0, 4.0]]), args=[1])
case("variance", lambda x: x.var(0), T([[3.0, 4.0]]), args=[0])
case("std", lambda x: x.std(0), T([[3.0, 4.0]]), args=[0])
empty("variance", lambda x, a, k: x.var(a))

for op, f in (("max", torch.amax), ("min", torch.amin)):
    reduction(op, f, second=False)
    case(op, lambda x: f(x, (1,)), rand(1, (0, 3)), args=[1])
    case(op, lambda x: f(x, (1,)), T([[1.0, 3.0, 3.0], [-2.0, -2.0, -2.0], [0.0, -0.0, 1.0]]), args=[1])
    case(op, lambda x: f(x, (0, 1)), T([[1.0, 3.0, 3.0], [3.0, 1.0, 1.0]]))
    case(op, lambda x: f(x, (1,)), T([[INF, 1.0, INF], [-INF, -INF, -INF], [-INF, 2.0, 3.0]]), args=[1], plain=True)
for op, f in (("argmax", torch.argmax), ("argmin", torch.argmin)):
    one = lambda x, a, k: f(counted(x), None if len(a) != 1 else a[0], k)
    reduction(op, one, axes=(None, 0, 1, -1), second=False)
    case(op, lambda x: f(x, 1), rand(1, (0, 3)), args=[1])
    case(op, lambda x: f(x, 1), T([[2.0, 2.0, 1.0], [1.0, 1.0, 1.0], [NAN, 5.0, NAN]]), args=[1])


def prod(x, axes, keep):
    for a in sorted((a % x.ndim for a in axes), reverse=True):
        x = x.prod(a, keepdim=keep)
    return counted(x)


reduction("prod", prod)
empty("prod", prod)
for values in ([2.0, 0.0, 3.0, -1.0], [0.0, 2.0, 0.0, 3.0], [0.0], [5.0], [1.5, -2.0, 0.5, 3.0, 4.0, -1.0, 2.0], [0.0, 0.0, 0.0]):
    case("prod", lambda x: x.prod(0), T(values), second=True)
case("prod", lambda x: x.prod(1), T([[1.0, 0.0], [0.0, 0.0], [2.0, -3.0]]), args=[1])

for axis in (0, 1, -1):
    case("cumsum", lambda x: x.cumsum(axis), rand(1, (2, 3)), args=[axis], second=True)
    case("cumsum", lambda x: x.cumsum(axis), rand(2, (2, 3, 2), view=[["transpose", 0, 1]]), args=[axis])
    case("cumsum", lambda x: x.cumsum(axis), rand(3, (2, 3), dtype="float32"), args=[axis])
    case("cumsum", lambda x: x.cumsum(axis).int(), rand(3, (2, 3), -5, 5, "int32"), args=[axis])
case("cumsum", lambda x: x.cumsum(0).int(), T([1, 0, 1, 1], "bool"), args=[0])
case("cumsum", lambda x: x.cumsum(0), T([1.0, INF, 2.0, -INF, 1.0]), args=[0], grad=False)
case("cumsum", lambda x: x.cumsum(0), T([1.0, NAN, 2.0]), args=[0], grad=False)
case("cumsum", lambda x: x.cumsum(0), rand(4, (0, 2)), args=[0])
case("cumsum", lambda x: x.cumsum(1), rand(4, (2, 1)), args=[1])

for p in (2, 1, 3, INF, 1.5):
    norm = lambda x, a, k: torch.linalg.vector_norm(floats(x), p, a, k)
    reduction("norm", norm, axes=(None, 0, [0, 2]), options={} if p == 2 else {"p": p}, second=p != INF)
    options = [{"axis": 1, "p": p}]
    case("norm", lambda x: norm(x, (1,), False), T([[0.0, 0.0], [3.0, -4.0], [0.0, 2.0]]), args=options)
    case("norm", lambda x: norm(x, (1,), False), T([[1.0, -1.0], [2.0, 2.0], [-3.0, 3.0]]), args=options)
    case("norm", lambda x: norm(x, (0,), False), T([[0.5]]), args=[{"axis": 0, "p": p}])
for p in (0, -INF, -1, 0.5):
    case("norm", lambda x: torch.linalg.vector_norm(x, p, 1), T([[0.5, 2.0, -1.0], [3.0, 0.25, 4.0]]), args=[{"axis": 1, "p": p}])
    case("norm", lambda x: torch.linalg.vector_norm(x, p, 1), T([[0.0, 2.0, -1.0]]), args=[{"axis": 1, "p": p}])
empty("norm", lambda x, a, k: torch.linalg.vector_norm(x, 2, a))

lse = lambda x, a, k: torch.logsumexp(floats(x), a, k)
reduction("logSumExp", lse)
empty("logSumExp", lse)
EXTREMES = [
    [1000.0, 1000.0, 999.0], [-1000.0, -1000.0, -1001.0], [1000.0, -1000.0, 0.0], [-INF, 1.0, 2.0],
    [-INF, -INF, -INF], [INF, 1.0, 2.0], [INF, INF, 0.0], [INF, -INF, 0.0], [NAN, 1.0, 2.0], [0.0, 0.0, -0.0],
]
soft = {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}
for dtype in ("float64", "float32"):
    rows = T(EXTREMES, dtype)
    case("logSumExp", lambda x: torch.logsumexp(x, 1), rows, args=[1])
    for op, f in soft.items():
        case(op, lambda x: f(x, 1), rows, args=[1])
for op, f in soft.items():
    case(op, lambda x: f(x, -1), rand(1, (2, 3)), second=True)
    for axis in (0, 1, -2):
        case(op, lambda x: f(x, axis), rand(2, (2, 3, 2)), args=[axis], second=True)
        case(op, lambda x: f(x, axis), rand(3, (2, 3, 2), view=[["transpose", 0, 2]]), args=[axis])
        case(op, lambda x: f(x, axis), rand(4, (2, 3), dtype="float32"), args=[axis])
    case(op, lambda x: f(x, 0), rand(5, (0, 2)), args=[0])
    case(op, lambda x: f(x, 0), rand(6, (1, 2)), args=[0])
    case(op, lambda x: f(x, 0), rand(7, (2, 1), view=[["expand", [2, 3]]]), args=[0])

# Products of matrices

for a, b in (
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((2, 2, 3), (2, 3, 2)), ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)), ((2, 1, 2, 3), (3, 3, 1)), ((2, 2, 3), (3,)), ((3,), (2, 3, 2)), ((1, 2, 2), (3, 2, 1)), ((5, 7), (7, 6)),
):
    case("matmul", torch.matmul, rand(1, a), rand(2, b), second=math.prod(a) < 30)
for a, b in (((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0,), (0,)), ((0, 2, 3), (3, 2)), ((2, 1, 0), (0, 2))):
    case("matmul", torch.matmul, rand(3, a), rand(4, b))
flipped, turned = [["transpose", 0, 1]], [["slice", [None, None, -1], [None, None, 2]]]
case("matmul", torch.matmul, rand(5, (3, 2), view=flipped), rand(6, (4, 3), view=flipped), second=True)
case("matmul", torch.matmul, rand(7, (2, 5), view=turned), rand(8, (3, 3), view=turned))
case("matmul", torch.matmul, rand(9, (1, 3), view=[["expand", [2, 3]]]), rand(10, (3,), view=[["expand", [2, 3]], ["transpose", 0, 1]]))
case("matmul", torch.matmul, rand(11, (3, 2, 2), view=[["transpose", 0, 2]]), rand(12, (2, 2, 3), view=[["slice", [None, None, -1]], ["transpose", 1, 2]]))
case("matmul", torch.matmul, rand(13, (3, 4), dtype="float32"), rand(14, (4, 2), dtype="float32"))
case("matmul", torch.matmul, rand(15, (6, 33), dtype="float32"), rand(16, (33, 5), dtype="float32"))
case("matmul", lambda a, b: a.double() @ b, rand(17, (2, 2), dtype="float32"), rand(18, (2, 2)))
case("matmul", torch.matmul, T([[1, 2], [3, 4]], "int32"), T([[5, 6], [7, 8]], "int32"))
case("matmul", lambda a, b: a.int() @ b.int(), T([[1, 0], [1, 1]], "bool"), T([1, 1], "bool"))
case("matmul", torch.matmul, T([[NAN, 1.0], [INF, 0.0], [1.0, 2.0]]), T([[1.0, 0.0], [2.0, -INF]]), plain=True)
for shape, n in (((4, 3), 2), ((3,), 2), ((2, 2, 3), 4), ((0, 3), 2), ((1, 1), 1)):
    case("linear", F.linear, rand(1, shape), rand(2, (n, shape[-1])), rand(3, (n,)), second=len(shape) < 3)
case("linear", F.linear, rand(4, (4, 3)), rand(5, (2, 3)))
case("linear", F.linear, rand(6, (3, 4), view=flipped), rand(7, (3, 2), view=flipped), rand(8, (1,), view=[["expand", [2]]]), second=True)
case("linear", F.linear, rand(9, (6, 33), dtype="float32"), rand(10, (17, 33), dtype="float32"), rand(11, (17,), dtype="float32"))

# The file: one case a line

lines = [
    f'    {json.dumps(op)}: [\n' + ",\n".join("      " + json.dumps(row, separators=(",", ":")) for row in rows) + "\n    ]"
    for op, rows in cases.items()
]
head = {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()}
text = "{\n" + "".join(f'  "{k}": "{v}",\n' for k, v in head.items()) + '  "cases": {\n' + ",\n".join(lines) + "\n  }\n}\n"
Path(__file__).with_suffix(".json").write_text(text)
print(f"{sum(map(len, cases.values()))} cases of {len(cases)} operations, {len(text) / 1e6:.2f} MB")
