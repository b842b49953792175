"""The card's pictures: `python -m tools.figures` draws them all into `card/assets`.

What is drawn comes from the configs' declarations in `mnist1d`, through the generator's own steps. The pictures are
committed, so that publishing needs no matplotlib and an unchanged republish stays unchanged.
"""
