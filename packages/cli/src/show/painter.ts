import type { Progress } from "@imgmigrator/core/migration"
import { draw, err, terminalWidth } from "../terminal.ts"
import { progressBar, progressText, speedometer } from "./bar.ts"

export type Painter = {
  paint(progress: Progress): void
  /** A line of its own, the bar beneath it. */
  say(line: string): void
  /** Leave the terminal as it was found. */
  clear(): void
}

const plainEveryMs = 5_000

/** On a terminal a bar that is drawn over; elsewhere a line every few seconds, and whenever the status changes. */
export function painter(now: () => number = () => performance.now()): Painter {
  const speedOf = speedometer()
  let drawn = false
  let said: { at: number; still: string; status: string } | undefined
  const clear = () => {
    if (drawn) draw("\r\u001b[2K")
    drawn = false
  }
  return {
    clear,
    say(line) {
      clear()
      err(line)
    },
    paint(progress) {
      const at = now()
      const speed = speedOf({ items: progress.total - progress.remaining, bytes: progress.bytes }, at)
      const width = terminalWidth()
      if (width !== undefined) {
        draw(`\r\u001b[2K${progressBar(progress, speed, width)}`)
        drawn = true
        return
      }
      const [text, still] = [progressText(progress, speed), progressText(progress, { items: 0, bytes: 0 })]
      const soon = said?.status === progress.status && at - said.at < plainEveryMs
      if (said && (soon || said.still === still)) return
      said = { at, still, status: progress.status }
      err(text)
    },
  }
}
