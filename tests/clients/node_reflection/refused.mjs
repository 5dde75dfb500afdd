// SPDX-License-Identifier: Apache-2.0
//
// Asks LabService for what it must refuse.
//
// usage: node refused.mjs HOST:PORT        prints one JSON object: what each refusal says
import { call, connect, print, refusal } from "./vmalab.mjs";

const POINT = "fork_copied";

const { client: lab } = await connect(process.argv[2], "LabService");

print({
  point: await call(lab, "ArmPoint", { point: "nowhere", count: 1 }).catch(refusal),
  hold: await call(lab, "ArmPoint", { point: POINT, count: 1, hold_ms: 1e9 }).catch(refusal),
  many: await call(lab, "ArmPoint", { point: POINT, count: 1000 }).catch(refusal),
  mm: await call(lab, "ArmPoint", { point: POINT, mm: 1, count: 1 }).catch(refusal),
  mutant: await call(lab, "SetMutants", { names: ["B999"] }).catch(refusal),
  model: await call(lab, "SetMutants", { names: ["B2"] }).catch(refusal),
  scenario: await call(lab, "RunScenario", { name: "nothing" }).catch(refusal),
});
lab.close();
