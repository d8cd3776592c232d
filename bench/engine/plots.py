# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG, with nothing but text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#4477aa", "#228833", "#ccbb44", "#ee6677", "#aa3377")
FONT = 'font-family="sans-serif" font-size="12"'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT}>{escape(text)}</text>'


def _legend(names: Sequence[str], x: float, y: float) -> list[str]:
    parts = []
    for i, name in enumerate(names):
        parts.append(f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="12" fill="{COLOURS[i]}"/>')
        parts.append(_text(x + 17, y, name))
        x += 30 + 7 * len(name)
    return parts


def _page(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def bars(title: str, names: Sequence[str], groups: Mapping[str, Sequence[float]]) -> str:
    """Groups of horizontal bars on a logarithmic scale from 1 on, one bar of a group for each of 'names'."""
    left, width, thick = 230.0, 620.0, 8.0
    largest = max((v for values in groups.values() for v in values), default=10.0)
    decades = max(1, math.ceil(math.log10(max(largest, 10.0))))
    step = width / decades
    row = thick * len(names) + 8
    bottom = 50 + row * len(groups)
    parts = [_text(10, 20, title), *_legend(names, left, 20)]
    for decade in range(decades + 1):
        x = left + decade * step
        parts.append(f'<line x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{bottom:.1f}" stroke="#cccccc"/>')
        parts.append(_text(x, bottom + 15, f"{10**decade}", "middle"))
    for i, (group, values) in enumerate(groups.items()):
        y = 46 + i * row
        parts.append(_text(left - 8, y + row / 2, group, "end"))
        for j, value in enumerate(values):
            length = step * math.log10(max(value, 1.0)) + 1
            parts.append(
                f'<rect x="{left}" y="{y + j * thick:.1f}" width="{length:.1f}" height="{thick - 1}" '
                f'fill="{COLOURS[j]}"/>'
            )
    return _page(left + width + 30, bottom + 30, parts)


def curves(title: str, across: str, xs: Sequence[float], series: Mapping[str, Sequence[float]]) -> str:
    """Lines over 'xs', whose axis is called 'across'; both scales start at 0."""
    left, top, width, height = 60.0, 40.0, 560.0, 280.0
    right = max(xs, default=1.0)
    highest = max((v for values in series.values() for v in values), default=1.0)
    parts = [_text(10, 20, title), *_legend(list(series), left + 230, 20)]
    for i in range(5):
        y = top + height * (1 - i / 4)
        x = left + width * i / 4
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#cccccc"/>')
        parts.append(_text(left - 6, y + 4, f"{highest * i / 4:.0f}", "end"))
        parts.append(_text(x, top + height + 18, f"{right * i / 4:.0f}", "middle"))
    parts.append(_text(left + width / 2, top + height + 36, across, "middle"))
    for i, values in enumerate(series.values()):
        points = " ".join(
            f"{left + width * x / right:.1f},{top + height * (1 - v / highest):.1f}"
            for x, v in zip(xs, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>')
    return _page(left + width + 40, top + height + 50, parts)
