"""Writes optim.json: the course of parameters under every optimizer of optim-cases.json, from PyTorch.

    python test/reference/optim.py

Every case of "own" runs with every case of "shared", on two parameters with given gradients (no network, so that nothing
but the optimizer counts), in float64 and float32; the parameters are recorded after steps 1, 2 and 12.

Where PyTorch has the option, PyTorch runs. What it has not is written out here: l1, decoupled decay outside AdamW and
NAdam, an epsilon on the other side of the root (NumPy, class of the rule below), and sgdm (NumPy).
"""

import itertools
import json
import pathlib

import numpy as np
import torch

here = pathlib.Path(__file__).parent
table = json.loads((here / "optim-cases.json").read_text())
torch.set_default_dtype(torch.float64)  # else PyTorch keeps NAdam's product of momenta in float32, and is off by 1e-9
STEPS, RECORDED = 12, (1, 2, 12)

random = np.random.default_rng(7)
START = [random.uniform(0.5, 2, 3) * [1, -1, 1], random.uniform(0.5, 2, (2, 2)) * [[-1, 1], [1, 1]]]
GRADIENTS = [[random.normal(size=3), random.normal(size=(2, 2))] for _ in range(STEPS)]
GRADIENTS[0][0][1] = 0  # the first gradient of an element may be 0

DEFAULTS = {
    "sgd": dict(lr=1e-3, momentum=0, dampening=0, nesterov=False),
    "sgdm": dict(lr=1e-2, beta1=0.9),
    "momentum": dict(lr=1e-2, momentum=0.9),
    "nag": dict(lr=1e-2, momentum=0.9),
    "adagrad": dict(lr=1e-2, lrDecay=0, initialAccumulatorValue=0, eps=1e-10, epsRoot=0),
    "adadelta": dict(lr=1, rho=0.9, eps=0, epsRoot=1e-6),
    "rmsprop": dict(lr=1e-2, rho=0.99, eps=1e-8, epsRoot=0, centered=False, momentum=0),
    "adam": dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, amsgrad=False),
    "adamw": dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, amsgrad=False, weightDecay=1e-2, decay="decoupled"),
    "nadam": dict(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, epsRoot=0, momentumDecay=4e-3),
}


def pytorch(name, o, params):
    """PyTorch's optimizer for these options with its own defaults left alone, or None where it has no such option."""
    given = {k: v for k, v in o.items() if k not in ("clipNorm", "clipValue", "l1", "decay", "epsRoot")}
    rename = {
        "weightDecay": "weight_decay", "lrDecay": "lr_decay", "initialAccumulatorValue": "initial_accumulator_value",
        "momentumDecay": "momentum_decay", "rho": "alpha" if name == "rmsprop" else "rho",
    }
    kwargs = {rename.get(k, k): v for k, v in given.items() if k not in ("beta1", "beta2")}
    decoupled = o.get("decay", DEFAULTS[name].get("decay")) == "decoupled"
    if decoupled and name not in ("adamw", "nadam"):
        kwargs.pop("weight_decay", None)
    if name == "nadam" and decoupled:
        kwargs["decoupled_weight_decay"] = True
    if name == "adamw" and not decoupled:
        name = "adam"
    if name in ("adam", "adamw", "nadam"):
        d = DEFAULTS[name]
        kwargs["betas"] = (o.get("beta1", d["beta1"]), o.get("beta2", d["beta2"]))
    if name == "adadelta":
        if kwargs.pop("eps", 0):
            return None
        if "epsRoot" in o:
            kwargs["eps"] = o["epsRoot"]
    elif o.get("epsRoot", 0):
        return None
    if name in ("momentum", "nag"):
        kwargs = {**DEFAULTS[name], **kwargs, "nesterov": name == "nag"}
    classes = dict(
        sgd=torch.optim.SGD, momentum=torch.optim.SGD, nag=torch.optim.SGD, adagrad=torch.optim.Adagrad,
        adadelta=torch.optim.Adadelta, rmsprop=torch.optim.RMSprop, adam=torch.optim.Adam, adamw=torch.optim.AdamW,
        nadam=torch.optim.NAdam,
    )
    return classes[name](params, **kwargs) if name in classes else None


