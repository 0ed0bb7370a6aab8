import fc from "fast-check"
import { hold, steps, wishes } from "./commands.ts"
import { finish } from "./finish.ts"
import { newScene, type Scene, type Setting } from "./scene.ts"
import { endAll } from "./sim/sim.ts"
import type { Tally } from "./sim/tally.ts"
import { create } from "./user.ts"

const key = fc.oneof(
  { weight: 36, arbitrary: fc.nat(5).map((i) => `bulky-${i}.jpg`) },
  { weight: 24, arbitrary: fc.nat(5).map((i) => `small-${i}.jpg`) },
  // Costs a thousand times as much as another.
  { weight: 1, arbitrary: fc.constant("large-0.jpg") },
)

const settings: fc.Arbitrary<Setting> = fc.record({
  seed: fc.nat(),
  wish: wishes,
  sources: fc.tuple(
    fc.array(key, { maxLength: 12, size: "max" }),
    fc.array(key, { maxLength: 3, size: "max" }),
  ),
  existing: fc.array(fc.record({ key, isSame: fc.boolean() }), { maxLength: 3 }),
  hasMd5: fc.boolean(),
  isOrdered: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  copies: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
})

/** Any sequence of whatever may happen keeps the promises, and comes to its end once all is well again. */
export const property = (tally: Tally, onScene: (scene: Scene) => void = () => {}) =>
  fc.asyncProperty(
    settings,
    fc.commands(steps, { maxCommands: 40, size: "max" }),
    async (setting, commands) => {
      let scene: Scene | undefined
      const setup = () => {
        scene = newScene(setting, tally)
        create(scene, setting.wish)
        return { model: {}, real: scene }
      }
      try {
        await fc.asyncModelRun(setup, commands)
        if (!scene) return
        await finish(scene)
        hold(scene)
        onScene(scene)
      } finally {
        if (scene) endAll(scene.sim)
      }
    },
  )
