"""What models cost: tokens to money. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.model.summary import BATCHED, Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """For a million tokens, in the currency of the table."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices that are known, by model. `batch` is the part of them that batches cost."""

    currency: str = "USD"
    models: Mapping[str, Price] = field(default_factory=dict)
    batch: float = 1.0

    @classmethod
    def from_toml(cls, text: str) -> "Prices":
        """The table `config/prices.toml`."""
        content = tomllib.loads(text)
        models = {name: Price(each["input"], each["output"]) for name, each in content["models"].items()}
        return cls(content["currency"], models, content.get("batch", 1.0))

    def cost(self, used: Mapping[str, Usage]) -> float | None:
        """What usage by model costs in all; None where the price of one of them is not known."""
        if any(model.removesuffix(BATCHED) not in self.models for model in used):
            return None
        return sum(self._cost(model, each) for model, each in used.items())

    def _cost(self, model: str, used: Usage) -> float:
        price = self.models[model.removesuffix(BATCHED)]
        whole = (price.input * used.prompt + price.output * used.completion) / _MILLION
        return whole * self.batch if model.endswith(BATCHED) else whole
