/**
 * How many letters must be put in, left out or replaced to make one name of the other (Levenshtein), up to `most`; more is `most + 1`.
 * Names whose lengths differ by more than that are not compared, so the work is at most `most` times that of reading the longer one.
 */
export function distance(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) {
    return most + 1
  }
  let above = Array.from({ length: to.length + 1 }, (_, place) => place)
  for (let row = 1; row <= from.length; row++) {
    const line = new Array<number>(to.length + 1).fill(most + 1)
    line[0] = row
    for (let place = Math.max(1, row - most); place <= Math.min(to.length, row + most); place++) {
      const replaced = at(above, place - 1) + (from[row - 1] === to[place - 1] ? 0 : 1)
      line[place] = Math.min(replaced, at(above, place) + 1, at(line, place - 1) + 1)
    }
    above = line
  }
  return Math.min(at(above, to.length), most + 1)
}

const at = (line: readonly number[], place: number) => line[place] ?? Number.POSITIVE_INFINITY
