"""The closed form: what a network costs, from its tree alone. Loads no torch."""

from budgetnet.network.cost.types import CustomCost

__all__ = ["CustomCost"]  # the place plug-ins import it from
