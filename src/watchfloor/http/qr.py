"""QR codes of short texts (ISO/IEC 18004): byte mode, error correction L, versions 1 to 10, 271 bytes at most.

Enough for the address an authenticator reads. The answer is rows of modules, `1` for dark, without the quiet zone; whoever
shows them draws squares, so that nothing has to pass as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

# Version → (data bytes, error correction bytes of each block, blocks, centres of alignment patterns), level L.
_VERSIONS: tuple[tuple[int, int, int, tuple[int, ...]], ...] = (
    (19, 7, 1, ()), (34, 10, 1, (6, 18)), (55, 15, 1, (6, 22)), (80, 20, 1, (6, 26)), (108, 26, 1, (6, 30)),
    (136, 18, 2, (6, 34)), (156, 20, 2, (6, 22, 38)), (194, 24, 2, (6, 24, 42)), (232, 30, 2, (6, 26, 46)),
    (274, 18, 4, (6, 28, 50)),
)  # fmt: skip
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 == 0,  # noqa: ARG005
    lambda y, x: x % 3 == 0,  # noqa: ARG005
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)
_RUNS = (0b10111010000, 0b00001011101)  # what looks like a finder pattern
Grid = list[list[int]]


class TooLong(ValueError):
    """More text than the largest of these codes holds."""


def rows(text: str) -> tuple[str, ...]:
    """The modules of the smallest code that holds the text. Raises TooLong."""
    content = text.encode()
    version = next(
        (number for number, entry in enumerate(_VERSIONS, 1) if len(content) + _overhead(number) <= entry[0]),
        0,
    )
    if not version:
        raise TooLong(f"{len(content)} bytes")
    stream = _interleaved(_padded(content, version), version)
    drawn = [_masked(stream, version, mask) for mask in range(8)]
    best = min(drawn, key=_penalty)
    return tuple("".join(map(str, row)) for row in best)


def _overhead(version: int) -> int:
    return 2 if version < 10 else 3  # mode, length, and the half byte that ends it


def _padded(content: bytes, version: int) -> bytes:
    """Mode, length and content as bytes, filled up."""
    bits = f"0100{len(content):0{8 if version < 10 else 16}b}" + "".join(f"{byte:08b}" for byte in content)
    size = 8 * _VERSIONS[version - 1][0]
    bits += "0" * min(4, size - len(bits))
    bits += "0" * (-len(bits) % 8)
    filled = bytearray(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    while len(filled) < size // 8:
        filled.append(0xEC if (len(filled) - len(bits) // 8) % 2 == 0 else 0x11)
    return bytes(filled)


# Error correction ----------------------------------------------------------------------------------------------------

_EXP, _LOG = [0] * 512, [0] * 256
_value = 1
for _power in range(255):
    _EXP[_power] = _EXP[_power + 255] = _value
    _LOG[_value] = _power
    _value = _value << 1 ^ (0x11D if _value & 0x80 else 0)


def _times(one: int, two: int) -> int:
    return _EXP[_LOG[one] + _LOG[two]] if one and two else 0


def _correction(data: bytes, count: int) -> bytes:
    """The remainder of division by the generator polynomial (Reed and Solomon, over GF(256))."""
    generator = [1]
    for power in range(count):
        grown = [*generator, 0]
        for place, factor in enumerate(generator):
            grown[place + 1] ^= _times(factor, _EXP[power])
        generator = grown
    rest = [0] * count
    for byte in data:
        factor = byte ^ rest[0]
        rest = [old ^ _times(part, factor) for old, part in zip([*rest[1:], 0], generator[1:], strict=True)]
    return bytes(rest)


def _interleaved(data: bytes, version: int) -> bytes:
    """Blocks with their correction, a byte of each in turn; later blocks are longer by one where it does not divide."""
    _, count, blocks, _ = _VERSIONS[version - 1]
    short, longer = divmod(len(data), blocks)
    parts, place = [], 0
    for number in range(blocks):
        size = short + (number >= blocks - longer)
        parts.append(data[place : place + size])
        place += size
    found = bytearray()
    for column in range(short + 1):
        found += bytes(part[column] for part in parts if column < len(part))
    corrections = [_correction(part, count) for part in parts]
    for column in range(count):
        found += bytes(correction[column] for correction in corrections)
    return bytes(found)


# Drawing -------------------------------------------------------------------------------------------------------------


def _masked(stream: bytes, version: int, mask: int) -> Grid:
    """The whole code with one of the eight masks."""
    size = 17 + 4 * version
    grid: Grid = [[-1] * size for _ in range(size)]
    _patterns(grid, version)
    _told(grid, version, mask)
    bits = iter("".join(f"{byte:08b}" for byte in stream))
    for y, x in _path(size):
        if grid[y][x] < 0:
            grid[y][x] = int(next(bits, "0")) ^ _MASKS[mask](y, x)
    return grid


def _patterns(grid: Grid, version: int) -> None:
    size = len(grid)
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        for y in range(max(0, top - 1), min(size, top + 8)):
            for x in range(max(0, left - 1), min(size, left + 8)):
                ring = max(abs(y - top - 3), abs(x - left - 3))
                grid[y][x] = int(ring not in (2, 4))
    for place in range(8, size - 8):
        grid[6][place] = grid[place][6] = 1 - place % 2
    centres = _VERSIONS[version - 1][3]
    for y in centres:
        for x in centres:
            if (y, x) in ((6, 6), (6, centres[-1]), (centres[-1], 6)):
                continue  # a finder pattern is there
            for down in range(-2, 3):
                for right in range(-2, 3):
                    grid[y + down][x + right] = int(max(abs(down), abs(right)) != 1)
    grid[size - 8][8] = 1


def _told(grid: Grid, version: int, mask: int) -> None:
    """Level, mask and version, each with its own correction (BCH)."""
    size = len(grid)
    form = _checked(0b01 << 3 | mask, 10, 0b10100110111) ^ 0b101010000010010
    for place in range(15):
        bit = form >> place & 1
        if place < 6:
            grid[place][8] = bit
        elif place < 8:
            grid[place + 1][8] = bit
        else:
            grid[8][7 if place == 8 else 14 - place] = bit
        if place < 8:
            grid[8][size - 1 - place] = bit
        else:
            grid[size - 15 + place][8] = bit
    if version >= 7:
        code = _checked(version, 12, 0b1111100100101)
        for place in range(18):
            down, right = place // 3, size - 11 + place % 3
            grid[down][right] = grid[right][down] = code >> place & 1


def _checked(value: int, bits: int, generator: int) -> int:
    rest = value << bits
    while rest.bit_length() > bits:
        rest ^= generator << (rest.bit_length() - bits - 1)
    return value << bits | rest


def _path(size: int) -> Iterator[tuple[int, int]]:
    """Two columns at a time from the right, up and down in turn, past the vertical line of points."""
    upwards = True
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        for y in range(size - 1, -1, -1) if upwards else range(size):
            yield y, right
            yield y, right - 1
        upwards = not upwards


def _penalty(grid: Grid) -> int:
    """How hard it is to read: runs, blocks, what looks like a finder pattern, too dark or too light."""
    size, total = len(grid), 0
    for lines in (grid, [list(column) for column in zip(*grid, strict=True)]):
        for line in lines:
            text = "".join(map(str, line))
            total += sum(
                len(run) - 2
                for run in text.replace("01", "0 1").replace("10", "1 0").split()
                if len(run) >= 5
            )
            for run in _RUNS:
                wanted = f"{run:011b}"
                total += 40 * sum(text.startswith(wanted, place) for place in range(size - 10))
    for y in range(size - 1):
        for x in range(size - 1):
            if grid[y][x] == grid[y][x + 1] == grid[y + 1][x] == grid[y + 1][x + 1]:
                total += 3
    dark = sum(map(sum, grid))
    return total + 10 * int(abs(dark * 100 / size**2 - 50) // 5)
