export type Command = {
  /** What stands behind `imgmigrator`. */
  readonly usage: string
  readonly summary: string
  /** The options, a line each. */
  readonly help: string
  /** Does it, and gives the exit code. `stop` is aborted by Ctrl-C or SIGTERM. */
  run(args: readonly string[], stop: AbortSignal): Promise<number>
}

export const placeHelp = `  --state DIR        the local service's folder (default .imgmigrator, or IMGMIGRATOR_STATE)
  --api URL          work with a service elsewhere instead (or IMGMIGRATOR_API)
  --key KEY          its API key (or IMGMIGRATOR_KEY)`
