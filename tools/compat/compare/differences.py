"""Two field trees compared leaf by leaf, and the differences that are known and wanted."""

import re
import tomllib
from dataclasses import dataclass, field

ABSENT = "<absent>"


@dataclass(frozen=True)
class Difference:
    label: str
    request: str
    path: str
    a: object
    b: object

    def __str__(self):
        return f"{self.label}: {self.request}: {self.path}: A {_short(self.a)}, B {_short(self.b)}"


@dataclass
class Known:
    """An entry of known.toml. `*` stands for anything in `request`, `case` and `field`."""

    request: str
    field: str
    reason: str
    case: str = "*"
    a: object = None  # A's value, if only that one is tolerated
    b: object = None  # B's
    used: int = field(default=0, compare=False)

    def covers(self, difference):
        return (
            _glob(self.request, difference.request)
            and _glob(self.case, difference.label)
            and _glob(self.field, difference.path)
            and (self.a is None or self.a == difference.a)
            and (self.b is None or self.b == difference.b)
        )


def load_known(path):
    with open(path, "rb") as file:
        return [Known(**entry) for entry in tomllib.load(file).get("known", [])]


def compare(label, request, a, b, path=""):
    """Every leaf, or whole branch, that the two trees do not share."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(k for k in b if k not in a)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from compare(label, request, a.get(key, ABSENT), b.get(key, ABSENT), inner)
    elif isinstance(a, list) and isinstance(b, list):
        for index in range(max(len(a), len(b))):
            left = a[index] if index < len(a) else ABSENT
            right = b[index] if index < len(b) else ABSENT
            yield from compare(label, request, left, right, f"{path}[{index}]")
    elif a != b or type(a) is not type(b):
        yield Difference(label, request, path, a, b)


def _glob(pattern, text):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _short(value):
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:157]}..."
