import type { Entry } from "../store.ts"

/**
 * Guesses where further pages of a listing begin. Keys mostly count on (cameras' names, dates, random hex), so the
 * distance between a page's first and last key is taken on from there, in the alphabet that each place of the keys was
 * seen to have. A bad guess costs a request, never a key: listings are joined from what came, not from what was guessed.
 */
export function strides() {
  /** Which characters were seen at each place of the keys so far. */
  const seen: Set<string>[] = []

  function observe(page: readonly Entry[]) {
    for (let index = 0; index < page.length; index += 5) {
      const key = page[index]?.key ?? ""
      for (let at = 0; at < key.length && at < 200; at++) {
        const here = seen[at] ?? new Set<string>()
        seen[at] = here.add(key[at] ?? "")
      }
    }
  }

  /** At a place where the page ends with the highest character seen so far, counting may well reach higher ones. */
  function alphabetAt(at: number, last: string): string {
    const known = [...(seen[at] ?? [])].sort().join("")
    const open = known === "" || known.endsWith(last[at] ?? "")
    if (!open) return known
    if (/^[0-9]*$/.test(known)) return "0123456789"
    return /^[0-9a-f]+$/.test(known) && /[0-9]/.test(known) ? "0123456789abcdef" : known
  }

  return {
    /** Up to `count` keys behind the page, a little less than a page apart so that neighbours overlap. */
    guess(page: readonly Entry[], count: number): string[] {
      observe(page)
      const [first, last] = [page[0]?.key, page.at(-1)?.key]
      if (first === undefined || last === undefined || page.length < 100) return []
      const scale = scaleOf(first, last, alphabetAt)
      const [from, to] = [scale.read(first), scale.read(last)]
      const stride = ((to - from) / (page.length - 1)) * 900
      const found: string[] = []
      for (let step = 1; step <= count; step++) {
        const value = Math.floor(to + stride * step)
        const key = scale.write(value)
        if (value >= scale.size || key <= (found.at(-1) ?? last)) break
        found.push(key)
      }
      return found
    },
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
