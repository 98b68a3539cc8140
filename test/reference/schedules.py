"""Writes schedules.json: the course of a learning rate or momentum under every schedule, from PyTorch.

    python test/reference/schedules.py

Every case is a call in gradlet's names, {"name", "args"}, where an argument may be such a call again or {"fn": "a formula in
x"}. Its PyTorch scheduler steps behind an optimizer, whose learning rate ("momentum" where the case says so) is recorded
before every step. A case with "metrics" reports one of them after every step, or after every "every" steps. PyTorch has no
warmupCosine: optax runs.
"""

import json
import pathlib
import re

import jax
import numpy as np
import optax
import torch
from torch.optim import lr_scheduler as lr

here = pathlib.Path(__file__).parent
jax.config.update("jax_enable_x64", True)

random = np.random.default_rng(5)
ticks = np.arange(60)
METRICS = {
    "loss": (1 + 2 * np.exp(-ticks / 6) + random.normal(size=60) / 20).round(3).tolist(),
    "accuracy": (0.9 - np.exp(-ticks / 9) / 2 + random.normal(size=60) / 50).round(3).tolist(),
    "logLikelihood": (-1 - 3 * np.exp(-ticks / 6) + random.normal(size=60) / 10).round(3).tolist(),
    "broken": ["NaN", 3, 2, "NaN", "NaN", "Infinity", 1, 1, 1, "NaN", 0.5, "-Infinity", 0.1, 0, 0, 0],
}

# the scheduler, and the names of its positional arguments
TABLE = {
    "constant": (lr.ConstantLR, []),
    "linear": (lr.LinearLR, []),
    "step": (lr.StepLR, ["step_size"]),
    "multiStep": (lr.MultiStepLR, ["milestones"]),
    "exponential": (lr.ExponentialLR, ["gamma"]),
    "polynomial": (lr.PolynomialLR, []),
    "lambda": (lr.LambdaLR, ["lr_lambda"]),
    "cosineAnnealing": (lr.CosineAnnealingLR, ["T_max"]),
    "cosineAnnealingWarmRestarts": (lr.CosineAnnealingWarmRestarts, ["T_0"]),
    "oneCycle": (lr.OneCycleLR, ["total_steps"]),
    "cyclic": (lr.CyclicLR, []),
    "reduceOnPlateau": (lr.ReduceLROnPlateau, []),
}
RENAME = {"tMult": "T_mult", "peak": "max_lr", "max": "max_lr", "anneal": "anneal_strategy", "min": "min_lr", "scale": "scale_fn"}
VALUES = {"expRange": "exp_range", "cosine": "cos"}


def snake(name):
    return RENAME.get(name) or re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def plain(value):
    """An argument as PyTorch takes it."""
    if isinstance(value, dict) and "fn" in value:
        return eval("lambda x: " + value["fn"])
    return VALUES.get(value, value) if isinstance(value, str) else value


def scheduler(optimizer, name, args, base, of):
    if name == "sequential":
        return lr.SequentialLR(optimizer, [scheduler(optimizer, *call.values(), base, of) for call in args[0]], args[1])
    if name == "chained":
        return lr.ChainedScheduler([scheduler(optimizer, *call.values(), base, of) for call in args])
    kind, positional = TABLE[name]
    kwargs = dict(zip(positional, map(plain, args)))
    for key, value in (args[len(positional)] if len(args) > len(positional) else {}).items():
        kwargs[snake(key)] = plain(value)
    if name == "oneCycle":
        top, start, end = kwargs.setdefault("max_lr", base), kwargs.pop("start", None), kwargs.pop("end", None)
        kwargs["cycle_momentum"] = of == "momentum"
        if of == "momentum":
            assert start == end
            kwargs.update(max_lr=1, base_momentum=top, max_momentum=start)
        elif start is not None:
            kwargs.update(div_factor=top / start, final_div_factor=start / end)
    if name == "cyclic":
        kwargs.update(base_lr=base, cycle_momentum=of == "momentum")
        if of == "momentum":
            kwargs.update(base_lr=1, max_lr=2, base_momentum=kwargs["max_lr"], max_momentum=base)
    return kind(optimizer, **kwargs)


