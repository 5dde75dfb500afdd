// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import dev.vmalab.client.Lab;
import dev.vmalab.v1.ArmPointRequest;
import dev.vmalab.v1.ReleasePointRequest;
import dev.vmalab.v1.RunScenarioRequest;
import dev.vmalab.v1.SetDelaysRequest;
import dev.vmalab.v1.SetMutantsRequest;
import dev.vmalab.v1.WaitPointRequest;

/** The steps of LabService. */
final class Laboratory {
    private final Running running;
    private final Numbers numbers;

    Laboratory(Running running) {
        this.running = running;
        this.numbers = running.numbers;
    }

    Answer take(Step step) {
        Lab lab = running.client(step).lab();
        switch (step.text("do")) {
            case "list_points":
                return Answer.ofRows(lab.listPoints().getPointsList(), "name");
            case "arm_point":
                lab.armPoint(
                    ArmPointRequest.newBuilder()
                        .setPoint(step.text("point"))
                        .setMm(numbers.of(step, "mm"))
                        .setCount(numbers.intOf(step, "calls"))
                        .setHoldMs(numbers.intOf(step, "hold_ms"))
                        .build());
                return new Answer();
            case "wait_point":
                WaitPointRequest wait =
                    WaitPointRequest.newBuilder()
                        .setPoint(step.text("point"))
                        .setTimeoutMs(numbers.intOf(step, "timeout_ms"))
                        .build();
                return Answer.ofRows(lab.waitPoint(wait).getHoldersList(), "op");
            case "release_point":
                ReleasePointRequest release =
                    ReleasePointRequest.newBuilder()
                        .setPoint(step.text("point"))
                        .setDisarm(step.is("disarm"))
                        .build();
                return Answer.ofValue(lab.releasePoint(release).getReleased());
            case "set_delays":
                lab.setDelays(
                    SetDelaysRequest.newBuilder()
                        .setSeed(numbers.of(step, "seed"))
                        .setOneIn(numbers.intOf(step, "one_in"))
                        .setUsMax(numbers.intOf(step, "us_max"))
                        .build());
                return new Answer();
            case "get_coverage":
                return Answer.ofCounters(lab.getCoverage().getPassedMap());
            case "list_mutants":
                return Answer.ofRows(lab.listMutants().getMutantsList(), "full_name");
            case "set_mutants":
                lab.setMutants(
                    SetMutantsRequest.newBuilder().addAllNames(step.texts("names")).build());
                return new Answer();
            case "get_mutants":
                return Answer.ofNames(lab.getMutants().getFullNamesList());
            case "list_scenarios":
                return Answer.ofRows(lab.listScenarios().getScenariosList(), "name");
            case "run_scenario":
                RunScenarioRequest run =
                    RunScenarioRequest.newBuilder()
                        .setName(step.text("name"))
                        .setStrategy(step.text("strategy"))
                        .setMutant(step.text("mutant"))
                        .setSchedules(numbers.of(step, "schedules"))
                        .setSeed(numbers.of(step, "seed"))
                        .setTimeMs(numbers.intOf(step, "time_ms"))
                        .build();
                return Answer.ofFields(lab.runScenario(run));
            default:
                return null;
        }
    }
}
