// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import dev.vmalab.client.Constants;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The expressions of cases: terms with + or | between them; and the variables of a case. */
final class Numbers {
    private static final Pattern TERM = Pattern.compile("(?:\\s*([+|])\\s+)?(\\S+)");
    private final Map<String, Long> variables = new ConcurrentHashMap<>();

    void keep(String name, long value) {
        variables.put(name, value);
    }

    /** What an expression is. */
    long of(Object given) {
        if (given instanceof Boolean truth) {
            return truth ? 1 : 0;
        }
        if (given instanceof Long number) {
            return number;
        }
        if (given == null) {
            return 0;
        }
        long total = 0;
        Matcher terms = TERM.matcher(String.valueOf(given));
        while (terms.find()) {
            long value = term(terms.group(2));
            total = "|".equals(terms.group(1)) ? total | value : total + value;
        }
        return total;
    }

    /** The number that a step has under a name; 0 if it has none. */
    long of(Step step, String name) {
        return of(step.get(name));
    }

    int intOf(Step step, String name) {
        return (int) of(step, name);
    }

    List<Long> all(List<?> given) {
        return given.stream().map(this::of).toList();
    }

    private long term(String text) {
        if (text.startsWith("$")) {
            return variables.get(text.substring(1));
        }
        if (text.matches("-?(0x[0-9a-fA-F]+|[0-9]+)")) {
            boolean hex = text.contains("0x");
            return new BigInteger(text.replace("0x", ""), hex ? 16 : 10).longValue();
        }
        OptionalLong found = Constants.byName(text);
        if (found.isEmpty()) {
            throw new Mismatch("there is no constant \"%s\"", text);
        }
        return found.getAsLong();
    }
}
