"""Writes iris.csv and digits.csv from the copies in scikit-learn: python make.py"""

from pathlib import Path

import sklearn
from sklearn.datasets import load_digits, load_iris

here = Path(__file__).parent


def write(name, header, rows):
    lines = [",".join(header), *(",".join(row) for row in rows)]
    (here / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{name}: {len(lines) - 1} rows, scikit-learn {sklearn.__version__}")


iris = load_iris()
write(
    "iris.csv",
    ["sepalLength", "sepalWidth", "petalLength", "petalWidth", "species"],
    ([*(f"{v:.1f}" for v in row), iris.target_names[y]] for row, y in zip(iris.data, iris.target)),
)

digits = load_digits()
write(
    "digits.csv",
    [*(f"pixel{r}{c}" for r in range(8) for c in range(8)), "digit"],
    ([*(f"{v:.0f}" for v in row), str(y)] for row, y in zip(digits.data, digits.target)),
)
