"""Training in PyTorch: a graph as a module, a loop over epochs, the graph back."""

import importlib.util

from ...network import LearningError

if importlib.util.find_spec("torch") is None:
    raise LearningError("learning needs PyTorch; run: pip install 'pqhw[train]'")

from .augment import Augmentation
from .distil import Distillation
from .groups import Group, parameter_groups
from .history import Epoch, History
from .loop import Step, fit
from .loss import Batch, LabelLoss, Loss
from .module import GraphModule
from .network import network_for, train_network
from .recipe import Recipe, RecipeError, RecipeTypeError
from .scaling import InputScaling, fold_scaling, unfold_scaling
from .scores import accuracy, logits_of

__all__ = ["Augmentation", "Batch", "Distillation", "Epoch", "GraphModule", "Group", "History",
           "InputScaling", "LabelLoss", "Loss", "Recipe", "RecipeError", "RecipeTypeError", "Step",
           "accuracy", "fit", "fold_scaling", "logits_of", "network_for", "parameter_groups",
           "train_network", "unfold_scaling"]
