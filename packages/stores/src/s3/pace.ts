const patience = 4
const maxWidth = 16

/**
 * How many pages to ask for at once. One after the other for the first few, since most listings end there; then twice
 * as many as long as that is clearly faster and most of what comes is new, and half as many where it is slower.
 */
export function pace(now: () => number) {
  let width = 1
  let pages = 0
  let begun = now()
  let before: { readonly width: number; readonly rate: number } | undefined
  let held = 0
  let slower = 0

  const narrow = () => {
    width = Math.max(1, width / 2)
    held = 8
    slower = 0
  }
  return {
    get width() {
      return width
    },
    begin() {
      begun = now()
    },
    /** `asked` requests brought `keys` new keys, from `places` asked for at first. */
    end(keys: number, asked: number, places: number) {
      pages += asked
      if (pages < patience) return
      const useful = keys / (asked * 1000)
      if (useful < 0.5) return narrow()
      // Where fewer pages could be foreseen than were wanted, the round says nothing of this width.
      if (places < width) return
      const rate = keys / Math.max(0.01, now() - begun)
      const gain = before && before.width < width ? rate / before.rate : Number.POSITIVE_INFINITY
      slower = gain < 1 ? slower + 1 : 0
      // Once may be our own doing: a round also waits for what is made of the one before.
      if (slower > 1) narrow()
      else if (held > 0) held -= 1
      else if (gain > 1.2 && useful > 0.7 && width < maxWidth) {
        before = { width, rate }
        width *= 2
      }
    },
    /** The server does not take a key to go on behind: one after the other from now on. */
    stop() {
      width = 1
      pages = Number.NEGATIVE_INFINITY
    },
  }
}
