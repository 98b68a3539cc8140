"""Writes optimizers.json: the course of parameters under every optimizer of optimizer-cases.json, from PyTorch and optax.

    python src/testing/optimizers.py

The first case of "own" runs with every case of "shared" that makes a difference, the others by themselves, on parameters with
given gradients (no network, so that nothing but the optimizer counts), in float64 and float32; the parameters are recorded after
steps 1, 10 and 100. L-BFGS, which looks at the loss where it likes, is given a function instead of gradients.

The rule itself is always the library's. Where the library also has the shared option, it does that too (weight decay,
clipping, maximize); else it is written out here around the library: l1, thresholds, decay towards the first value, and
decay of the kind that this optimizer lacks. optax's decay is replaced by `pull` where it stands inside the rule.

Two known mistakes of optax 0.2.8 are put right: the factor of adan's differences (its pull request 1715), and the warm-up
of schedule-free, in which z lags a step behind (1744). PyTorch's Muon rounds to bfloat16 inside; here it does not.
"""

import contextlib
import inspect
import itertools
import json
import math
import os
import pathlib
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax

jax.config.update("jax_enable_x64", True)  # before the first array, else optax computes in float32
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import torch

torch.set_default_dtype(torch.float64)  # else PyTorch keeps scalars, such as NAdam's product of momenta, in float32

here = pathlib.Path(__file__).parent
table = json.loads((here / "optimizer-cases.json").read_text())
STEPS, RECORDED = 100, (1, 10, 100)

random = np.random.default_rng(7)
SHAPES = [(2,), (3, 2), (2, 3)]
START = [random.uniform(0.5, 2, shape) * random.choice([-1, 1], shape) for shape in SHAPES]
GRADIENTS = [[random.normal(size=shape) for shape in SHAPES] for _ in range(STEPS)]
GRADIENTS[0][0][1] = 0  # the first gradient of an element may be 0

DEFAULTS = {
    "sgd": dict(lr=1e-3, momentum=0, dampening=0, nesterov=False),
    "sgdm": dict(lr=1e-2, beta1=0.9),
    "momentum": dict(lr=1e-2, momentum=0.9),
    "nag": dict(lr=1e-2, momentum=0.9),
    "asgd": dict(lr=1e-2, lambd=1e-4, lrPower=0.75, t0=1e6),
    "signum": dict(lr=1e-3, beta1=0.9),
    "lion": dict(lr=1e-4, beta1=0.9, beta2=0.99, decay="decoupled"),
    "rprop": dict(lr=1e-2, etaMinus=0.5, etaPlus=1.2, stepMin=1e-6, stepMax=50),
    "adagrad": dict(lr=1e-2, lrDecay=0, initialAccumulatorValue=0, eps=1e-10, epsRoot=0),
    "adadelta": dict(lr=1, rho=0.9, eps=0, epsRoot=1e-6),
    "rmsprop": dict(lr=1e-2, rho=0.99, eps=1e-8, epsRoot=0, centered=False, momentum=0),
    "adam": dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, amsgrad=False),
    "adamw": dict(
        lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, amsgrad=False, weightDecay=1e-2, decay="decoupled"
    ),
    "nadam": dict(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, momentumDecay=4e-3),
    "adamax": dict(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8),
    "radam": dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8),
    "adabelief": dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-16, epsRoot=1e-13),
    "yogi": dict(lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-3, epsRoot=0, initialAccumulatorValue=1e-6),
    "adan": dict(lr=1e-3, beta1=0.98, beta2=0.92, beta3=0.99, eps=1e-8, epsRoot=0, decay="decoupled"),
    "ademamix": dict(
        lr=1e-3, beta1=0.9, beta2=0.999, beta3=0.9999, alpha=5, eps=1e-8, epsRoot=0, decay="decoupled"
    ),
    "lars": dict(lr=1, momentum=0.9, nesterov=False, trustCoefficient=1e-3, eps=0),
    "lamb": dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6, epsRoot=0, decay="decoupled"),
    "scheduleFreeSgd": dict(lr=1, beta1=0.9, warmupSteps=0, weightLrPower=2),
    "scheduleFreeAdamw": dict(
        lr=2.5e-3, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, warmupSteps=0, weightLrPower=2, decay="decoupled"
    ),
    "muon": dict(
        lr=1e-3, momentum=0.95, nesterov=True, nsSteps=5, nsA=3.4445, nsB=-4.775, nsC=2.0315, nsEps=1e-7,
        adjustLr="original", adamScale=1, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, weightDecay=0.1,
        decay="decoupled",
    ),
    "adafactor": dict(lr=1e-2, beta2Decay=-0.8, eps1=2**-23, eps2=1e-3, clipThreshold=1, decay="decoupled"),
    "lbfgs": dict(
        lr=1, maxIter=20, maxEval=0, toleranceGrad=1e-7, toleranceChange=1e-9, historySize=100, lineSearch="none"
    ),
}
SHARED = dict(weightDecay=0, l1=0, decay="coupled", proximal=False, towardInit=False, maximize=False)


