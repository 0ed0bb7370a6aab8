/**
 * A set of 64-bit hashes in one flat table: 9 to 14 bytes for each of them. Tells
 * what was surely not seen before; what it takes for seen must be compared.
 */
export function seenBefore() {
  let table = new Float64Array(1 << 12)
  let words = new Uint32Array(table.buffer)
  let count = 0

  function grow() {
    const old = words
    table = new Float64Array(Math.ceil(table.length * 1.5))
    words = new Uint32Array(table.buffer)
    for (let at = 0; at < old.length; at += 2) insert(old[at] ?? 0, old[at + 1] ?? 0)
  }

  /** Whether it was there. (0, 0) stands for an empty place. */
  function insert(high: number, low: number): boolean {
    if (high === 0 && low === 0) return true
    const places = table.length
    for (
      let place = ((high & 0x1fffff) * 0x100000000 + low) % places;
      ;
      place = place + 1 === places ? 0 : place + 1
    ) {
      const [a, b] = [words[2 * place] ?? 0, words[2 * place + 1] ?? 0]
      if (a === high && b === low) return true
      if (a !== 0 || b !== 0) continue
      words[2 * place] = high
      words[2 * place + 1] = low
      return false
    }
  }

  return (key: string): boolean => {
    const [high, low] = hash(key)
    if (insert(high, low)) return true
    count += 1
    if (count > table.length * 0.85) grow()
    return false
  }
}

/** Two different 32-bit mixes of the text; good enough to keep a million keys apart, and checked where it is not. */
export function hash(key: string): readonly [high: number, low: number] {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x5f356495)
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  return [a >>> 0, b >>> 0]
}
