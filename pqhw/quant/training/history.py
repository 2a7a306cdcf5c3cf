"""What training was like, epoch by epoch."""

import dataclasses
import json
from typing import Any

__all__ = ["Epoch", "History"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training images.

    Members
    -------
    epoch: from 1
    rate: step size of its last step
    loss: mean over the images
    train_accuracy: 0 to 1, of the images as changed, while the weights move
    test_accuracy: 0 to 1, of the test images afterwards, or what `evaluate` gave
    seconds: of training and evaluation
    """
    epoch: int
    rate: float
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class History:
    """A whole training.

    Members
    -------
    recipe: fields of the `Recipe`
    data: the data set, in words
    device: cpu or cuda
    versions: of what decides results, by name
    epochs: those done
    """
    recipe: dict[str, Any]
    data: str
    device: str
    versions: dict[str, str]
    epochs: tuple[Epoch, ...] = ()

    @property
    def test_accuracy(self) -> float:
        """Of the last epoch: none is chosen by its test images."""
        return self.epochs[-1].test_accuracy

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return sum(epoch.seconds for epoch in self.epochs)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return dataclasses.asdict(self) | {"epochs": [dataclasses.asdict(own)
                                                      for own in self.epochs]}

    def to_json(self) -> str:
        """As text."""
        return json.dumps(self.to_mapping(), indent=2) + "\n"