def settings(name, options):
    return {**SHARED, **DEFAULTS[name], **options}


# --- one step of a library -----------------------------------------------------------------------


class Torch:
    """PyTorch optimizers over parameters that are set before every step."""

    by = "PyTorch"

    def __init__(self, make, start, dtype):
        self.params = [torch.tensor(p, dtype=getattr(torch, dtype)).requires_grad_() for p in start]
        made = make(self.params)
        self.optimizers = made if isinstance(made, list) else [made]

    def step(self, params, grads):
        for own, p, g in zip(self.params, params, grads):
            own.data.copy_(torch.from_numpy(p))
            own.grad = torch.from_numpy(g)
        for optimizer in self.optimizers:
            optimizer.step()
        return [p.detach().numpy().copy() for p in self.params]

    def average(self, params):
        state = self.optimizers[0].state
        return [state[p]["ax"].numpy().copy() for p in self.params] if "ax" in state[self.params[0]] else None


class Optax:
    """An optax transformation; `pull` of the options is what stands in the place of its weight decay."""

    by = "optax"

    def __init__(self, tx, start, dtype):
        self.tx = tx
        self.state = tx.init([jnp.asarray(p, dtype=dtype) for p in start])

    def step(self, params, grads):
        params = [jnp.asarray(p) for p in params]
        updates, self.state = self.tx.update([jnp.asarray(g) for g in grads], self.state, params)
        return [np.array(p) for p in optax.apply_updates(params, updates)]

    def average(self, params):
        if not isinstance(self.state, optax.contrib.ScheduleFreeState):
            return None
        params = [jnp.asarray(p) for p in params]
        return [np.array(x) for x in optax.contrib.schedule_free_eval_params(self.state, params)]


@contextlib.contextmanager
def exact_muon():
    """What PyTorch's Muon rounds to bfloat16, it copies instead."""
    rounded = torch.Tensor.bfloat16
    torch.Tensor.bfloat16 = lambda self: self.clone()
    try:
        yield
    finally:
        torch.Tensor.bfloat16 = rounded


class ExactMuon(Torch):
    def step(self, params, grads):
        with exact_muon():
            return super().step(params, grads)


def scale_by_adan():
    source = inspect.getsource(optax.scale_by_adan)
    for wrong, right in (("(g, 1 - b2, diff)", "(g, b2, diff)"), ("(m_hat, 1 - b2, v_hat)", "(m_hat, b2, v_hat)")):
        assert source.count(wrong) == 1, "this optax has another scale_by_adan"
        source = source.replace(wrong, right)
    namespace = dict(vars(sys.modules[optax.scale_by_adan.__module__]))
    exec(source, namespace)
    return namespace["scale_by_adan"]


