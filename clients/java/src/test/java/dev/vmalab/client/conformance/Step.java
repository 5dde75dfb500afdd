// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A step of a case, or another table of the orders: entries by name. */
record Step(Map<String, Object> entries) {
    boolean has(String name) {
        return entries.containsKey(name);
    }

    Object get(String name) {
        return entries.get(name);
    }

    String text(String name) {
        return text(name, "");
    }

    String text(String name, String otherwise) {
        return has(name) ? String.valueOf(get(name)) : otherwise;
    }

    boolean is(String name) {
        return Boolean.TRUE.equals(get(name));
    }

    boolean isNot(String name) {
        return Boolean.FALSE.equals(get(name));
    }

    /** A table in it; an empty one if there is none. */
    Step table(String name) {
        return get(name) instanceof Map<?, ?> found ? of(found) : new Step(Map.of());
    }

    List<?> list(String name) {
        return get(name) instanceof List<?> found ? found : List.of();
    }

    List<String> texts(String name) {
        return list(name).stream().map(String::valueOf).toList();
    }

    List<Step> steps(String name) {
        List<Step> found = new ArrayList<>();
        for (Object one : list(name)) {
            found.add(of((Map<?, ?>) one));
        }
        return found;
    }

    @SuppressWarnings("unchecked")
    static Step of(Map<?, ?> found) {
        return new Step((Map<String, Object>) found);
    }
}
