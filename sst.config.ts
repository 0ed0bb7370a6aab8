/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  app(input) {
    const isProduction = input.stage === "production"
    return {
      name: "imgmigrator",
      version: "4.17.1",
      home: "aws",
      // Exact, so that a plan that was tested is the plan that is deployed.
      providers: { aws: { version: "7.20.0" } },
      // The table outlives `sst remove` in production; `protect` refuses to remove that stage at all.
      removal: isProduction ? "retain" : "remove",
      protect: isProduction,
      // Types belong to the root only: each package would get a file otherwise.
      types: { ignore: ["packages"] },
    }
  },
  async run() {
    const { outputs } = await import("./infra/main.ts")
    return outputs
  },
})
