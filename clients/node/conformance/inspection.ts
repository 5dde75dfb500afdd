// SPDX-License-Identifier: Apache-2.0

import type { Client } from "@vmalab/client";

import {
  type Answer,
  fieldsOf,
  list,
  number,
  rows,
  type Step,
  text,
  type Variables,
} from "./expected.js";

type Doing = (client: Client, step: Step, value: (name: string) => bigint) => Promise<Answer>;

const STEPS: ReadonlyMap<string, Doing> = new Map<string, Doing>([
  ["server_info", async ({ inspect }) => ({ fields: fieldsOf(await inspect.getServerInfo()) })],
  ["workers", async ({ inspect }) => rows((await inspect.listWorkers()).workers, "state")],
  ["slabinfo", async ({ inspect }) => rows((await inspect.getSlabinfo()).caches, "name")],
  ["vmstat", async ({ inspect }) => ({ fields: (await inspect.getVmstat()).counters })],
  [
    "participants",
    async ({ inspect }) => rows((await inspect.listParticipants()).participants, "role"),
  ],
  ["layout", async ({ inspect }) => rows((await inspect.getLayout()).structs, "name")],
  [
    "fsck",
    async ({ inspect }, step) => {
      const { problems } = await inspect.fsck({ stop: step["stop"] === true });
      return { names: problems, count: problems.length };
    },
  ],
  ["health", async (client, step) => ({ text: await client.health(text(step, "service")) })],
  ["list_points", async ({ lab }) => rows((await lab.listPoints()).points, "name")],
  [
    "arm_point",
    async ({ lab }, step, value) => {
      const [count, holdMs] = [Number(value("calls")), Number(value("hold_ms"))];
      await lab.armPoint({ point: text(step, "point"), mm: value("mm"), count, holdMs });
      return {};
    },
  ],
  [
    "wait_point",
    async ({ lab }, step, value) => {
      const request = { point: text(step, "point"), timeoutMs: Number(value("timeout_ms")) };
      return rows((await lab.waitPoint(request)).holders, "op");
    },
  ],
  [
    "release_point",
    async ({ lab }, step) => {
      const request = { point: text(step, "point"), disarm: step["disarm"] === true };
      return { value: BigInt((await lab.releasePoint(request)).released) };
    },
  ],
  [
    "set_delays",
    async ({ lab }, _, value) => {
      const [oneIn, usMax] = [Number(value("one_in")), Number(value("us_max"))];
      await lab.setDelays({ seed: value("seed"), oneIn, usMax });
      return {};
    },
  ],
  ["get_coverage", async ({ lab }) => ({ fields: (await lab.getCoverage()).passed })],
  ["list_mutants", async ({ lab }) => rows((await lab.listMutants()).mutants, "full_name")],
  [
    "set_mutants",
    async ({ lab }, step) => {
      await lab.setMutants({ names: list(step, "names").map(String) });
      return {};
    },
  ],
  [
    "get_mutants",
    async ({ lab }) => {
      const { fullNames } = await lab.getMutants();
      return { names: fullNames, count: fullNames.length };
    },
  ],
  ["list_scenarios", async ({ lab }) => rows((await lab.listScenarios()).scenarios, "name")],
  [
    "run_scenario",
    async ({ lab }, step, value) => {
      const request = {
        name: text(step, "name"),
        strategy: text(step, "strategy"),
        mutant: text(step, "mutant"),
        schedules: value("schedules"),
        seed: value("seed"),
        timeMs: Number(value("time_ms")),
      };
      return { fields: fieldsOf(await lab.runScenario(request)) };
    },
  ],
]);

/** Whether a step is one of InspectService, LabService or health. */
export function looks(step: Step): boolean {
  return STEPS.has(text(step, "do"));
}

/** Does such a step. */
export async function look(client: Client, step: Step, variables: Variables): Promise<Answer> {
  const value = (name: string): bigint => number(step[name] ?? 0, variables);
  return (await STEPS.get(text(step, "do"))?.(client, step, value)) ?? {};
}
