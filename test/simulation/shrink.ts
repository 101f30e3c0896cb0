import { type Plan, without } from './plan.ts'
import { type RunOptions, runPlan } from './world.ts'

/** A plan that breaks the same rule with fewer faults and actions: none of those left can be dropped. */
export async function shrink(
  plan: Plan,
  options: RunOptions,
): Promise<{ readonly plan: Plan; readonly dropped: number }> {
  const rule = (await runPlan(plan, options)).violations[0]?.rule
  const total = plan.faults.length + plan.actions.length
  const dropped = new Set<number>()
  for (let before = -1; rule !== undefined && before < dropped.size; ) {
    before = dropped.size
    for (let index = 0; index < total; index += 1) {
      if (dropped.has(index)) continue
      const fewer = new Set([...dropped, index])
      const { violations } = await runPlan(without(plan, fewer), options)
      if (violations[0]?.rule === rule) dropped.add(index)
    }
  }
  return { plan: without(plan, dropped), dropped: dropped.size }
}
