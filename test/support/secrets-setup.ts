import { afterEach, beforeEach, expect } from "vitest"
import { forget, plantSettings, takeLeaks } from "./secrets.ts"
import "./watch-output.ts"

// In every test: what was written and answered held no secret of the settings.
forget()
beforeEach(plantSettings)
afterEach(() => {
  expect(takeLeaks()).toEqual([])
})
