import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs"
import { join } from "node:path"

const streams = {
  out: process.stdout.write.bind(process.stdout),
  err: process.stderr.write.bind(process.stderr),
}

// Whoever reads the result may have seen enough (`| head`): no error, and nothing more to do.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

/** The result of a command, and nothing else, goes to stdout. */
export const out = (text: string): void => void streams.out(`${text}\n`)
/** The same as it stands; resolves when it is on its way, so that a long result never piles up in memory. */
export const write = (text: string): Promise<void> =>
  new Promise((resolve) => void streams.out(text, () => resolve()))
/** Everything said on the way goes to stderr. */
export const err = (text: string): void => void streams.err(`${text}\n`)
/** To stderr as it stands, for what is drawn over. */
export const draw = (text: string): void => void streams.err(text)

/** How wide the terminal is (one that does not know says 0); `undefined` where stderr is none. Asked anew, for it may be resized. */
export const terminalWidth = (): number | undefined =>
  process.stderr.isTTY ? process.stderr.getWindowSize()[0] || 80 : undefined

const maxLogBytes = 10 * 1024 * 1024

/**
 * From now on whatever the service inside this process, or a library, writes to stdout or stderr goes to
 * `service.log` of the state folder. The log before last is dropped when it is over 10 MB.
 */
export function logToFile(folder: string): (line: string) => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, "service.log")
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) renameSync(path, `${path}.1`)
  const file = createWriteStream(path, { flags: "a" })
  file.on("error", () => {}) // a full disk shows where it matters
  for (const stream of [process.stdout, process.stderr]) stream.write = redirected(file)
  return (line) => void file.write(`${line}\n`)
}

/** A stream's `write` in all its forms. */
function redirected(file: WriteStream): typeof process.stdout.write {
  return (chunk: string | Uint8Array, ...rest: unknown[]) => {
    const done = rest.find((each) => typeof each === "function")
    file.write(chunk, () => done?.())
    return true
  }
}
