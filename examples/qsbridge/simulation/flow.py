"""Population flow: how many players went from where to where, as table and picture.

`hub.views` counts it, from the movements that the platform writes down. A server of a
large cluster says little by itself, so the table is of regions, and the picture has a
cell for each pair of servers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import escape

from examples.qsbridge.hub.views import Flow

__all__ = ["flow_picture", "flow_table"]

OUTSIDE = "outside"
PICTURE_PIXELS = 900
MARGIN_PIXELS = 90


def flow_table(flows: Iterable[Flow], regions: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a table of regions: from each row to each column.

    Args:
        flows: By servers.
        regions: Server's id → region.
    """
    by_region: Counter[tuple[str, str]] = Counter()
    for flow in flows:
        origin = regions.get(flow.from_server_id, OUTSIDE)
        by_region[origin, regions.get(flow.to_server_id, OUTSIDE)] += flow.count
    names = [*sorted({*regions.values()}), OUTSIDE]
    cells = [
        ["from \\ to", *names],
        *([name, *(f"{by_region[name, to]:,}" for to in names)] for name in names),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *rest in cells:
        numbers = [f"{cell:>{n}}" for cell, n in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *numbers])


def flow_picture(flows: Iterable[Flow], regions: Mapping[str, str], title: str) -> str:
    """Draw the flow between servers as an SVG: the darker, the more players.

    A row is where players came from, a column where they went; servers are ordered
    by region. Each cell tells its numbers when it is pointed at.
    """
    servers = sorted(regions, key=lambda each: (regions[each], each))
    inside = {
        (flow.from_server_id, flow.to_server_id): flow.count
        for flow in flows
        if flow.from_server_id in regions and flow.to_server_id in regions
    }
    most = max(inside.values(), default=1)
    side = PICTURE_PIXELS / max(1, len(servers))
    size = PICTURE_PIXELS + 2 * MARGIN_PIXELS
    places = {server: MARGIN_PIXELS + n * side for n, server in enumerate(servers)}
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" '
            'font-family="sans-serif" font-size="14">'
        ),
        f'<rect width="{size}" height="{size}" fill="#ffffff"/>',
        f'<text x="{MARGIN_PIXELS}" y="34" font-size="20">{escape(title)}</text>',
        (
            f'<rect x="{MARGIN_PIXELS}" y="{MARGIN_PIXELS}" width="{PICTURE_PIXELS}" '
            f'height="{PICTURE_PIXELS}" fill="#f4f6f8"/>'
        ),
    ]
    for (origin, destination), count in sorted(inside.items()):
        told = escape(f"{origin} → {destination}: {count}")
        parts.append(
            f'<rect x="{places[destination]:.2f}" y="{places[origin]:.2f}" '
            f'width="{side:.2f}" height="{side:.2f}" '
            f'fill="{_colour(count / most)}">'
            f"<title>{told}</title></rect>"
        )
    parts.extend(_region_marks(servers, regions, side))
    parts.append(_legend(most, size))
    parts.append("</svg>\n")
    return "\n".join(parts)


def _region_marks(
    servers: list[str], regions: Mapping[str, str], side: float
) -> Iterator[str]:
    """Yield names of regions at both edges, and lines between them."""
    counts = Counter(regions[server] for server in servers)
    place = float(MARGIN_PIXELS)
    end = MARGIN_PIXELS + PICTURE_PIXELS
    for region, count in sorted(counts.items()):
        middle = place + count * side / 2
        name = escape(region)
        yield (
            f'<text x="{middle:.1f}" y="{MARGIN_PIXELS - 8}" '
            f'text-anchor="middle">{name}</text>'
        )
        yield (
            f'<text transform="translate({MARGIN_PIXELS - 8},{middle:.1f}) '
            f'rotate(-90)" '
            f'text-anchor="middle">{name}</text>'
        )
        place += count * side
        if place < end - 1:
            yield (
                f'<path d="M{place:.1f} {MARGIN_PIXELS}V{end}'
                f'M{MARGIN_PIXELS} {place:.1f}H{end}" stroke="#9aa5b1" fill="none"/>'
            )


def _legend(most: int, size: int) -> str:
    y = size - MARGIN_PIXELS + 24
    steps = "".join(
        f'<rect x="{MARGIN_PIXELS + n * 24}" y="{y}" width="24" height="16" '
        f'fill="{_colour((n + 1) / 10)}"/>'
        for n in range(10)
    )
    return (
        f'{steps}<text x="{MARGIN_PIXELS + 250}" y="{y + 13}">players, '
        f"up to {most}; rows: from, columns: to</text>"
    )


def _colour(share: float) -> str:
    """Give a blue, from light to dark."""
    light, dark = (0xDC, 0xEA, 0xF7), (0x08, 0x30, 0x6B)
    mixed = [round(a + (b - a) * share) for a, b in zip(light, dark, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)
