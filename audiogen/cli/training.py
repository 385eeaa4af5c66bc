"""`audiogen data` and `audiogen train`: building shards and training the three networks."""

from __future__ import annotations

import typer

data_app = typer.Typer(help="Build training data.", no_args_is_help=True, rich_markup_mode=None)
train_app = typer.Typer(help="Train the networks from scratch.", no_args_is_help=True, rich_markup_mode=None)
