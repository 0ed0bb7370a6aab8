import { commandLine } from "./command-line.ts"

// Started by bin/imgmigrator.js on another Node, this process ends with that one, however it ends.
process.on("disconnect", () => process.exit(137))
process.channel?.unref()

const stopping = new AbortController()
const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const
let interrupted: number | undefined
for (const [signal, number] of Object.entries(numbers))
  process.on(signal, () => {
    // Who asks twice does not want to wait for anything.
    if (interrupted !== undefined) process.exit(128 + number)
    interrupted = 128 + number
    stopping.abort()
  })

const code = await commandLine(process.argv.slice(2), stopping.signal)
// A service that was told to end has ended well; a command that was interrupted has not.
process.exit(interrupted !== undefined && code !== 0 ? interrupted : code)
