import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Plan } from '../../../src/index.ts'
import { DATA } from './lab.ts'

/** The plans of golden cases, as they lie in the folder that the suites read. */

const planFile = (name: string): string => `${DATA}/golden/${name}/expected/plan.json`

export const goldenPlan = (name: string): Plan => JSON.parse(readFileSync(planFile(name), 'utf8')) as Plan

/** The cases that have a plan and speak of both families; one of a single family leaves the other as it is. */
export const goldenCases = (): string[] =>
  readdirSync(`${DATA}/golden`)
    .sort()
    .filter((name) => existsSync(planFile(name)) && goldenPlan(name).families.length === 2)

/** The same with another pod on this node in the place of one: real servers and entries change, nothing else. */
export const withPodMoved = (plan: Plan): Plan =>
  JSON.parse(JSON.stringify(plan).replaceAll('"10.0.0.11"', '"10.0.0.77"')) as Plan
