"""symbolic_bridge: from a prompt to a tune, a performance and frames on the codec's clock.

from symbolic_bridge import Tune
tune = Tune.from_abc(text)
tune.transpose(2).to_midi("t.mid")
"""

from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.tune import Tune

__all__ = ["AbcSyntaxError", "Tune"]
