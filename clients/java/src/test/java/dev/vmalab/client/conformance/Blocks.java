// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import com.google.protobuf.ByteString;
import dev.vmalab.client.Batch;
import dev.vmalab.client.BlockBuilder;
import dev.vmalab.client.Client;
import dev.vmalab.client.Results;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** The steps that send blocks. */
final class Blocks {
    private final Running running;
    private final Numbers numbers;

    Blocks(Running running) {
        this.running = running;
        this.numbers = running.numbers;
    }

    Answer take(Step step) {
        switch (step.text("do")) {
            case "block":
                return send(step, built(step).bytes());
            case "raw_block":
                byte[] raw = HexFormat.of().parseHex(step.text("hex").replaceAll("\\s", ""));
                return send(step, ByteString.copyFrom(raw));
            default:
                return null;
        }
    }

    private Answer send(Step step, ByteString block) {
        Client client = running.client(step);
        if (step.text("via", "apply").equals("apply")) {
            return Answer.ofResults(client.apply(block));
        }
        try (Batch batch = client.batch()) {
            if (step.text("via").equals("failed")) {
                batch.sendFailedOnly(block);
                Batch.Failed failed = batch.receiveFailed();
                Answer answer = Answer.ofResults(failed.results());
                answer.executed = failed.executed();
                answer.places = failed.places();
                return answer;
            }
            return streamed(batch, block, step.has("times") ? numbers.of(step, "times") : 1);
        }
    }

    /** Sends a block several times, with the window kept full. */
    private static Answer streamed(Batch batch, ByteString block, long times) {
        Results last = Results.of(ByteString.EMPTY);
        long sent = 0;
        while (sent < times || batch.outstanding() > 0) {
            if (sent < times && !batch.isFull()) {
                batch.send(block);
                sent++;
            } else {
                last = batch.receive();
            }
        }
        return Answer.ofResults(last);
    }

    private BlockBuilder built(Step step) {
        BlockBuilder builder = new BlockBuilder();
        if (step.has("pkru")) {
            builder.pkru(numbers.intOf(step, "pkru"));
        }
        long repeat = step.has("repeat") ? numbers.of(step, "repeat") : 1;
        for (long i = 0; i < repeat; i++) {
            for (Step record : step.steps("records")) {
                add(builder, record, step.has("repeat") ? i * numbers.of(step, "stride") : 0);
            }
        }
        return builder;
    }

    private void add(BlockBuilder builder, Step record, long moved) {
        String key = record.text("op");
        if (record.has("word") && key.equals("FAULT")) {
            key = "FAULT_STORE";
        }
        Names.Named named = Names.RECORDS.get(key);
        if (named == null) {
            throw new Mismatch("there is no record %s", key);
        }
        Method method = Spaces.method(BlockBuilder.class, named);
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < named.arguments().size(); i++) {
            String name = named.arguments().get(i);
            Object given = record.get(name);
            if (name.equals("addr") && moved != 0) {
                given = numbers.of(given) + moved;
            }
            values.add(Spaces.argument(numbers, given, method.getParameterTypes()[i]));
        }
        Spaces.invoke(method, builder, values);
    }
}
