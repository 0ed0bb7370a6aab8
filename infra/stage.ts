export const isProduction = $app.stage === "production"

/** What Powertools calls the service: metrics of two stages in one account stay apart. */
export const service = `${$app.name}-${$app.stage}`
