import { scan } from "./secrets.ts"

// Once for a process: whatever is logged, said, or answered by the API is searched for the secrets of the settings.

/** Our own log lines are searched, and kept to themselves: nobody reads them among the tests' names. */
const isLogLine = (text: string) => text.startsWith('{"') && text.includes('"level":"')

for (const stream of [process.stderr, process.stdout]) {
  const write = stream.write.bind(stream)
  const watched: typeof stream.write = (chunk: string | Uint8Array, ...rest: never[]) => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString()
    scan("a line", text)
    return isLogLine(text) && !process.env.DEBUG_LOGS ? true : write(chunk, ...rest)
  }
  stream.write = watched
}

for (const level of ["log", "info", "warn", "error"] as const) {
  const say = console[level].bind(console)
  console[level] = (...words: unknown[]) => {
    scan("the console", words.map(String).join(" "))
    say(...words)
  }
}

const { fetch } = globalThis
globalThis.fetch = async (...asked) => {
  const answer = await fetch(...asked)
  const address = asked[0] instanceof Request ? asked[0].url : String(asked[0])
  if (new URL(address).pathname.startsWith("/api/v1/"))
    scan(`the answer of ${address}`, JSON.stringify([...answer.headers]) + (await answer.clone().text()))
  return answer
}