def add_pull(pull):
    """Adds the slope of the penalty at the parameters to the updates."""

    def update(updates, state, params):
        return [u + d for u, d in zip(updates, pull(params))], state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def build(name, o, start, dtype, native, pull):
    """A stepper for an optimizer. `native` is the weight decay that the library is to do, `pull` what stands inside."""
    lr, betas = o["lr"], (o.get("beta1"), o.get("beta2"))
    common = dict(foreach=False, weight_decay=native)
    rate = optax.scale_by_learning_rate(lr)

    def torch_(make):
        return Torch(make, start, dtype)

    def chain(*parts):
        return Optax(optax.chain(*[part for part in parts if part]), start, dtype)

    inside = add_pull(pull) if pull else None
    if name in ("sgd", "momentum", "nag"):
        more = {k: o[k] for k in ("momentum", "dampening", "nesterov") if k in o}
        nesterov = {"nesterov": True} if name == "nag" else {}
        return torch_(lambda p: torch.optim.SGD(p, lr=lr, **more, **nesterov, **common))
    if name == "sgdm":
        return chain(optax.ema(o["beta1"], debias=False), rate)
    if name == "asgd":
        more = dict(lambd=o["lambd"], alpha=o["lrPower"], t0=o["t0"])
        return torch_(lambda p: torch.optim.ASGD(p, lr=lr, **more, **common))
    if name == "signum":
        return Optax(optax.signum(lr, beta=o["beta1"]), start, dtype)
    if name == "lion":
        return chain(optax.scale_by_lion(*betas), optax.add_decayed_weights(native) if native else None, rate)
    if name == "rprop":
        more = dict(etas=(o["etaMinus"], o["etaPlus"]), step_sizes=(o["stepMin"], o["stepMax"]), foreach=False)
        return torch_(lambda p: torch.optim.Rprop(p, lr=lr, **more))
    if name == "adagrad":
        if o["epsRoot"]:
            assert o["eps"] == 0 and o["lrDecay"] == 0 and not native
            return Optax(optax.adagrad(lr, o["initialAccumulatorValue"], o["epsRoot"]), start, dtype)
        more = dict(lr_decay=o["lrDecay"], initial_accumulator_value=o["initialAccumulatorValue"], eps=o["eps"])
        return torch_(lambda p: torch.optim.Adagrad(p, lr=lr, **more, **common))
    if name == "adadelta":
        assert o["eps"] == 0
        return torch_(lambda p: torch.optim.Adadelta(p, lr=lr, rho=o["rho"], eps=o["epsRoot"], **common))
    if name == "rmsprop":
        if o["epsRoot"]:
            assert o["eps"] == 0 and not native
            tx = optax.rmsprop(
                lr, o["rho"], o["epsRoot"], centered=o["centered"], momentum=o["momentum"] or None, eps_in_sqrt=True
            )
            return Optax(tx, start, dtype)
        more = dict(alpha=o["rho"], eps=o["eps"], centered=o["centered"], momentum=o["momentum"])
        return torch_(lambda p: torch.optim.RMSprop(p, lr=lr, **more, **common))
    if name in ("adam", "adamw"):
        if o["epsRoot"]:
            assert not o["amsgrad"]
            adam = optax.scale_by_adam(*betas, eps=o["eps"], eps_root=o["epsRoot"])
            return chain(adam, optax.add_decayed_weights(native) if native else None, rate)
        kind = torch.optim.AdamW if o["decay"] == "decoupled" else torch.optim.Adam
        return torch_(lambda p: kind(p, lr=lr, betas=betas, eps=o["eps"], amsgrad=o["amsgrad"], **common))
    if name in ("nadam", "radam", "adamax"):
        kind = dict(nadam=torch.optim.NAdam, radam=torch.optim.RAdam, adamax=torch.optim.Adamax)[name]
        more = {} if name == "adamax" else dict(decoupled_weight_decay=o["decay"] == "decoupled")
        if name == "nadam":
            more["momentum_decay"] = o["momentumDecay"]
        return torch_(lambda p: kind(p, lr=lr, betas=betas, eps=o["eps"], **more, **common))
    if name == "adabelief":
        # optax adds eps_root to the state at every step
        eps_root = o["epsRoot"] * (1 - o["beta2"])
        return chain(optax.scale_by_belief(*betas, eps=o["eps"], eps_root=eps_root), rate)
    if name == "yogi":
        more = dict(eps=o["eps"], eps_root=o["epsRoot"], initial_accumulator_value=o["initialAccumulatorValue"])
        return chain(optax.scale_by_yogi(*betas, **more), rate)
    if name == "adan":
        adan = scale_by_adan()(*betas, b3=o["beta3"], eps=o["eps"], eps_root=o["epsRoot"])
        return chain(adan, optax.add_decayed_weights(native) if native else None, rate)
    if name == "ademamix":
        more = dict(b3=o["beta3"], alpha=o["alpha"], eps=o["eps"], eps_root=o["epsRoot"], weight_decay=native)
        return Optax(optax.contrib.ademamix(lr, *betas, **more), start, dtype)
    if name == "lars":
        trust = optax.scale_by_trust_ratio(trust_coefficient=o["trustCoefficient"], eps=o["eps"])
        return chain(inside, trust, rate, optax.trace(o["momentum"], o["nesterov"]))
    if name == "lamb":
        return chain(
            optax.scale_by_adam(*betas, eps=o["eps"], eps_root=o["epsRoot"]), inside, optax.scale_by_trust_ratio(), rate
        )
    if name in ("scheduleFreeSgd", "scheduleFreeAdamw"):
        root = None
        if name == "scheduleFreeAdamw":
            assert o["epsRoot"] == 0
            root = optax.scale_by_rms(o["beta2"], o["eps"], eps_in_sqrt=False, bias_correction=True)

        def warm(first):
            return lambda n: lr * jnp.minimum(1.0, (jnp.asarray(n, "float64") + 1 - first) / o["warmupSteps"])

        # scale_by_schedule counts from 0, schedule_free from 1
        of_z, of_weight = (warm(0), warm(1)) if o["warmupSteps"] else (lr, lr)
        base = optax.chain(*[part for part in (root, inside, optax.scale_by_learning_rate(of_z)) if part])
        tx = optax.contrib.schedule_free(base, of_weight, b1=o["beta1"], weight_lr_power=o["weightLrPower"])
        return Optax(tx, start, dtype)
    if name == "muon":
        adjust = dict(original="original", matchRmsAdamw="match_rms_adamw")[o["adjustLr"]]
        muon = dict(
            momentum=o["momentum"], nesterov=o["nesterov"], ns_steps=o["nsSteps"], eps=o["nsEps"],
            ns_coefficients=(o["nsA"], o["nsB"], o["nsC"]), adjust_lr_fn=adjust,
        )
        adam = dict(lr=lr * o["adamScale"], betas=betas, eps=o["eps"], foreach=False)
        return ExactMuon(
            lambda params: [
                torch.optim.Muon([p for p in params if p.ndim == 2], lr=lr, weight_decay=native, **muon),
                torch.optim.AdamW([p for p in params if p.ndim != 2], weight_decay=native, **adam),
            ],
            start, dtype,
        )
    if name == "adafactor":
        more = dict(beta2_decay=o["beta2Decay"], eps=(o["eps1"], o["eps2"]), d=o["clipThreshold"])
        return torch_(lambda p: torch.optim.Adafactor(p, lr=lr, **more, **common))
    raise ValueError(name)


