// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.MapEntry;
import com.google.protobuf.Message;
import dev.vmalab.client.Result;
import dev.vmalab.client.Results;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a step gave: what a case may ask of it. */
final class Answer {
    long value;
    String text = "";
    List<String> names = new ArrayList<>();
    int count;
    List<Long> values = new ArrayList<>();
    Map<String, Object> fields = new HashMap<>();
    List<Result> results = new ArrayList<>();
    long executed;
    List<Integer> places = new ArrayList<>();

    static Answer ofValue(long value) {
        Answer made = new Answer();
        made.value = value;
        return made;
    }

    static Answer ofText(String text) {
        Answer made = new Answer();
        made.text = text;
        return made;
    }

    static Answer ofNames(List<String> names) {
        Answer made = new Answer();
        made.names = names;
        made.count = names.size();
        return made;
    }

    static Answer ofResults(Results results) {
        Answer made = new Answer();
        while (results.next()) {
            made.results.add(results.result());
        }
        return made;
    }

    static Answer ofCounters(Map<String, Long> counters) {
        Answer made = new Answer();
        made.fields = new HashMap<>(counters);
        return made;
    }

    static Answer ofFields(Message message) {
        Answer made = new Answer();
        made.fields = fieldsOf(message);
        return made;
    }

    /** Of a list: the first one's fields, and one field of each as its name. */
    static Answer ofRows(List<? extends Message> rows, String name) {
        Answer made = new Answer();
        made.count = rows.size();
        for (Message one : rows) {
            Map<String, Object> fields = fieldsOf(one);
            if (made.names.isEmpty()) {
                made.fields = fields;
            }
            made.names.add(String.valueOf(fields.get(name)));
        }
        return made;
    }

    /** The fields of a message by name: numbers as Long, texts, lists and tables. */
    static Map<String, Object> fieldsOf(Message message) {
        Map<String, Object> found = new HashMap<>();
        for (FieldDescriptor one : message.getDescriptorForType().getFields()) {
            Object value = message.getField(one);
            if (one.isMapField()) {
                Map<String, Object> table = new HashMap<>();
                for (Object entry : (List<?>) value) {
                    MapEntry<?, ?> pair = (MapEntry<?, ?>) entry;
                    table.put(String.valueOf(pair.getKey()), scalar(pair.getValue(), false));
                }
                found.put(one.getName(), table);
            } else if (one.isRepeated()) {
                List<Object> list = new ArrayList<>();
                ((List<?>) value).forEach(entry -> list.add(scalar(entry, false)));
                found.put(one.getName(), list);
            } else {
                boolean unsigned = one.getType() == FieldDescriptor.Type.UINT32;
                found.put(one.getName(), scalar(value, unsigned));
            }
        }
        return found;
    }

    private static Object scalar(Object value, boolean unsigned) {
        if (value instanceof Integer number) {
            return unsigned ? Integer.toUnsignedLong(number) : number.longValue();
        }
        return value;
    }
}
