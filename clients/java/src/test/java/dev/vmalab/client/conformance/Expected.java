// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import dev.vmalab.client.CallException;
import dev.vmalab.client.FaultException;
import dev.vmalab.client.RefusedException;
import dev.vmalab.client.Result;
import dev.vmalab.client.ServiceException;
import dev.vmalab.client.UserFaultException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Compares what a case expects with what there is; a difference is a {@link Mismatch}. */
final class Expected {
    private static final List<String> FAILURES =
        List.of("errno", "signal", "userfault", "code", "local");
    private static final List<String> PARTS =
        List.of("errno", "signal", "si_code", "pkey", "userfault", "code", "reason", "local");
    private static final Map<Class<?>, String> LOCALS =
        Map.of(
            RefusedException.Closed.class, "closed",
            RefusedException.BadTarget.class, "bad_target",
            RefusedException.BadCertificate.class, "bad_certificate",
            RefusedException.BadToken.class, "bad_token",
            RefusedException.BadBlock.class, "bad_record");

    private final Numbers numbers;

    Expected(Numbers numbers) {
        this.numbers = numbers;
    }

    /** An error of the client in the words of the cases. */
    private static Map<String, Object> failure(RuntimeException error) {
        Map<String, Object> found = new HashMap<>();
        if (error instanceof CallException call) {
            found.put("errno", (long) call.errno());
        } else if (error instanceof FaultException fault) {
            found.put("signal", (long) fault.signal());
            found.put("si_code", (long) fault.code());
            fault.pkey().ifPresent(key -> found.put("pkey", (long) key));
        } else if (error instanceof UserFaultException fault) {
            found.put("userfault", (long) fault.flags());
        } else if (error instanceof ServiceException service) {
            found.put("code", service.code().name());
            found.put("reason", service.reason());
            found.put("metadata", service.metadata());
        } else if (LOCALS.containsKey(error.getClass())) {
            found.put("local", LOCALS.get(error.getClass()));
        }
        return found;
    }

    private static String failureOf(Step step) {
        return FAILURES.stream().filter(step::has).findFirst().orElse("");
    }

    /** Compares texts as texts, all else as numbers. */
    private void same(String what, Object wanted, Object got) {
        if (got instanceof String text) {
            if (!text.equals(String.valueOf(wanted))) {
                throw new Mismatch("%s is \"%s\", not \"%s\"", what, text, wanted);
            }
        } else if (numbers.of(got) != numbers.of(wanted)) {
            throw new Mismatch("%s is %#x, not %s", what, numbers.of(got), wanted);
        }
    }

    /** A step that failed. */
    void failed(Step step, RuntimeException error) {
        Map<String, Object> found = failure(error);
        String wanted = failureOf(step);
        if (!found.containsKey(wanted)) {
            throw new Mismatch("it failed: %s", error);
        }
        for (String name : PARTS) {
            if (!step.has(name) || name.equals("pkey") && !step.has("signal")) {
                continue;
            }
            if (!found.containsKey(name)) {
                throw new Mismatch("there is no %s in %s", name, found);
            }
            same(name, step.get(name), found.get(name));
        }
        Step metadata = step.table("metadata");
        for (String name : metadata.entries().keySet()) {
            Object got = ((Map<?, ?>) found.get("metadata")).get(name);
            if (!metadata.get(name).equals(got)) {
                throw new Mismatch("metadata %s is %s, not %s", name, got, metadata.get(name));
            }
        }
    }

    /** A step that succeeded. */
    void succeeded(Step step, Answer got) {
        String failure = failureOf(step);
        if (!failure.isEmpty()) {
            throw new Mismatch("it did not fail with %s %s", failure, step.get(failure));
        }
        if (step.has("value")) {
            same("value", step.get("value"), got.value);
        }
        if (step.has("value_not") && got.value == numbers.of(step, "value_not")) {
            throw new Mismatch("value is %d", got.value);
        }
        if (step.has("text")) {
            same("text", step.get("text"), got.text);
        }
        for (String part : step.texts("contains")) {
            if (!got.text.contains(part) && !got.names.contains(part)) {
                throw new Mismatch("\"%s\" is not in \"%s\" %s", part, got.text, got.names);
            }
        }
        for (String part : step.texts("lacks")) {
            if (got.text.contains(part) || got.names.contains(part)) {
                throw new Mismatch("\"%s\" is in \"%s\" %s", part, got.text, got.names);
            }
        }
        if (step.has("count") && got.count != numbers.of(step, "count")) {
            throw new Mismatch("count is %d, not %s", got.count, step.get("count"));
        }
        if (step.has("count_at_least") && got.count < numbers.of(step, "count_at_least")) {
            Object least = step.get("count_at_least");
            throw new Mismatch("count is %d, not %s or more", got.count, least);
        }
        if (step.has("values") && !numbers.all(step.list("values")).equals(got.values)) {
            throw new Mismatch("values are %s, not %s", got.values, step.get("values"));
        }
        for (String kind : List.of("fields", "fields_not", "fields_at_least", "bits", "lists")) {
            Step wanted = step.table(kind);
            for (String name : wanted.entries().keySet()) {
                field(kind, name, wanted.get(name), entry(got.fields, name));
            }
        }
    }

