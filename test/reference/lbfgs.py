"""Writes lbfgs.json: where PyTorch's L-BFGS goes on Rosenbrock's valley, and how often it looks.

    pip install torch && python test/reference/lbfgs.py

A course is {"options", "steps"}: the options as gradlet names them, and after every step of eight the point, in float64, and
the number of looks so far.
"""

import json
import platform
from pathlib import Path

import torch

torch.set_num_threads(1)
START = [-1.2, 1.0]
OPTIONS = [
    {"lineSearch": "strongWolfe"},
    {"lineSearch": "strongWolfe", "maxIter": 3, "historySize": 2},
    {"lineSearch": "strongWolfe", "maxIter": 2, "maxEval": 20, "lr": 0.01},  # has to go further
    {"lineSearch": "strongWolfe", "maxIter": 2, "maxEval": 20, "lr": 1e3},  # has to come back
    {"lineSearch": "strongWolfe", "maxEval": 7},
    {"lr": 0.05, "maxIter": 10},
]
NAMES = {"maxIter": "max_iter", "maxEval": "max_eval", "historySize": "history_size"}


def course(options):
    p = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    more = {NAMES.get(name, name): value for name, value in options.items() if name != "lineSearch"}
    line_search = "strong_wolfe" if "lineSearch" in options else None
    optimizer = torch.optim.LBFGS(p, line_search_fn=line_search, **more)
    looks = 0

    def look():
        nonlocal looks
        looks += 1
        optimizer.zero_grad()
        loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        loss.backward()
        return loss

    steps = []
    for _ in range(8):
        optimizer.step(look)
        steps.append({"point": [x.item() for x in p], "looks": looks})
    return {"options": options, "steps": steps}


out = {
    "generated": f"PyTorch {torch.__version__}, Python {platform.python_version()}",
    "courses": [course(options) for options in OPTIONS],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")
