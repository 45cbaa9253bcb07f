"""The colours of every legend, as colour-blind eyes and a grey print see them: exact least distances."""

from itertools import combinations

import numpy as np
import pytest

from layers.classes import CATEGORIES, CLEARED, LATENESS
from layers.stages import STAGES
from webmap import palette

#: What colour-blind eyes make of linear red, green and blue: Machado, Oliveira and Fernandes 2009,
#: "A physiologically-based model for simulation of color vision deficiency", severity 1.
EYES = {
    "any": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
    "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}
#: Linear sRGB to XYZ (IEC 61966-2-1), and the white of its screen.
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def seen(colour, eyes):
    """Return a colour as some eyes see it: lightness, a and b of CIE Lab 1976."""
    told = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(told <= 0.04045, told / 12.92, ((told + 0.055) / 1.055) ** 2.4)
    x = _TO_XYZ @ np.clip(EYES[eyes] @ linear, 0, 1) / _WHITE
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def least(colours, eyes):
    """Return how far apart the two nearest colours are for some eyes (2.3 is just noticed)."""
    points = [seen(colour, eyes) for colour in colours]
    return round(min(float(np.linalg.norm(one - two)) for one, two in combinations(points, 2)), 1)


PALETTES = {
    "stage": {code: palette.stage_look(code) for code in STAGES},
    "lateness": palette.LATENESS,
    "cleared": palette.CLEARED,
    "years": dict(enumerate((*palette.YEARS, palette.NO_CLASS))),
    "kinds": {place: palette.kind_look(place) for place in range(len(palette.KINDS))},
}
#: The least distance of each palette, for each pair of eyes.
LEAST = {
    "stage": {"any": 27.5, "deuteranopia": 16.7, "protanopia": 20.6, "tritanopia": 11.1, "grey": 3.0},
    "lateness": {"any": 13.6, "deuteranopia": 13.3, "protanopia": 13.3, "tritanopia": 14.4, "grey": 4.0},
    "cleared": {"any": 26.5, "deuteranopia": 21.1, "protanopia": 15.7, "tritanopia": 13.4, "grey": 7.1},
    "years": {"any": 26.4, "deuteranopia": 14.2, "protanopia": 17.9, "tritanopia": 13.9, "grey": 4.2},
    "kinds": {"any": 28.7, "deuteranopia": 20.6, "protanopia": 26.1, "tritanopia": 25.9, "grey": 7.6},
}


@pytest.mark.parametrize("name", PALETTES)
def test_no_two_classes_look_alike_to_any_eyes(name):
    colours = [look.colour for look in PALETTES[name].values()]
    assert {eyes: least(colours, eyes) for eyes in EYES} == LEAST[name]
    assert min(distance for eyes, distance in LEAST[name].items() if eyes != "grey") >= 11


@pytest.mark.parametrize("name", PALETTES)
def test_in_black_and_white_patterns_tell_the_classes_apart(name):
    """Where two classes have one pattern, their grounds are far apart in grey too."""
    looks = list(PALETTES[name].values())
    for one, two in combinations(looks, 2):
        apart = abs(seen(one.colour, "grey")[0] - seen(two.colour, "grey")[0])
        assert one.pattern != two.pattern or apart > 5, (one, two)


def test_the_sequences_grow_darker_from_end_to_end():
    years = [seen(look.colour, "grey")[0] for look in palette.YEARS]
    late = [seen(palette.LATENESS[code].colour, "grey")[0] for code in LATENESS]
    cleared = [
        seen(palette.CLEARED[code].colour, "grey")[0] for code in ("cleared_nothing", *reversed(CLEARED))
    ]
    for lightness in (years, late, cleared):
        assert [round(b - a) <= -10 for a, b in zip(lightness, lightness[1:], strict=False)] == [True] * (
            len(lightness) - 1
        )


def test_a_known_pair_is_as_far_apart_as_others_have_worked_out():
    """White and black are 100 apart, and red and green close in for those who lack one of the cones."""
    assert least(("#ffffff", "#000000"), "any") == 100.0
    assert least(("#ff0000", "#008000"), "any") == 133.1
    assert least(("#ff0000", "#008000"), "deuteranopia") == 24.4


@pytest.mark.parametrize("name", PALETTES)
def test_the_lines_of_a_pattern_can_be_seen_on_their_ground(name):
    for look in PALETTES[name].values():
        if look.path:
            red, green, blue, opacity = (float(x) for x in look.ink[5:-1].split(","))
            ground = [int(look.colour[i : i + 2], 16) for i in (1, 3, 5)]
            mixed = [
                round(g + (ink - g) * opacity) for g, ink in zip(ground, (red, green, blue), strict=True)
            ]
            line = "#" + "".join(f"{part:02x}" for part in mixed)
            assert least((look.colour, line), "grey") > 15, look


def test_all_sets_of_the_categories_of_the_trade_have_a_look_of_their_own():
    assert 2 ** len(CATEGORIES) - 1 <= len(palette.KINDS)
