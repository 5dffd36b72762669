"""Somebody who types: random edits of a text, most of which leave it broken for a while, and undone ones."""

import random

SNIPPETS = (
    "    - {_target_: torch.nn.ReLU}\n",
    "trainer:\n  max_epochs: 3\n",
    'vars: {rate: 0.1, name: "%vars::rate"}\n',
    "_base_: [base.yaml, missing.yaml]\n",
    '  lr: "@vars::rate"\n',
    "=callbacks: []\n",
    "~trainer::logger: null\n",
    "trainer::max_epochs: 5\n",
    'x: "$[i for i in range(3)]"\n',
    "<<: *anchor\n",
    "a: &anchor {b: 1}\n",
    "text: |\n  two\n  lines\n",
    "  - 'it''s'\n",
    "# lighter: base.yaml, this\n",
    "_target_: torch.optim.",
    '"%other.yaml::a::b"',
    "\N{ROCKET} e\N{COMBINING ACUTE ACCENT} \N{CJK UNIFIED IDEOGRAPH-4E2D}",
    "\t",
    "---\n",
    "? [a, b]\n: c\n",
    "!!python/object:os.system {}",
    "\ufeff",
    "\r\n",
)
CHARACTERS = "abemnrst_0123 :::-#[]{}'\"@@%%$.,,&*!|>~=?\n\n\t\\\N{ROCKET}\N{LATIN SMALL LETTER E WITH ACUTE}"
_MAX_UNDONE = 60
_MAX_BROKEN = 40


class Typist:
    """Types in one text.

    Args:
        text: The text to begin with, to which the typist comes back from time to time.
        seed: The seed of the edits.

    Attributes:
        text: The text as it is now.
    """

    def __init__(self, text: str, seed: int) -> None:
        self.text = text
        self._first = text
        self._random = random.Random(seed)
        self._before: list[str] = []
        self._typed = ""
        self._at = 0
        self._edits = 0

    def edit(self) -> str:
        """Make one edit; return the text after it."""
        self._edits += 1
        if self._typed:
            changed = self.text[: self._at] + self._typed[0] + self.text[self._at :]
            self._at, self._typed = self._at + 1, self._typed[1:]
        elif self._before and (self._random.random() < 0.25 or self._edits % _MAX_BROKEN == 0):
            return self._undo()
        else:
            changed = self._random.choice(
                (
                    self._insert,
                    self._begin_to_type,
                    self._delete,
                    self._delete_lines,
                    self._paste,
                    self._move,
                    self._swap,
                )
            )()
        self._before = [*self._before[-_MAX_UNDONE:], self.text]
        self.text = changed
        return changed

    def _undo(self) -> str:
        """Take back the last edits, or all of them."""
        if self._edits % _MAX_BROKEN == 0:
            self._before, self.text = [], self._first
        for _ in range(min(self._random.randint(1, 4), len(self._before))):
            self.text = self._before.pop()
        return self.text

    def _place(self) -> int:
        return self._random.randint(0, len(self.text))

    def _insert(self) -> str:
        at = self._place()
        return self.text[:at] + self._random.choice(CHARACTERS) + self.text[at:]

    def _begin_to_type(self) -> str:
        """Begin to type a line, or a word, whose other characters come with the next edits."""
        ends = [at for at, char in enumerate(self.text) if char == "\n"] or [0]
        self._at = self._random.choice(ends) if self._random.random() < 0.6 else self._place()
        self._typed = self._random.choice(SNIPPETS) if self._random.random() < 0.4 else self._slice(30)
        self._typed = ("\n" + "  " * self._random.randint(0, 3) if self._random.random() < 0.5 else "") + self._typed
        return self.text

    def _slice(self, length: int) -> str:
        start = self._place()
        return self.text[start : start + self._random.randint(1, length)]

    def _delete(self) -> str:
        at = self._place()
        return self.text[:at] + self.text[at + self._random.choice((1, 1, 1, 5, 30)) :]

    def _delete_lines(self) -> str:
        lines = self.text.split("\n")
        at = self._random.randrange(len(lines))
        del lines[at : at + self._random.randint(1, 3)]
        return "\n".join(lines)

    def _paste(self) -> str:
        at = self._place()
        pasted = self._random.choice(SNIPPETS) if self._random.random() < 0.5 else self._slice(200)
        return self.text[:at] + pasted + self.text[at:]

    def _move(self) -> str:
        lines = self.text.split("\n")
        moved = lines.pop(self._random.randrange(len(lines)))
        lines.insert(self._random.randint(0, len(lines)), moved)
        return "\n".join(lines)

    def _swap(self) -> str:
        at = self._place()
        return self.text[:at] + self.text[at : at + 2][::-1] + self.text[at + 2 :]
