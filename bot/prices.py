"""What models cost: tokens to money. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.model.summary import Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """For a million tokens, in the currency of the table."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices that are known, by model."""

    currency: str = "USD"
    models: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def from_toml(cls, text: str) -> "Prices":
        """The table `config/prices.toml`."""
        content = tomllib.loads(text)
        models = {name: Price(each["input"], each["output"]) for name, each in content["models"].items()}
        return cls(content["currency"], models)

    def cost(self, used: Mapping[str, Usage]) -> float | None:
        """What usage by model costs in all; None where the price of one of them is not known."""
        if any(model not in self.models for model in used):
            return None
        prices = ((self.models[model], each) for model, each in used.items())
        return sum((price.input * each.prompt + price.output * each.completion) / _MILLION for price, each in prices)
