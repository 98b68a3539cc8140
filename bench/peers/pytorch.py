"""The workloads as a user of PyTorch writes them: python pytorch.py THREADS, which then takes the requests of serve.ts."""

import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CHECKED_STEPS = 5


def numbers(n, offset=0):
    i = np.arange(n, dtype=np.int64) + offset
    return torch.from_numpy((i * 7919 % 1009 / 504 - 1).astype(np.float32))


def sampled(values):
    flat = values.detach().reshape(-1)
    return [flat[0].item(), flat[-1].item(), *flat[101:10_000:101].tolist()]


def read_data(path, work):
    values = torch.from_numpy(np.fromfile(path, dtype=np.float32))
    sizes, rows = work["sizes"], work["rows"]
    at = 0

    def take(*shape):
        nonlocal at
        n = int(np.prod(shape))
        at += n
        return values[at - n : at].reshape(shape).clone()

    x, classes = take(rows, sizes[0]), take(rows).long()
    target = F.one_hot(classes, sizes[-1]).float() if work["loss"] == "mse" else classes
    batches = [
        (x[i : i + work["batch"]].clone(), target[i : i + work["batch"]].clone()) for i in range(0, rows, work["batch"])
    ]
    layers = [(take(n, m), take(n)) for m, n in zip(sizes, sizes[1:])]
    return batches, layers


def create_model(work, layers, dropout):
    modules = []
    for k, (weight, bias) in enumerate(layers):
        n, m = weight.shape
        linear = nn.Linear(m, n)
        linear.load_state_dict({"weight": weight, "bias": bias})
        modules.append(linear)
        if k == len(layers) - 1:
            break
        if work["norm"]:
            modules.append(nn.BatchNorm1d(n))
        modules.append(nn.ReLU())
        if dropout > 0:
            modules.append(nn.Dropout(dropout))
    return nn.Sequential(*modules)


def optimizer_for(model, spec):
    classes = {
        "sgd": torch.optim.SGD,
        "adagrad": torch.optim.Adagrad,
        "adadelta": torch.optim.Adadelta,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "nadam": torch.optim.NAdam,
    }
    options = {{"weightDecay": "weight_decay"}.get(key, key): value for key, value in spec.items() if key != "name"}
    return classes[spec["name"]](model.parameters(), **options)


def train(work, path):
    batches, layers = read_data(path, work)
    loss_of = F.mse_loss if work["loss"] == "mse" else F.cross_entropy

    def trainer(dropout):
        model = create_model(work, layers, dropout)
        optimizer = optimizer_for(model, work["optimizer"])
        step = 0

        def one_step():
            nonlocal step
            x, target = batches[step % len(batches)]
            step += 1
            loss = loss_of(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return one_step

    current = trainer(work["dropout"])

    def run():
        nonlocal current
        if work["fresh"]:
            current = trainer(work["dropout"])
        for _ in range(work["steps"]):
            current()

    def check():
        step = trainer(0)
        return [step() for _ in range(CHECKED_STEPS)]

    return run, check


def evaluate(work, path):
    batches, layers = read_data(path, work)
    model = create_model(work, layers, work["dropout"]).eval()
    x = batches[0][0]

    def run():
        with torch.no_grad():
            return model(x)

    return run, lambda: sampled(run())


def lenet(work, _):
    batch = work["batch"]
    x, target = numbers(batch * 784).reshape(batch, 1, 28, 28), torch.arange(batch) % 10

    def trainer():
        model = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(784, 10),
        )
        with torch.no_grad():
            for layer in (model[0], model[3], model[7]):
                inputs, outputs = layer.weight[0].numel(), len(layer.weight)
                layer.weight.copy_((numbers(outputs * inputs, inputs) / inputs**0.5).reshape(layer.weight.shape))
                layer.bias.copy_(numbers(outputs, outputs) / inputs**0.5)
        optimizer = torch.optim.Adam(model.parameters())

        def one_step():
            loss = F.cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return one_step

    def check():
        step = trainer()
        return [step() for _ in range(CHECKED_STEPS)]

    return trainer(), check


def chain(work, _):
    first = numbers(work["size"])

    def run():
        x = first.clone().requires_grad_()
        y = x
        for i in range(work["length"]):
            y = y * 1.0001 if i % 2 else y + 0.1
        total = y.sum()
        total.backward()
        return total, x

    def check():
        total, x = run()
        return [total.item(), *x.grad.tolist()]

    return run, check


def matmul(work, _):
    n = work["n"]
    a, b = numbers(n * n).reshape(n, n), numbers(n * n, 1).reshape(n, n)
    return lambda: a @ b, lambda: sampled(a @ b)


def apply_map(work, _):
    side = work["side"]
    x, y = (numbers(side * side, k).reshape(side, side) for k in (0, 1))
    norm = nn.LayerNorm(side).requires_grad_(False)
    run = {
        "add": lambda: x + y,
        "exp": lambda: torch.exp(x),
        "tanh": lambda: torch.tanh(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "softmax": lambda: torch.softmax(x, 1),
        "layerNorm": lambda: norm(x),
    }[work["op"]]
    return run, lambda: sampled(run())


def update(work, _):
    parameters = []
    for k in range(work["count"]):
        p = numbers(work["size"], k).requires_grad_()
        p.grad = numbers(work["size"], k + 1)
        parameters.append(p)
    optimizer = torch.optim.Adam(parameters)

    def check():
        optimizer.step()
        return sampled(parameters[0])

    return optimizer.step, check


JOBS = {
    "train": train,
    "evaluate": evaluate,
    "lenet": lenet,
    "chain": chain,
    "matmul": matmul,
    "map": apply_map,
    "update": update,
}


class Engine:
    def measure(self, count):
        start = time.perf_counter()
        for _ in range(count):
            self.run()
        return (time.perf_counter() - start) * 1000

    def answer(self, request):
        if request["do"] == "round":
            return {"ms": self.measure(self.repeats) / self.repeats}
        work, warm_up, wanted = request["work"], request["warmUp"], request["round"]
        self.run, check = JOBS[work["kind"]](work, request["data"])
        values = check()
        start = time.perf_counter()
        last, count = self.measure(1), 1
        while (time.perf_counter() - start) * 1000 < warm_up:
            last = self.measure(count) / count
            count = max(1, int(np.ceil(min(wanted, warm_up / 10) / last)))
        self.repeats = max(1, int(np.ceil(wanted / last)))
        return {"values": values, "ms": last}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    print("@" + json.dumps({"version": torch.__version__}), flush=True)
    engine = Engine()
    for line in sys.stdin:
        try:
            reply = engine.answer(json.loads(line))
        except Exception as error:
            reply = {"error": str(error)}
        print("@" + json.dumps(reply), flush=True)


main()
