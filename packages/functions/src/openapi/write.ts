import { writeFileSync } from "node:fs"
import { openapi } from "./document.ts"

// `npm run openapi`: the committed description, which a test compares with the schemas.
writeFileSync(
  new URL("../../../../docs/openapi.json", import.meta.url),
  `${JSON.stringify(openapi(), null, 2)}\n`,
)
