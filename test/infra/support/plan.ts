import * as z from "zod"

const Values = z.record(z.string(), z.unknown())

export const Resource = z.object({
  urn: z.string(),
  type: z.string(),
  name: z.string(),
  parent: z.string(),
  inputs: Values,
  state: Values,
  outputs: Values,
  protect: z.boolean(),
  retainOnDelete: z.boolean(),
  dependsOn: z.array(z.string()),
})
export type Resource = z.infer<typeof Resource>

export const Build = z.object({
  functionID: z.string(),
  handler: z.string(),
  out: z.string(),
  bytes: z.number(),
  /** Names of the npm packages in it. */
  packages: z.array(z.string()),
  links: z.record(z.string(), Values),
})
export type Build = z.infer<typeof Build>

/** What one evaluation of the program led to. `failures`: what `sst deploy` would have stopped with. */
export const Planned = z.object({
  stage: z.string(),
  app: Values,
  resources: z.array(Resource),
  outputs: Values,
  builds: z.array(Build),
  failures: z.array(z.string()),
})
export type Planned = z.infer<typeof Planned>

export type SynthRequest = {
  readonly stage: string
  readonly out: string
  readonly work: string
  /** Stands for everything that plans are made of. */
  readonly sources: string
  /** Bundles that any stage with the same sources may use. */
  readonly bundles: string
  /** Texts of project files to replace, each there exactly once: a mistake to be found in the plan. */
  readonly plant: readonly { readonly file: string; readonly find: string; readonly replace: string }[]
}
