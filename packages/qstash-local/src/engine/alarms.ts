import type { Clock } from "../time/clock.ts"
import type { Message } from "./message.ts"

/** Messages whose time has not come. */
export type Alarms = {
  /** At once if `message.notBefore` has passed, else when it does. */
  whenDue(message: Message, then: (message: Message) => void): void
  /** False when the message was not waiting. */
  callOff(message: Message): boolean
  stop(): void
}

export function createAlarms(clock: Clock): Alarms {
  const timers = new Map<Message, () => void>()
  return {
    whenDue(message, then) {
      if (message.notBefore <= clock.now()) return then(message)
      const off = clock.schedule(message.notBefore, () => {
        timers.delete(message)
        then(message)
      })
      timers.set(message, off)
    },
    callOff(message) {
      timers.get(message)?.()
      return timers.delete(message)
    },
    stop() {
      for (const off of timers.values()) off()
    },
  }
}
