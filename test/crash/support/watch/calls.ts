import fs from "node:fs"
import { join } from "node:path"
import { type Control, command, controlFile, type Line, linesFile } from "../control.ts"

// As they were before they are watched themselves.
const { appendFileSync, readFileSync } = fs

const folder = process.env.CRASH_FOLDER ?? ""
let control: Control = { ahead: 0, places: {} }
type Leap = (ahead: number, still: "now" | "as before" | undefined) => void
const leaps: Leap[] = []

/**
 * Called whenever the clock is told, or leaps; with how far it is ahead, in ms. Where it leaps with a call it stands still in
 * between, from `now` on: else a slow machine's delivery ends earlier.
 */
export const onLeap = (run: Leap) => leaps.push(run)

/** Read what this process is told now. */
export function obey() {
  control = JSON.parse(readFileSync(join(folder, controlFile), "utf8"))
  for (const leap of leaps) leap(control.ahead, control.leap && "now")
}

export type Begun = { readonly call: string; readonly nth: number; readonly subject: string }

let who = ""
/** Whose calls these are from now on: nothing for a worker in lane 0. */
export const isCalled = (name: string) => {
  who = name && `${name}: `
}

/** A call is about to leave this process. Where it is the point, nothing comes back from here. */
export function before(name: string, subject: string): Begun {
  const call = `${who}${name}`
  const nth = timesTold(call) + 1
  tell({ at: "before", call, nth, subject })
  dieAt("before", { call, nth, subject })
  return { call, nth, subject }
}

/** It was answered, and nobody in here has heard of it yet. */
export function after({ call, nth, subject }: Begun, status?: number) {
  tell({ at: "after", call, nth, subject, ...(status !== undefined && { status }) })
  dieAt("after", { call, nth, subject })
  if (control.leap?.call !== call) return
  control = { ...control, ahead: control.ahead + control.leap.ms }
  tell({ at: "leap", call, nth, subject, ahead: control.ahead })
  for (const leap of leaps) leap(control.ahead, "as before")
}

function dieAt(when: "before" | "after", begun: Begun) {
  const { point, ...rest } = control
  if (point?.when !== when || point.call !== begun.call || point.nth !== begun.nth) return
  // Once: whoever goes on with the work lives.
  command(folder, rest)
  tell({ at: "killed", ...begun })
  process.kill(process.pid, "SIGKILL")
}

/** Over all processes: which of them a delivery comes to is chance. */
const timesTold = (call: string) =>
  readFileSync(join(folder, linesFile), "utf8").split(`{"at":"before","call":${JSON.stringify(call)},`)
    .length - 1

const tell = (line: Line) => appendFileSync(join(folder, linesFile), `${JSON.stringify(line)}\n`)

/** The beginning of an address or path as the place that it stands for, and what is behind it. */
export function placeOf(subject: string): { readonly place: string; readonly rest: string } | undefined {
  for (const [start, place] of Object.entries(control.places))
    if (subject === start || subject.startsWith(`${start}/`))
      return { place, rest: subject.slice(start.length + 1) }
  return undefined
}
