"""Text that looks like people's: a made-up vocabulary in natural frequencies, fast and seeded."""
import array
import random

TABLE_SIZE = 1 << 16


def vocabulary(rng, size):
    onsets = "b c d f g h j k l m n p r s t v w st tr pl gr sh ch th".split()
    vowels = "a e i o u ai ea ou".split()
    codas = ["", "", "n", "r", "s", "t", "l", "nd", "ck"]
    words = set()
    while len(words) < size:
        syllables = rng.choice((1, 1, 2, 2, 2, 3, 4))
        words.add("".join(rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas)
                          for _ in range(syllables)))
    return sorted(words, key=lambda word: (len(word), word))


class Words:
    """Draws words by Zipf's law from a table of 65,536 entries, two random bytes a word."""

    def __init__(self, seed, size=12000):
        self.rng = random.Random(seed)
        known = vocabulary(random.Random(1), size)
        weights = [1 / (rank + 3) for rank in range(size)]
        scale = TABLE_SIZE / sum(weights)
        table = []
        for word, weight in zip(known, weights):
            table += [word] * max(1, round(weight * scale))
        self.table = (table + known)[:TABLE_SIZE]
        self.table += known[:TABLE_SIZE - len(self.table)]

    def draw(self, count):
        picks = array.array("H", self.rng.randbytes(2 * count))
        return map(self.table.__getitem__, picks)

    def prose(self, count):
        return " ".join(self.draw(count))

    def code(self, lines):
        """Lines that look like a program: indented, with identifiers, calls and numbers."""
        draw = self.draw(lines * 4)
        numbers = array.array("H", self.rng.randbytes(2 * lines))
        shapes = ("def {0}_{1}({2}, {3}):", "    {0} = {1}.{2}({3}, {n})", "    if {0} > {n}:",
                  "        return {0}.{1}", "    # {0} {1} {2} {3}", "", "    {0}[\"{1}\"] = {n}",
                  "        log(\"{0} {1} {2}\", {3})")
        return "\n".join(shapes[number & 7].format(*(next(draw) for _ in range(4)), n=number)
                         for number in numbers)
