import type { Entry } from "../store.ts"

type End = { readonly key: string; readonly keys: number }

/** Pages of which the distance is remembered. */
const memory = 4
/** Keys from guess to guess: less than a page has, so that neighbours overlap. */
const apart = 900

/**
 * Guesses where further pages of a listing begin. Keys mostly count on (cameras' names, dates, random hex), so the
 * distance between one page's keys and the next one's is taken on from there, in the alphabet that each place of the keys
 * was seen to have. A bad guess costs a request, never a key: listings are joined from what came, not from what was guessed.
 */
export function strides() {
  /** Which characters were seen at each place of the keys so far. */
  const seen: Set<string>[] = []
  const highest: string[] = []
  /** Places whose highest character was followed by a turn further up: they count no higher. */
  const full = new Set<number>()
  /** Where the last pages ended, and how many keys each had; in front of them where they began. */
  let ends: readonly End[] = []

  function observe(page: readonly Entry[]) {
    const [first, last] = [page[0]?.key, page.at(-1)?.key]
    if (first === undefined || last === undefined) return
    look(first)
    // Not every fifth: of keys that count in tens that would be two digits.
    for (let index = 7; index < page.length; index += 7) {
      const key = page[index]?.key ?? ""
      turn(page[index - 7]?.key ?? "", key)
      look(key)
    }
    look(last)
    const before = ends.length === 0 ? [{ key: first, keys: 1 }] : ends.slice(-memory)
    ends = [...before, { key: last, keys: page.length }]
  }

  function look(key: string) {
    for (let at = 0; at < key.length && at < 200; at++) {
      const character = key[at] ?? ""
      seen[at] = (seen[at] ?? new Set<string>()).add(character)
      if (character > (highest[at] ?? "")) highest[at] = character
    }
  }

  function turn(before: string, key: string) {
    let at = 0
    while (at < key.length && before[at] === key[at]) at += 1
    for (at += 1; at < before.length && at < 200; at++) if (before[at] === highest[at]) full.add(at)
  }

  /** At a place where the page ends with the highest character seen so far, counting may well reach higher ones. */
  function alphabetAt(at: number, last: string): string {
    const known = [...(seen[at] ?? [])].sort().join("")
    const open = known === "" || known.endsWith(last[at] ?? "")
    if (!open || full.has(at)) return known
    if (/^[0-9]*$/.test(known)) return "0123456789"
    return /^[0-9a-f]+$/.test(known) && /[0-9]/.test(known) ? "0123456789abcdef" : known
  }

  return {
    /** Up to `count` keys behind these pages, a little less than a page apart. */
    guess(pages: readonly (readonly Entry[])[], count: number): string[] {
      pages.forEach(observe)
      const page = pages.findLast((each) => each.length > 0) ?? []
      const [first, last] = [ends[0]?.key, ends.at(-1)?.key]
      if (first === undefined || last === undefined || page.length < 100) return []
      const scale = scaleOf(first, last, alphabetAt)
      const valueAhead = foresee(page, ends, scale.read)
      const found: string[] = []
      for (let step = 1; step <= count; step++) {
        const value = Math.floor(valueAhead(step * apart))
        const key = scale.write(value)
        if (value >= scale.size || key <= (found.at(-1) ?? last)) break
        found.push(key)
      }
      return found
    },
  }
}

/**
 * The value of the key that is so many behind the page. The distance from key to key is a small one of the last pages',
 * though not the least: one may have a leap in it, from folder to folder. Where most have, so will the next ones, at the
 * same places.
 */
function foresee(page: readonly Entry[], ends: readonly End[], read: (key: string) => number) {
  const values = ends.map(({ key }) => read(key))
  const each = ends.slice(1).map(({ keys }, i) => ((values[i + 1] ?? 0) - (values[i] ?? 0)) / keys)
  const own = each.at(-1) ?? 0
  const [least = 0, usual = least] = each.toSorted((a, b) => a - b)
  const [from, to] = [values.at(-2) ?? 0, values.at(-1) ?? 0]
  if (Math.abs(own - usual) > 0.2 * usual) return (ahead: number): number => to + usual * ahead
  return (ahead: number): number => {
    const same = page[(ahead - 1) % page.length]?.key ?? ""
    return read(same) + (to - from) * Math.ceil(ahead / page.length)
  }
}

/** A stretch of a key as a number, each character a digit: from the digits before the first difference on. */
function scaleOf(first: string, last: string, alphabetAt: (at: number, last: string) => string) {
  let start = 0
  while (start < first.length && first[start] === last[start]) start += 1
  // What counts further up may turn too, as 0999 does to 1000, or 2023/12 to 2024/01.
  for (let back = start - 1, size = 1; back >= 0 && size < 1000; back--) {
    const width = alphabetAt(back, last).length
    size *= width
    if (width > 1) start = back
  }
  const alphabets: string[] = []
  let size = 1
  for (let at = start; at < Math.min(first.length, last.length) && size < 1e12; at++) {
    const alphabet = alphabetAt(at, last)
    alphabets.push(alphabet)
    size *= alphabet.length
  }
  return {
    size,
    read: (key: string) =>
      alphabets.reduce((value, alphabet, index) => {
        return value * alphabet.length + Math.max(0, alphabet.indexOf(key[start + index] ?? ""))
      }, 0),
    write(value: number): string {
      let rest = value
      let text = ""
      for (const alphabet of alphabets.toReversed()) {
        text = (alphabet[rest % alphabet.length] ?? "") + text
        rest = Math.floor(rest / alphabet.length)
      }
      return last.slice(0, start) + text
    },
  }
}