def pytorch(steps, name, args, base=1, of="lr", metrics=None, every=1):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base if of == "lr" else 1, momentum=0.5)
    group = optimizer.param_groups[0]
    if name == "perEpoch":
        (call, every) = args
        name, args = call.values()
    schedule = scheduler(optimizer, name, args, base, of)
    values = [group[of]]
    for step in range(1, steps):
        optimizer.step()
        if step % every == 0:
            schedule.step(*([float(METRICS[metrics][step // every - 1])] if metrics else []))
        values.append(group[of])
    return values


def optax_values(steps, total, o, base=1):
    end, start = o.get("etaMin", 0), base * o.get("startFactor", 0)
    schedule = optax.warmup_cosine_decay_schedule(start, base, o["warmupSteps"], total, end)
    return [float(schedule(np.float64(step))) for step in range(steps)]


def call(name, *args):
    """A schedule in gradlet's names."""
    return {"name": name, "args": list(args)}


def rows():
    def row(steps, name, *args, **given):
        optax_has_it = name == "warmupCosine"
        values = optax_values(steps, *args, **given) if optax_has_it else pytorch(steps, name, args, **given)
        return {**call(name, *args), **given, "values": values}

    yield row(12, "constant")
    yield row(12, "constant", {"factor": 0.7, "totalIters": 9}, base=0.03)
    yield row(4, "constant", {"factor": 0.1, "totalIters": 1})
    yield row(12, "linear")
    yield row(40, "linear", {"startFactor": 0.05, "totalIters": 30}, base=0.3)
    yield row(40, "linear", {"startFactor": 1, "endFactor": 0, "totalIters": 25}, base=2)
    yield row(16, "linear", {"startFactor": 0.9, "endFactor": 0.2, "totalIters": 7}, base=0.05)
    yield row(25, "step", 7)
    yield row(40, "step", 3, {"gamma": 0.8}, base=0.4)
    yield row(40, "multiStep", [5, 17, 30])
    yield row(25, "multiStep", [1, 2, 20], {"gamma": 0.3}, base=0.6)
    yield row(40, "exponential", 0.9)
    yield row(40, "exponential", 1.05, base=1e-3)
    yield row(10, "polynomial")
    yield row(40, "polynomial", {"totalIters": 30, "power": 2}, base=0.2)
    yield row(20, "polynomial", {"totalIters": 12, "power": 0.5}, base=7)
    yield row(8, "polynomial", {"totalIters": 3, "power": 0}, base=0.1)
    yield row(40, "lambda", {"fn": "0.95 ** x"})
    yield row(20, "lambda", {"fn": "1 / (1 + x)"}, base=0.3)
    yield row(120, "cosineAnnealing", 40)
    yield row(60, "cosineAnnealing", 25, {"etaMin": 0.001}, base=0.1)
    yield row(60, "cosineAnnealing", 7, {"etaMin": 0.5}, base=0.2)
    yield row(12, "cosineAnnealing", 1, base=0.3)
    yield row(50, "cosineAnnealingWarmRestarts", 20, base=0.3)
    yield row(100, "cosineAnnealingWarmRestarts", 6, {"tMult": 2, "etaMin": 0.01}, base=0.1)
    yield row(60, "cosineAnnealingWarmRestarts", 1, {"tMult": 3})
    yield row(8, "cosineAnnealingWarmRestarts", 1)
    yield row(40, "oneCycle", 40)
    # a final 1e4 would do, but there PyTorch's own line is off by 6e-12 at its end
    yield row(40, "oneCycle", 40, {"anneal": "linear", "finalDivFactor": 100}, base=0.1)
    yield row(50, "oneCycle", 50, {"threePhase": True}, base=0.1)
    yield row(37, "oneCycle", 37, {"threePhase": True, "anneal": "linear", "pctStart": 0.5, "peak": 2})
    yield row(33, "oneCycle", 33, {"pctStart": 0.47, "divFactor": 4, "finalDivFactor": 10}, base=0.6)
    yield row(30, "oneCycle", 30, {"start": 0.1, "peak": 0.5, "end": 0.01})
    yield row(20, "oneCycle", 20, {"pctStart": 0.02})
    yield row(20, "oneCycle", 20, {"pctStart": 0.02, "threePhase": True})
    yield row(20, "oneCycle", 20, {"pctStart": 1.0})
    yield row(1, "oneCycle", 1)
    for extra in [{}, {"anneal": "linear"}, {"threePhase": True}, {"threePhase": True, "anneal": "linear", "pctStart": 0.4}]:
        yield row(40, "oneCycle", 40, {"start": 0.95, "peak": 0.85, "end": 0.95, **extra}, base=0.9, of="momentum")
    yield row(50, "cyclic", {"max": 1, "stepSizeUp": 8}, base=0.1)
    yield row(60, "cyclic", {"max": 0.5, "stepSizeUp": 5, "stepSizeDown": 9, "mode": "triangular2"}, base=0.01)
    yield row(60, "cyclic", {"max": 3, "stepSizeUp": 11, "mode": "expRange", "gamma": 0.97})
    yield row(40, "cyclic", {"max": 2, "stepSizeUp": 4, "scale": {"fn": "0.5 * (1 + 1 / x)"}}, base=0.5)
    yield row(40, "cyclic", {"max": 2, "stepSizeUp": 6, "stepSizeDown": 1, "scale": {"fn": "1 / 5 ** (x * 0.01)"}, "scaleMode": "iterations"})
    yield row(12, "cyclic", {"max": 2})
    yield row(6, "cyclic", {"max": 2, "stepSizeUp": 1})
    yield row(50, "cyclic", {"max": 0.8, "stepSizeUp": 8}, base=0.9, of="momentum")
    yield row(50, "cyclic", {"max": 0.8, "stepSizeUp": 7, "stepSizeDown": 3, "mode": "triangular2"}, base=0.9, of="momentum")
    yield row(40, "sequential", [call("constant", {"factor": 0.1, "totalIters": 50}), call("exponential", 0.9)], [15], base=0.3)
    yield row(
        60,
        "sequential",
        [call("linear", {"startFactor": 0.1, "totalIters": 5}), call("cosineAnnealing", 20, {"etaMin": 0.01}), call("step", 4)],
        [5, 30],
        base=0.5,
    )
    yield row(  # no OneCycleLR, which moves the base of its neighbours, too
        50,
        "sequential",
        [
            call("polynomial", {"totalIters": 4}),
            call("cosineAnnealingWarmRestarts", 6),
            call("cyclic", {"max": 3, "stepSizeUp": 4}),
            call("lambda", {"fn": "0.5 ** x"}),
        ],
        [8, 24, 39],
    )
    yield row(30, "chained", call("constant", {"factor": 0.1, "totalIters": 8}), call("exponential", 0.9), base=0.7)
    yield row(
        30,
        "chained",
        call("linear", {"startFactor": 0.25, "totalIters": 6}),
        call("multiStep", [4, 15]),
        call("cosineAnnealing", 29),
        base=0.2,
    )
    yield row(25, "chained", call("polynomial", {"totalIters": 20}), call("step", 5, {"gamma": 0.5}))
    yield row(40, "perEpoch", call("exponential", 0.8), 6, base=0.4)
    yield row(60, "perEpoch", call("cosineAnnealing", 5), 7)
    yield row(48, "perEpoch", call("reduceOnPlateau", {"patience": 1, "factor": 0.5}), 3, metrics="loss", every=3)
    yield row(61, "reduceOnPlateau", metrics="loss")
    yield row(61, "reduceOnPlateau", {"patience": 2, "factor": 0.5}, metrics="loss", base=0.1)
    yield row(61, "reduceOnPlateau", {"patience": 0, "factor": 0.7, "cooldown": 3, "threshold": 0.01}, metrics="loss")
    yield row(61, "reduceOnPlateau", {"patience": 1, "factor": 0.3, "thresholdMode": "abs", "threshold": 0.05}, metrics="loss")
    yield row(61, "reduceOnPlateau", {"patience": 1, "factor": 0.3, "min": 0.02}, metrics="loss", base=0.1)
    yield row(61, "reduceOnPlateau", {"patience": 1, "factor": 0.3, "eps": 0.005}, metrics="loss", base=0.1)
    yield row(61, "reduceOnPlateau", {"patience": 1, "factor": 0.5, "min": 0.2}, metrics="loss", base=0.1)
    yield row(61, "reduceOnPlateau", {"mode": "max", "patience": 3}, metrics="accuracy", base=0.01)
    yield row(61, "reduceOnPlateau", {"mode": "max", "patience": 1, "factor": 0.5, "threshold": 0.03}, metrics="accuracy")
    yield row(61, "reduceOnPlateau", {"mode": "max", "patience": 2, "factor": 0.6, "thresholdMode": "abs", "cooldown": 2}, metrics="accuracy")
    yield row(61, "reduceOnPlateau", {"mode": "max", "patience": 2, "factor": 0.9, "thresholdMode": "abs"}, metrics="logLikelihood")
    yield row(61, "reduceOnPlateau", {"mode": "max", "patience": 2, "factor": 0.9, "threshold": 0.1}, metrics="logLikelihood")
    yield row(61, "reduceOnPlateau", {"mode": "min", "patience": 2, "factor": 0.8, "threshold": 0.1}, metrics="logLikelihood")
    yield row(17, "reduceOnPlateau", {"patience": 1, "factor": 0.5}, metrics="broken")
    yield row(17, "reduceOnPlateau", {"mode": "max", "patience": 0, "factor": 0.5, "cooldown": 1}, metrics="broken")
    yield row(40, "reduceOnPlateau", {"patience": 0, "factor": 0.5}, metrics="loss", every=4, base=0.3)
    yield row(60, "warmupCosine", 50, {"warmupSteps": 10})
    yield row(50, "warmupCosine", 40, {"warmupSteps": 6, "startFactor": 0.1, "etaMin": 0.002}, base=0.02)
    yield row(20, "warmupCosine", 15, {"warmupSteps": 0, "etaMin": 0.1}, base=0.3)
    yield row(12, "warmupCosine", 8, {"warmupSteps": 7}, base=3)


out = {
    "generated": f"test/reference/schedules.py with PyTorch {torch.__version__}, optax {optax.__version__}, NumPy {np.__version__}",
    "metrics": METRICS,
}
lines = ",\n".join(json.dumps(row) for row in rows())
(here / "schedules.json").write_text(json.dumps(out)[:-1] + ',\n"rows": [\n' + lines + "\n]}\n")