# What the library decays by itself: added to the gradient, or taken from the parameter.
COUPLED = {"sgd", "momentum", "nag", "asgd", "adagrad", "adadelta", "rmsprop", "adam", "nadam", "adamax", "radam"}
DECOUPLED = {"adam", "adamw", "nadam", "radam", "lion", "adan", "ademamix", "muon", "adafactor"}
# Where decoupled decay stands inside the rule, and must be taken there.
INSIDE = {"lars", "lamb", "scheduleFreeSgd", "scheduleFreeAdamw"}


def clipped(grads, params, o):
    """The gradients after adaptive clipping, and PyTorch's clipping by norm and by value; and the norm measured."""
    grads = [g.copy() for g in grads]
    if "clipAdaptive" in o:
        for g, p in zip(grads, params):
            units = [(g, p)] if g.ndim < 2 else zip(g, p)  # rows of [out, in]
            for gi, pi in units:
                most = o["clipAdaptive"] * max(np.linalg.norm(pi), 1e-3)
                if np.linalg.norm(gi) > most:
                    gi *= most / np.linalg.norm(gi)
    tensors = [torch.zeros(g.shape, dtype=torch.from_numpy(g).dtype, requires_grad=True) for g in grads]
    for t, g in zip(tensors, grads):
        t.grad = torch.from_numpy(g)
    norm = torch.nn.utils.clip_grad_norm_(tensors, o["clipNorm"]).item() if "clipNorm" in o else None
    if "clipValue" in o:
        torch.nn.utils.clip_grad_value_(tensors, o["clipValue"])
    return [t.grad.numpy() for t in tensors], norm


def objective(params):
    """A convex function and its gradients: sum(c/2 d^2 + d^4/4) + (sum d)^2/2, where d = p + p0."""
    slopes, loss, total = [], 0.0, sum(np.sum(p + p0.astype(p.dtype)) for p, p0 in zip(params, START))
    for p, p0, g in zip(params, START, GRADIENTS[0]):
        d, c = p + p0.astype(p.dtype), (1 + 9 * abs(g)).astype(p.dtype)
        loss += np.sum(c / 2 * d * d + d**4 / 4)
        slopes.append(c * d + d**3 + total)
    return loss + total * total / 2, slopes


def searched(name, options, dtype):
    """The course under an optimizer that is given a function."""
    o = settings(name, options)
    start = [p.astype(dtype) for p in START]
    params = [torch.tensor(p).requires_grad_() for p in start]
    optimizer = torch.optim.LBFGS(
        params, lr=o["lr"], max_iter=o["maxIter"], max_eval=o["maxEval"] or None, tolerance_grad=o["toleranceGrad"],
        tolerance_change=o["toleranceChange"], history_size=o["historySize"],
        line_search_fn={"none": None, "strongWolfe": "strong_wolfe"}[o["lineSearch"]],
    )

    def look():
        at = [p.detach().numpy() for p in params]
        loss, slopes = objective(at)  # to be climbed, it is turned over twice
        for p, x, x0, g in zip(params, at, start, slopes):
            away = x - x0 if o["towardInit"] else x
            loss += np.sum(o["weightDecay"] / 2 * away**2 + o["l1"] * abs(away))
            p.grad = torch.from_numpy(g + o["weightDecay"] * away + o["l1"] * np.sign(away).astype(dtype))
        return float(loss)

    recorded = []
    for t in range(1, STEPS + 1):
        optimizer.step(look)
        if t in RECORDED:
            recorded.append(numbers([p.detach().numpy() for p in params]))
    return {"by": "PyTorch", "searches": True, dtype: recorded}