def literal(name, o):
    """The rule in NumPy: from the gradient g and the state s of a parameter to the step p <- p - lr * step."""
    o = {**DEFAULTS[name], **o}

    def root(v, extra=0):
        return np.sqrt(v + o["epsRoot"]) + o["eps"]

    def moments(g, s):
        s["m"] = o["beta1"] * s.get("m", 0) + (1 - o["beta1"]) * g
        s["v"] = o["beta2"] * s.get("v", 0) + (1 - o["beta2"]) * g**2
        return s["m"], s["v"], 1 - o["beta2"] ** s["t"]

    def sgdm(g, s):
        s["m"] = o["beta1"] * s.get("m", 0) + (1 - o["beta1"]) * g
        return s["m"]

    def adagrad(g, s):
        s["v"] = s.get("v", o["initialAccumulatorValue"]) + g**2
        return g / root(s["v"]) / (1 + (s["t"] - 1) * o["lrDecay"])

    def adadelta(g, s):
        s["v"] = o["rho"] * s.get("v", 0) + (1 - o["rho"]) * g**2
        delta = root(s.get("u", np.zeros_like(g))) / root(s["v"]) * g
        s["u"] = o["rho"] * s.get("u", 0) + (1 - o["rho"]) * delta**2
        return delta

    def rmsprop(g, s):
        s["v"] = o["rho"] * s.get("v", 0) + (1 - o["rho"]) * g**2
        s["m"] = o["rho"] * s.get("m", 0) + (1 - o["rho"]) * g
        r = g / root(s["v"] - s["m"] ** 2 if o["centered"] else s["v"])
        s["b"] = o["momentum"] * s.get("b", 0) + r
        return s["b"] if o["momentum"] else r

    def adam(g, s):
        m, v, bias2 = moments(g, s)
        s["max"] = np.maximum(s.get("max", np.zeros_like(v)), v)
        return m / (1 - o["beta1"] ** s["t"]) / root((s["max"] if o["amsgrad"] else v) / bias2)

    def nadam(g, s):
        m, v, bias2 = moments(g, s)
        mu, following = (o["beta1"] * (1 - 0.5 * 0.96 ** (t * o["momentumDecay"])) for t in (s["t"], s["t"] + 1))
        s["product"] = s.get("product", 1) * mu
        ahead = following * m / (1 - s["product"] * following) + (1 - mu) * g / (1 - s["product"])
        return ahead / root(v / bias2)

    rules = dict(sgdm=sgdm, adagrad=adagrad, adadelta=adadelta, rmsprop=rmsprop, adam=adam, adamw=adam, nadam=nadam)
    return rules[name]


def course(name, options, dtype):
    o = {**DEFAULTS[name], **options}
    params = [torch.tensor(p, dtype=dtype).requires_grad_() for p in START]
    optimizer = pytorch(name, options, params)
    rule, states = (None, None) if optimizer else (literal(name, options), [{"t": 0} for _ in params])
    native_decay = optimizer and name in ("adamw", "nadam")
    decoupled = o.get("decay") == "decoupled"
    decay, l1, sign = o.get("weightDecay", 0), o.get("l1", 0), -1 if o.get("maximize") else 1
    recorded, norm = [], None
    for t, gradients in enumerate(GRADIENTS, 1):
        for p, g in zip(params, gradients):
            p.grad = torch.tensor(g, dtype=dtype)
        if "clipNorm" in o:
            norm = torch.nn.utils.clip_grad_norm_(params, o["clipNorm"]).item()
        if "clipValue" in o:
            torch.nn.utils.clip_grad_value_(params, o["clipValue"])
        with torch.no_grad():
            for p in params:
                signs = p.sign()
                if l1 and not decoupled:
                    p.grad += sign * l1 * signs  # PyTorch turns it round for maximize
                if decay and decoupled and not native_decay:
                    p.mul_(1 - o["lr"] * decay)
                if l1 and decoupled:
                    if native_decay:  # before PyTorch's shrinking instead of after it
                        p.sub_(o["lr"] * l1 * signs / (1 - o["lr"] * decay))
                    else:
                        p.sub_(o["lr"] * l1 * signs)
            if optimizer:
                optimizer.step()
            else:
                for p, s in zip(params, states):
                    s["t"] += 1
                    g = sign * p.grad.numpy() + (0 if decoupled else decay * p.numpy())
                    p.sub_(torch.tensor(o["lr"] * rule(g, s), dtype=dtype))
        if t in RECORDED:
            recorded.append([x for p in params for x in p.detach().double().flatten().tolist()])
    return {"by": "PyTorch" if optimizer else "NumPy", "params": recorded, **({"norm": norm} if norm else {})}


def rows():
    for name, own in table["own"].items():
        for mine, shared in itertools.product(own, table["shared"]):
            options = {**mine, **shared}
            yield {
                "name": name,
                "options": options,
                "float64": course(name, options, torch.float64),
                "float32": course(name, options, torch.float32),
            }


out = {
    "generated": f"test/reference/optim.py with PyTorch {torch.__version__}, NumPy {np.__version__}",
    "recorded": RECORDED,
    "start": [p.tolist() for p in START],
    "gradients": [[g.tolist() for g in step] for step in GRADIENTS],
}
lines = ",\n".join(json.dumps(row) for row in rows())
(here / "optim.json").write_text(json.dumps(out)[:-1] + ',\n"rows": [\n' + lines + "\n]}\n")
