/** How many bytes of images this process holds at once, whatever the number of items in flight. */
const limit = 32 * 1024 * 1024

type Waiter = { readonly bytes: number; readonly go: () => void }

function budget(total: number) {
  let free = total
  const waiting: Waiter[] = []
  const give = () => {
    while (waiting[0] && waiting[0].bytes <= free) {
      const next = waiting.shift()
      if (!next) return
      free -= next.bytes
      next.go()
    }
  }
  return {
    /** Wait for room, first come first served; the answer gives it back. More than there is at all counts as all. */
    take: async (wanted: number): Promise<() => void> => {
      const bytes = Math.min(wanted, total)
      if (waiting.length === 0 && bytes <= free) free -= bytes
      else await new Promise<void>((go) => waiting.push({ bytes, go }))
      let given = false
      return () => {
        if (given) return
        given = true
        free += bytes
        give()
      }
    },
  }
}

export const memory = budget(limit)