def course(name, options, dtype):
    if name == "lbfgs":
        return searched(name, options, dtype)
    o = settings(name, options)
    start = [p.astype(dtype) for p in START]
    params = [p.copy() for p in start]
    l1 = 0 if o["proximal"] else o["l1"]
    coupled = o["decay"] == "coupled"

    def away(params):
        return [p - a if o["towardInit"] else p for p, a in zip(params, start)]

    def pull(params):
        return [o["weightDecay"] * d + l1 * (jnp.sign(d) if isinstance(d, jax.Array) else np.sign(d)) for d in away(params)]

    penalized = o["weightDecay"] != 0 or l1 != 0
    plain = o["weightDecay"] if l1 == 0 and not o["towardInit"] else 0
    # optax's forms of PyTorch's rules have no decay in the gradient
    has = name in (COUPLED if coupled else DECOUPLED) and not (coupled and o.get("epsRoot") and name != "adadelta")
    native = plain if has else 0
    inside = pull if penalized and not coupled and name in INSIDE else None
    stepper = build(name, o, start, dtype, native, inside)
    outside = penalized and not native and not inside

    recorded, averages, norm = [], [], None
    for t, gradients in enumerate(GRADIENTS, 1):
        grads, norm = clipped([g.astype(dtype) for g in gradients], params, o)
        if o["maximize"]:
            grads = [-g for g in grads]
        slopes = pull(params)
        if outside and coupled:
            grads = [g + s for g, s in zip(grads, slopes)]
        after = stepper.step(params, grads)
        if outside and not coupled:
            # muon's AdamW part decays at its own rate
            rates = [o["lr"] * (o.get("adamScale", 1) if p.ndim != 2 else 1) for p in params]
            after = [p - lr * s for p, lr, s in zip(after, rates, slopes)]
        if o["proximal"]:
            origin = start if o["towardInit"] else [np.zeros_like(p) for p in start]
            distance = [p - a for p, a in zip(after, origin)]
            threshold = o["lr"] * o["l1"]
            after = [a + np.sign(d) * np.maximum(np.abs(d) - threshold, 0) for a, d in zip(origin, distance)]
        params = [p.astype(dtype) for p in after]
        if t in RECORDED:
            recorded.append(numbers(params))
            # of the parameters as the library left them
            average = None if o["proximal"] or (outside and not coupled) else stepper.average(params)
            if average is not None:
                averages.append(numbers(average))
    return {
        "by": stepper.by,
        dtype: recorded,
        **({f"average{dtype[-2:]}": averages} if averages else {}),
        **({"norm": norm} if norm and dtype == "float64" else {}),
    }


def numbers(params):
    return [float(x) if p.dtype == np.float64 else float(np.format_float_scientific(x)) for p in params for x in p.ravel()]


def applies(name, own, shared):
    """Whether a shared case says something that another one does not, and the optimizer has it."""
    o = settings(name, {**own, **shared})
    if o["proximal"] and name in ("scheduleFreeSgd", "scheduleFreeAdamw"):
        return False
    if name == "lbfgs" and (o["proximal"] or o["decay"] == "decoupled" or any("clip" in key for key in shared)):
        return False
    default = DEFAULTS[name].get("decay", "coupled")
    return list(shared) != ["weightDecay", "decay"] or shared["decay"] != default


def rows():
    for name, own in table["own"].items():
        cases = [{**own[0], **shared} for shared in table["shared"] if applies(name, own[0], shared)] + own[1:]
        for options in cases:
            row = {"name": name, "options": options}
            for dtype in ("float64", "float32"):
                row.update(course(name, options, dtype))
            yield row


out = {
    "generated": f"PyTorch {torch.__version__}, optax {optax.__version__}",
    "steps": RECORDED,
    "start": [p.tolist() for p in START],
    "gradients": [[g.tolist() for g in step] for step in GRADIENTS],
}
lines = ",\n".join(json.dumps(row) for row in rows())
(here / "optimizers.json").write_text(json.dumps(out)[:-1] + ',\n"rows": [\n' + lines + "\n]}\n")
