// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import dev.vmalab.client.Client;
import dev.vmalab.client.Inspect;
import dev.vmalab.v1.AddressSpace;
import dev.vmalab.v1.FsckRequest;

/** The steps that look inside. */
final class Inspection {
    private final Running running;

    Inspection(Running running) {
        this.running = running;
    }

    static Answer addressSpace(Running running, Step step) {
        long wanted = running.space(step).number();
        Inspect inspect = running.client(step).inspect();
        for (AddressSpace one : inspect.listAddressSpaces().getAddressSpacesList()) {
            if (one.getMm() == wanted) {
                return Answer.ofFields(one);
            }
        }
        throw new Mismatch("address space %s is not listed", Long.toUnsignedString(wanted));
    }

    Answer take(Step step) {
        Client client = running.client(step);
        Inspect inspect = client.inspect();
        switch (step.text("do")) {
            case "address_space":
                return addressSpace(running, step);
            case "server_info":
                return Answer.ofFields(inspect.getServerInfo());
            case "workers":
                return Answer.ofRows(inspect.listWorkers().getWorkersList(), "state");
            case "slabinfo":
                return Answer.ofRows(inspect.getSlabinfo().getCachesList(), "name");
            case "vmstat":
                return Answer.ofCounters(inspect.getVmstat().getCountersMap());
            case "participants":
                return Answer.ofRows(inspect.listParticipants().getParticipantsList(), "role");
            case "layout":
                return Answer.ofRows(inspect.getLayout().getStructsList(), "name");
            case "fsck":
                FsckRequest request = FsckRequest.newBuilder().setStop(step.is("stop")).build();
                return Answer.ofNames(inspect.fsck(request).getProblemsList());
            case "health":
                return Answer.ofText(client.health(step.text("service")));
            default:
                return null;
        }
    }
}
