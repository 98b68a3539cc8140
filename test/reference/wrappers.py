"""Writes wrappers.json: the course of a training under every wrapper of optimizers, and statistics of batch norm made anew.

    python test/reference/wrappers.py

Every row is {"wrapper", "args", "inner", "params", "averages"}: the wrapper's options (and n) in gradlet's names, the
optimizer inside with its options, and after every call of step all numbers of the parameters and of their averages (null:
none yet). Parameters are a [3] and b [2, 2], here in one list. The loss of step t is the sum of p⁴ / 4 + slopes[t] · p, so
that a gradient depends on where it is taken. "flush" lists the calls after which accumulate steps with what there is.

optax.lookahead runs, optax.contrib.sam where eps is 0, and PyTorch's AveragedModel; SAM with an eps, which no library has,
is its formula in PyTorch. "batchNorm" is PyTorch's update_bn.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from optax.contrib import sam
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, update_bn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
jax.config.update("jax_enable_x64", True)
STEPS = 16
random = np.random.default_rng(11)
START = np.round(random.uniform(-1, 1, 7), 3)
SLOPES = np.round(random.uniform(-1, 1, (STEPS, 7)), 3)

SGD = ["sgd", {"lr": 0.1, "momentum": 0.9}]
ADAM = ["adam", {"lr": 0.05}]
ADAMW = ["adamw", {"lr": 0.05, "weightDecay": 0.1}]


class Numbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(START[:3]))
        self.b = nn.Parameter(torch.tensor(START[3:]).reshape(2, 2))

    def flat(self):
        return torch.cat([self.a, self.b.flatten()])

    def loss(self, t):
        p = self.flat()
        return (p**4 / 4 + torch.tensor(SLOPES[t]) * p).sum()


def numbers(model):
    return model.flat().tolist()


def torch_optimizer(model, name, options):
    kwargs = {"weight_decay" if key == "weightDecay" else key: value for key, value in options.items()}
    return {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name](model.parameters(), **kwargs)


def optax_optimizer(name, options):
    if name == "sgd":
        return optax.sgd(options["lr"], options["momentum"])
    if name == "adam":
        return optax.adam(options["lr"])
    return optax.adamw(options["lr"], weight_decay=options["weightDecay"])


def gradients(p, t):
    """Of the same loss, for optax: one array."""
    return p**3 + SLOPES[t]


def lookahead(inner, k, alpha):
    params = optax.LookaheadParams.init_synced(jnp.array(START))
    optimizer = optax.lookahead(optax_optimizer(*inner), k, alpha)
    state = optimizer.init(params)
    for t in range(STEPS):
        updates, state = optimizer.update(gradients(params.fast, t), state, params)
        params = optax.apply_updates(params, updates)
        yield params.fast.tolist(), params.slow.tolist()


def averaging(inner, averaged, before, wanted):
    model = Numbers()
    averaged = averaged(model)
    if before:
        averaged.update_parameters(model)
    optimizer = torch_optimizer(model, *inner)
    for t in range(STEPS):
        optimizer.zero_grad()
        model.loss(t).backward()
        optimizer.step()
        if wanted(t + 1):
            averaged.update_parameters(model)
        yield numbers(model), numbers(averaged.module) if averaged.n_averaged > 0 else None


def ema(inner, decay=0.999, warmup=True, every=1):
    def warm(average, value, t):
        d = torch.clamp((1 + t) / (10 + t), max=decay)
        return d * average + (1 - d) * value

    averaged = lambda model: AveragedModel(model, avg_fn=warm if warmup else get_ema_avg_fn(decay))
    return averaging(inner, averaged, warmup, lambda step: step % every == 0)


def swa(inner, start=0, every=1):
    return averaging(inner, AveragedModel, False, lambda step: step > start and (step - start) % every == 0)


def sharpness_aware(inner, rho=0.05, adaptive=False, eps=1e-12):
    if eps == 0:
        yield from optax_sam(inner, rho)
        return
    model = Numbers()
    optimizer = torch_optimizer(model, *inner)
    params = list(model.parameters())
    for t in range(STEPS):
        optimizer.zero_grad()
        model.loss(t).backward()
        with torch.no_grad():
            before = [p.clone() for p in params]
            scaled = [p.abs() * p.grad if adaptive else p.grad for p in params]
            norm = torch.linalg.vector_norm(torch.cat([g.flatten() for g in scaled]))
            for p in params:
                p += rho * (p * p if adaptive else 1) * p.grad / (norm + eps)
        optimizer.zero_grad()
        model.loss(t).backward()
        with torch.no_grad():
            for p, value in zip(params, before):
                p.copy_(value)
        optimizer.step()
        yield numbers(model), None


def optax_sam(inner, rho):
    adversary = optax.chain(optax.contrib.normalize(), optax.sgd(rho))
    optimizer = sam(optax_optimizer(*inner), adversary, sync_period=2)
    params = jnp.array(START)
    state = optimizer.init(params)
    for t in range(STEPS):
        for _ in range(2):
            updates, state = optimizer.update(gradients(params, t), state, params)
            params = optax.apply_updates(params, updates)
        yield params.tolist(), None


def accumulate(inner, n, mean=True, flush=()):
    model = Numbers()
    optimizer = torch_optimizer(model, *inner)
    optimizer.zero_grad()
    count = 0
    for t in range(STEPS):
        model.loss(t).backward()
        count += 1
        if count == n or t + 1 in flush:
            for p in model.parameters():
                p.grad /= count if mean else 1
            optimizer.step()
            optimizer.zero_grad()
            count = 0
        yield numbers(model), None


WRAPPERS = {"lookahead": lookahead, "ema": ema, "swa": swa, "sam": sharpness_aware, "accumulate": accumulate}


def row(wrapper, inner, **args):
    course = list(WRAPPERS[wrapper](inner, **args))
    params, averages = ([step[i] for step in course] for i in range(2))
    return {"wrapper": wrapper, "args": args, "inner": inner, "params": params, "averages": averages}


def rows():
    yield row("lookahead", SGD, k=5, alpha=0.5)
    yield row("lookahead", ADAM, k=5, alpha=0.5)
    yield row("lookahead", ADAMW, k=2, alpha=0.8)
    yield row("lookahead", SGD, k=1, alpha=0.3)
    yield row("lookahead", ADAM, k=3, alpha=1)
    yield row("ema", SGD)
    yield row("ema", ADAM, decay=0.6)
    yield row("ema", ADAMW, decay=0.9, warmup=False)
    yield row("ema", SGD, decay=0.5, every=3)
    yield row("ema", ADAM, decay=0.5, every=3, warmup=False)
    yield row("swa", SGD)
    yield row("swa", ADAM, start=6)
    yield row("swa", ADAMW, start=3, every=4)
    yield row("sam", SGD)
    yield row("sam", SGD, rho=0.5, eps=0)
    yield row("sam", ADAM, rho=0.2, eps=0)
    yield row("sam", ADAMW, rho=0.1, eps=0.01)
    yield row("sam", SGD, rho=0.5, adaptive=True)
    yield row("sam", ADAM, rho=1, adaptive=True, eps=1e-3)
    yield row("accumulate", SGD, n=1)
    yield row("accumulate", SGD, n=3, flush=[7, 16])
    yield row("accumulate", ADAM, n=4, flush=[10])
    yield row("accumulate", ADAMW, n=2, mean=False)


def batch_norm():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3), nn.Tanh(), nn.Linear(4, 2), nn.BatchNorm1d(2, momentum=None))
    batches = [torch.tensor(np.round(random.uniform(-2, 2, (size, 3)), 2)) for size in (4, 2, 7)]
    model(batches[0] + 1)
    state = {key: value.tolist() for key, value in model.state_dict().items()}
    update_bn(batches, model)
    return {"state": state, "batches": [x.tolist() for x in batches], "updated": {key: value.tolist() for key, value in model.named_buffers()}}


out = {
    "generated": f"test/reference/wrappers.py with PyTorch {torch.__version__}, optax {optax.__version__}, NumPy {np.__version__}",
    "start": START.tolist(),
    "slopes": SLOPES.tolist(),
    "batchNorm": batch_norm(),
}
lines = ",\n".join(json.dumps(one) for one in rows())
(Path(__file__).parent / "wrappers.json").write_text(json.dumps(out)[:-1] + ',\n"rows": [\n' + lines + "\n]}\n")
