"""How Chinese names are spelt in pinyin, with every reading of every letter."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, islice, product

#: So many letters of a name may be read in another way than the first at once.
_UNUSUAL = 2
#: All spellings of a name have so many letters together at most: a long name has few.
_LETTERS = 10_000


def folded(text: str) -> str:
    """Return a text as it is compared: full width as half, without capitals and blanks.

    >>> folded("松涛 Ｎo. 3")
    '松涛no.3'
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


@lru_cache(maxsize=8192)
def readings(letter: str) -> tuple[str, ...]:
    """Return how a letter is read, the usual way first; what is no Chinese letter is read as itself.

    >>> readings("重"), readings("3")
    (('zhong', 'chong', 'tong'), ('3',))
    """
    import pypinyin  # its tables take their time to load: only who searches waits for them

    found = pypinyin.pinyin(letter, style=pypinyin.Style.NORMAL, heteronym=True)
    return tuple(dict.fromkeys(folded(each) for each in found[0])) if found else (letter,)


def spellings(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the readings of a name, letter by letter, the usual one first.

    Where many letters have several, those in which at most two are read in an unusual way; of a
    name longer than any place has, the first ones of these.

    >>> ["".join(each) for each in spellings("松涛西区")]
    ['songtaoxiqu', 'songtaoxiou']
    """
    ways = [readings(letter) for letter in folded(name)]
    yield from islice(_ways_through(ways), max(1, _LETTERS // max(1, len(ways))))


def _ways_through(ways: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    usual = tuple(way[0] for way in ways)
    yield usual
    several = [place for place, way in enumerate(ways) if len(way) > 1]
    for many in range(1, _UNUSUAL + 1):
        for places in combinations(several, many):
            for others in product(*(ways[place][1:] for place in places)):
                other = list(usual)
                for place, reading in zip(places, others, strict=True):
                    other[place] = reading
                yield tuple(other)


def spelt(name: str, text: str) -> tuple[int, int] | None:
    """Return from which letter of a folded name to which a text spells it, None where it does not.

    Each letter is spelt whole or by its first, the last one by as much as there is.

    >>> spelt("松涛西区", "taox"), spelt("松涛西区", "stxq"), spelt("松涛西区", "ong")
    ((1, 3), (0, 4), None)
    """
    for begin in range(len(name)):
        end = _end_of(name, begin, text)
        if end is not None:
            return begin, end
    return None


def _end_of(name: str, begin: int, text: str) -> int | None:
    # How much of the text may be spelt before a letter: each is asked once, however many ways lead there.
    spelt_before = {0}
    for place in range(begin, len(name)):
        rests = [text[spelt:] for spelt in spelt_before]
        ways = readings(name[place])
        if any(way.startswith(rest) for way in ways for rest in rests):
            return place + 1
        taken = {part for way in ways for part in (way, way[:1]) if part}
        spelt_before = {len(text) - len(r) + len(t) for r in rests for t in taken if r.startswith(t)}
        if not spelt_before:
            return None
    return None
