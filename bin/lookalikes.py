#!/usr/bin/python3
"""bin/lookalikes.py: writes src/text/lookalikes.ts from ICU's data, for names. Needs Debian's python3-icu.

LOOKALIKES: what each letter, mark, digit or sign that a name may have looks like (Unicode Technical Standard 39), where that is another
one. Left out is what normalising does, and m, which UTS 39 takes for rn: Arne is not Ame. VIRAMAS, JOINS_BEHIND and JOINS_BEFORE: where
the invisible joiners change how a word is written (RFC 5892, A.1 and A.2)."""
import pathlib
import unicodedata

import icu

SPOOF = icu.SpoofChecker()
JOINING = {name: icu.Char.getPropertyValueEnum(icu.UProperty.JOINING_TYPE, name) for name in ('D', 'L', 'R')}


def lookalikes():
    for point in range(0x21, 0x32400):
        char = chr(point)
        if 0xD800 <= point < 0xE000 or 0xAC00 <= point < 0xD7A4 or char == 'm':
            continue
        if unicodedata.category(char)[0] not in 'LNM' and char not in "@.+_'-":
            continue
        if unicodedata.normalize('NFD', char) != char or unicodedata.normalize('NFKC', char) != char:
            continue
        seen = SPOOF.getSkeleton(0, char)
        if seen != char:
            yield f'{point:x}={"+".join(f"{ord(one):x}" for one in seen)}'


def ranges(belongs):
    found = []
    for point in range(0x20000):
        if 0xD800 <= point < 0xE000 or not belongs(chr(point)):
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return ''.join(spell(first) + (f'-{spell(last)}' if last > first else '') for first, last in found)


def spell(point):
    return f'\\u{{{point:x}}}' if point > 0xFFFF else f'\\u{point:04x}'


def joins(*types):
    return ranges(lambda char: icu.Char.getIntPropertyValue(char, icu.UProperty.JOINING_TYPE) in [JOINING[name] for name in types])


def lines(words):
    line = ''
    for word in words:
        if len(line) + len(word) > 138:
            yield line
            line = ''
        line += (' ' if line else '') + word
    yield line


def constant(name, comment, value):
    return f'/** {comment} */\n// biome-ignore format: one line for each class\nexport const {name} = String.raw`{value}`\n'


pathlib.Path(__file__).resolve().parent.parent.joinpath('src/text/lookalikes.ts').write_text(
    '// Written by bin/lookalikes.py, which says what these are.\n\n'
    + '/** Code points, and those that they look like. */\nexport const LOOKALIKES = `\n'
    + '\n'.join(lines(lookalikes()))
    + '`\n\n'
    + constant('VIRAMAS', 'Signs that take the vowel from a letter.', ranges(lambda char: unicodedata.combining(char) == 9))
    + '\n'
    + constant('JOINS_BEHIND', 'Letters that join the letter behind them.', joins('D', 'L'))
    + '\n'
    + constant('JOINS_BEFORE', 'Letters that join the letter before them.', joins('D', 'R')),
    encoding='utf-8',
)
