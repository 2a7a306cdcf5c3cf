"""A network for a board: folded such that the serial link fits beside it."""

from collections.abc import Callable

from boards.board import Board

from ..flow.area import available
from ..flow.results import Area
from ..spec import SpecError
from ..spec.devices import DEVICES
from ..spec.network import NetworkSpec
from .balance import Balanced, balance
from .size import ROUTABLE, parse_budget

__all__ = ["balance_on_board", "link_area"]

DENSE = 0.95
"""Share of the LUT4 and flip-flops that is spent where a network does not fit otherwise."""

LINK_LUT4, LINK_FF = 500, 450
"""What the serial link takes, with a reserve for wide transfers."""

LINK_MEMORIES = 2


def link_area(board: Board) -> Area:
    """What a board's serial link takes, at the most, but for very wide transfers."""
    return Area(lut4=LINK_LUT4, ff=LINK_FF, dsp=0,
                bram=LINK_MEMORIES if board.buffers == "bram" else 0)


def balance_on_board(network: NetworkSpec, board: Board | None, *, budget: str | None = None,
                     interval: int | None = None,
                     progress: Callable[[str], None] = lambda name: None) -> Balanced:
    """The network as a dataflow accelerator, its parameters built in, of the best rate that a
    board holds beside its serial link.

    Parameters
    ----------
    board:
        None for the simulated one, which has room for what an LFE5U-25F holds.
    budget:
        What the accelerator may take, as of `parse_budget`, at most what the link leaves; where
        left out, what it leaves of 80 % of the LUT4 and flip-flops or, if nothing is small enough,
        of 95 %.
    interval, progress:
        As of `balance`.

    Raises
    ------
    SpecError
        Where nothing fits, or where no areas are known of the board's family.
    """
    part = DEVICES["lfe5u-25f"] if board is None else board.part
    if part.family not in {own.family for own in DEVICES.values()}:
        raise SpecError(f"board must be one of an ECP5 or iCE40 for a network that is not compiled "
                        f"yet, but is {board.name if board else part.name}; pqhw compile it first.")
    if board is None:
        return balance(network, part, parse_budget(budget, part), interval=interval,
                       progress=progress)
    link, asked = link_area(board), parse_budget(budget, part)
    refused: SpecError | None = None
    for share in (ROUTABLE, DENSE) if budget is None else (1.0,):
        try:
            return balance(network, part, _beside(link, asked, board, share), interval=interval,
                           progress=progress)
        except SpecError as error:
            refused = error
    raise SpecError(f"{refused} On {board.title} the serial link takes {link.lut4} LUT4 and "
                    f"{link.bram} block RAMs beside it.")


def _beside(link: Area, asked: Area, board: Board, share: float) -> Area:
    """What a budget may have beside the link; of LUT4 and flip-flops so much of the device where
    the budget is left out."""
    has = available(board.part)
    if share < 1:
        asked = asked.model_copy(update={"lut4": int(share * has.lut4) - link.lut4,
                                         "ff": int(share * has.ff) - link.ff})
    return Area(**{name: min(most, has.model_dump()[name] - link.model_dump()[name])
                   for name, most in asked.model_dump().items()})
