const patience = 4
const maxWidth = 16

/**
 * How many pages to ask for at once. One after the other for the first few, since most listings end there; then twice
 * as many as long as that is clearly faster and most of what comes is new, and half as many where it is not.
 */
export function pace(now: () => number) {
  let width = 1
  let pages = 0
  let begun = now()
  let before: { readonly width: number; readonly rate: number } | undefined
  let held = 0

  return {
    get width() {
      return width
    },
    begin() {
      begun = now()
    },
    /** `asked` requests brought `keys` new keys. */
    end(keys: number, asked: number) {
      pages += asked
      if (pages < patience) return
      const rate = keys / Math.max(0.01, now() - begun)
      const useful = keys / (asked * 1000)
      const faster = !before || before.width >= width || rate > before.rate * 1.2
      if (useful < 0.5 || !faster) {
        width = Math.max(1, width / 2)
        held = 8
      } else if (held > 0) held -= 1
      else if (useful > 0.7 && width < maxWidth) {
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