    /** An entry, or one of a table in it: "limits.mms_max". */
    private static Object entry(Map<String, Object> fields, String name) {
        Object found = fields;
        for (String part : name.split("\\.")) {
            if (!(found instanceof Map<?, ?> table) || !table.containsKey(part)) {
                throw new Mismatch("there is no field %s", name);
            }
            found = table.get(part);
        }
        return found;
    }

    private void field(String kind, String name, Object wanted, Object got) {
        switch (kind) {
            case "fields" -> same(name, wanted, got);
            case "fields_not" -> {
                if (numbers.of(got) == numbers.of(wanted)) {
                    throw new Mismatch("%s is %s", name, wanted);
                }
            }
            case "fields_at_least" -> {
                if (Long.compareUnsigned(numbers.of(got), numbers.of(wanted)) < 0) {
                    throw new Mismatch("%s is %s, not %s or more", name, got, wanted);
                }
            }
            case "bits" -> {
                long bits = numbers.of(wanted);
                if ((numbers.of(got) & bits) != bits) {
                    throw new Mismatch("%s is %s, without all of %s", name, got, wanted);
                }
            }
            default -> {
                for (Object one : (List<?>) wanted) {
                    if (!((List<?>) got).contains(one)) {
                        throw new Mismatch("%s has not %s", name, one);
                    }
                }
            }
        }
    }

    private void result(Step wanted, Result got) {
        if (wanted.has("errno")) {
            same("errno", wanted.get("errno"), (long) got.errno());
        } else if (wanted.has("signal")) {
            same("signal", wanted.get("signal"), (long) got.signal());
            if (wanted.has("si_code")) {
                same("si_code", wanted.get("si_code"), (long) got.code());
            }
            if (wanted.has("pkey")) {
                same("pkey", wanted.get("pkey"), (long) got.pkey().orElse(0));
            }
        } else if (wanted.has("userfault")) {
            OptionalInt flags = got.userFault();
            if (flags.isEmpty()) {
                throw new Mismatch("the result %s waits for no userfaultfd", got);
            }
            same("userfault", wanted.get("userfault"), (long) flags.getAsInt());
        } else if (wanted.has("status")) {
            same("status", "STATUS_" + wanted.get("status"), (long) got.status());
            if (wanted.has("limit")) {
                same("limit", "LIMIT_" + wanted.get("limit"), (long) got.info());
            }
        } else if (!got.isOk()) {
            throw new Mismatch("the result is %s", got);
        }
        if (wanted.has("value")) {
            same("value", wanted.get("value"), got.value());
        }
    }

    /** A block that was executed. */
    void block(Step step, Answer got) {
        if (step.has("executed") && got.executed != numbers.of(step, "executed")) {
            throw new Mismatch(
                "%d records were executed, not %s", got.executed, step.get("executed"));
        }
        if (step.has("failed")) {
            List<Long> places = got.places.stream().map(Integer::longValue).toList();
            if (!numbers.all(step.list("failed")).equals(places)) {
                throw new Mismatch("records %s failed, not %s", places, step.get("failed"));
            }
        }
        long good = got.results.stream().filter(Result::isOk).count();
        if (step.has("good") && good != numbers.of(step, "good")) {
            throw new Mismatch(
                "%d of %d results are good, not %s", good, got.results.size(), step.get("good"));
        }
        if (step.has("last")) {
            result(step.table("last"), got.results.get(got.results.size() - 1));
        }
        List<Step> wanted = step.steps("results");
        if (step.has("results") && wanted.size() != got.results.size()) {
            throw new Mismatch("there are %d results, not %d", got.results.size(), wanted.size());
        }
        for (int i = 0; i < wanted.size(); i++) {
            try {
                result(wanted.get(i), got.results.get(i));
            } catch (Mismatch wrong) {
                throw new Mismatch("record %d: %s", i, wrong.getMessage());
            }
            if (wanted.get(i).has("save")) {
                numbers.keep(wanted.get(i).text("save"), got.results.get(i).value());
            }
        }
    }
}
